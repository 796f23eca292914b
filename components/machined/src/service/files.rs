//! Directory listings.

use std::fs::{self, Metadata};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use ichor_api::machine::list_request::Type;
use ichor_api::machine::{FileInfo, ListRequest};
use tonic::{Response, Status};

use super::asking::ask;
use super::stream::{Answers, Walk, answer_walk};

/// Answers with what is below a path, parents before children.
pub(crate) async fn list(request: ListRequest) -> Result<Response<Answers<FileInfo>>, Status> {
    let root = match request.root.as_str() {
        "" => PathBuf::from("/"),
        path if path.starts_with('/') => PathBuf::from(path),
        path => {
            return Err(Status::invalid_argument(format!(
                "root: {path:?} is not absolute"
            )));
        }
    };
    let asked = root.clone();
    let found = ask(&root.to_string_lossy(), move || fs::symlink_metadata(asked)).await?;
    found.map_err(|error| Status::not_found(format!("{}: {error}", root.display())))?;
    let depth = match (request.recurse, usize::try_from(request.recursion_depth)) {
        (false, _) => 1,
        (true, Ok(depth)) if depth > 0 => depth,
        (true, _) => usize::MAX,
    };
    let path = root.display().to_string();
    let listing = Listing {
        waiting: vec![(root.clone(), 0)],
        root,
        depth,
        types: request.types().collect(),
    };
    Ok(answer_walk(path, listing))
}

struct Listing {
    root: PathBuf,
    depth: usize,
    types: Vec<Type>,
    /// What comes next is last; each with its level.
    waiting: Vec<(PathBuf, usize)>,
}

impl Walk for Listing {
    type Item = FileInfo;

    fn step(&mut self, found: &mut Vec<FileInfo>) -> bool {
        let Some((path, level)) = self.waiting.pop() else {
            return false;
        };
        let info = self.info(&path);
        let goes_deeper = info.is_dir && level < self.depth;
        if self.is_wanted(&info) {
            found.push(info);
        }
        if goes_deeper {
            match children(&path) {
                Ok(children) => {
                    let deeper = children.into_iter().rev().map(|child| (child, level + 1));
                    self.waiting.extend(deeper);
                }
                Err(error) => found.push(FileInfo {
                    error: error.to_string(),
                    ..self.info(&path)
                }),
            }
        }
        true
    }
}

impl Listing {
    fn is_wanted(&self, info: &FileInfo) -> bool {
        let kind = if info.is_dir {
            Type::Directory
        } else if info.link.is_empty() {
            Type::Regular
        } else {
            Type::Symlink
        };
        self.types.is_empty() || self.types.contains(&kind)
    }

    fn info(&self, path: &Path) -> FileInfo {
        let relative = path.strip_prefix(&self.root).unwrap_or(path);
        let mut info = FileInfo {
            name: path.display().to_string(),
            relative_name: match relative.as_os_str().is_empty() {
                true => ".".into(),
                false => relative.display().to_string(),
            },
            ..FileInfo::default()
        };
        match fs::symlink_metadata(path) {
            Ok(metadata) => fill(&mut info, path, &metadata),
            Err(error) => info.error = error.to_string(),
        }
        info
    }
}

fn fill(info: &mut FileInfo, path: &Path, metadata: &Metadata) {
    info.size = i64::try_from(metadata.size()).unwrap_or(i64::MAX);
    info.mode = mode(metadata);
    info.modified = metadata.mtime();
    info.is_dir = metadata.is_dir();
    info.uid = metadata.uid();
    info.gid = metadata.gid();
    if metadata.is_symlink() {
        let target = fs::read_link(path).unwrap_or_default();
        info.link = target.display().to_string();
    }
}

/// The mode in the bits that clients know: those of Go's `io/fs.FileMode`.
fn mode(metadata: &Metadata) -> u32 {
    let kind = metadata.file_type();
    let raw = metadata.mode();
    let mut mode = raw & 0o777;
    let flags = [
        (kind.is_dir(), 1 << 31),
        (kind.is_symlink(), 1 << 27),
        (kind.is_block_device() || kind.is_char_device(), 1 << 26),
        (kind.is_fifo(), 1 << 25),
        (kind.is_socket(), 1 << 24),
        (raw & 0o4000 != 0, 1 << 23),
        (raw & 0o2000 != 0, 1 << 22),
        (kind.is_char_device(), 1 << 21),
        (raw & 0o1000 != 0, 1 << 20),
    ];
    for (is_set, bit) in flags {
        if is_set {
            mode |= bit;
        }
    }
    mode
}

fn children(directory: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = fs::read_dir(directory)?;
    let mut paths: Vec<_> = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect();
    paths.sort();
    Ok(paths)
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    async fn names(request: ListRequest) -> Vec<String> {
        let stream = list(request).await.unwrap().into_inner();
        let infos: Vec<_> = stream.collect().await;
        infos
            .into_iter()
            .map(|info| info.unwrap().relative_name)
            .collect()
    }

    fn request(name: &str) -> ListRequest {
        let root = std::env::temp_dir().join(format!("ichor-list-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("a/file"), "x").unwrap();
        ListRequest {
            root: root.display().to_string(),
            ..ListRequest::default()
        }
    }

    #[tokio::test]
    async fn lists_parents_before_children_and_no_deeper_than_asked() {
        assert_eq!(names(request("flat")).await, [".", "a"]);
        let deep = ListRequest {
            recurse: true,
            ..request("deep")
        };
        assert_eq!(names(deep).await, [".", "a", "a/b", "a/file"]);
    }

    #[tokio::test]
    async fn a_path_that_is_not_there_is_named() {
        let request = ListRequest {
            root: "/nowhere-at-all".into(),
            ..ListRequest::default()
        };
        let status = list(request).await.err().unwrap();
        assert_eq!(status.code(), tonic::Code::NotFound);
        assert!(status.message().contains("/nowhere-at-all"));
    }
}
