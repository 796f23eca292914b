//! A tree of files to be put into an image.

use std::collections::BTreeMap;
use std::path::PathBuf;

/// Where the content of a file comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// Made here.
    Bytes(Vec<u8>),
    /// A file of the build host.
    Path(PathBuf),
}

/// What is at a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    Directory { mode: u16 },
    File { mode: u16, content: Content },
    Link { target: String },
    CharacterDevice { mode: u16, major: u32, minor: u32 },
}

/// Everything belongs to root. Paths are relative, without a leading slash, and sorted, so that a
/// directory comes before what is in it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Tree {
    nodes: BTreeMap<String, Node>,
}

impl Tree {
    pub(crate) fn directory(&mut self, path: &str, mode: u16) {
        self.parents(path);
        self.nodes.insert(path.to_owned(), Node::Directory { mode });
    }

    pub(crate) fn file(&mut self, path: &str, mode: u16, content: Content) {
        self.parents(path);
        self.nodes
            .insert(path.to_owned(), Node::File { mode, content });
    }

    pub(crate) fn text(&mut self, path: &str, text: impl Into<Vec<u8>>) {
        self.file(path, 0o644, Content::Bytes(text.into()));
    }

    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.parents(path);
        let target = target.to_owned();
        self.nodes.insert(path.to_owned(), Node::Link { target });
    }

    pub(crate) fn character_device(&mut self, path: &str, mode: u16, major: u32, minor: u32) {
        self.parents(path);
        let node = Node::CharacterDevice { mode, major, minor };
        self.nodes.insert(path.to_owned(), node);
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &Node)> {
        self.nodes.iter().map(|(path, node)| (path.as_str(), node))
    }

    fn parents(&mut self, path: &str) {
        for (end, _) in path.match_indices('/') {
            let parent = path.get(..end).unwrap_or_default();
            self.nodes
                .entry(parent.to_owned())
                .or_insert(Node::Directory { mode: 0o755 });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_comes_before_its_content() {
        let mut tree = Tree::default();
        tree.text("etc/ssl/certs", "x");
        tree.directory("etc", 0o700);
        let paths: Vec<_> = tree.iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["etc", "etc/ssl", "etc/ssl/certs"]);
    }
}
