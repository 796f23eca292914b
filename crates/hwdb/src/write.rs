//! Compiling the texts of packages.

use std::collections::{BTreeMap, HashMap};

use crate::{CHILD_BYTES, HEADER_BYTES, MAGIC, NODE_BYTES, VALUE_BYTES};

/// Version of systemd whose format this is.
const TOOL_VERSION: u64 = 257;

#[derive(Debug)]
struct Value {
    text: String,
    /// Later files win, then later lines.
    priority: u16,
    line: u32,
}

#[derive(Debug, Default)]
struct Node {
    prefix: Vec<u8>,
    children: BTreeMap<u8, usize>,
    values: BTreeMap<String, Value>,
}

impl Node {
    fn bytes(&self) -> u64 {
        let children = self.children.len() as u64 * CHILD_BYTES;
        NODE_BYTES + children + self.values.len() as u64 * VALUE_BYTES
    }
}

/// Patterns and their properties, of any number of texts.
#[derive(Debug)]
pub struct Trie {
    /// The root is the first.
    nodes: Vec<Node>,
    /// Names of the texts, in the order in which they came.
    files: Vec<String>,
}

impl Default for Trie {
    fn default() -> Self {
        Self {
            nodes: vec![Node::default()],
            files: Vec::new(),
        }
    }
}

impl Trie {
    /// Adds a text: patterns at the start of a line, then properties behind a space, then an empty
    /// line. Of two properties for one device, that of the later text counts, then the later line.
    pub fn add(&mut self, name: &str, text: &str) {
        self.files.push(name.to_owned());
        let priority = u16::try_from(self.files.len()).unwrap_or(u16::MAX);
        let mut patterns = Vec::new();
        let mut in_properties = false;
        for (line, content) in (1..).zip(text.lines()) {
            if content.starts_with('#') {
                continue;
            }
            let Some(property) = content.strip_prefix(' ') else {
                if in_properties || content.is_empty() {
                    patterns.clear();
                    in_properties = false;
                }
                // A zero ends a string of the file.
                if !content.is_empty() && !content.contains('\0') {
                    patterns.push(content.trim_end());
                }
                continue;
            };
            in_properties = true;
            let Some((key, value)) = property.split_once('=') else {
                continue;
            };
            for pattern in &patterns {
                let text = value.trim_end().to_owned();
                let value = Value {
                    text,
                    priority,
                    line,
                };
                // The space before a key tells properties from other things; it belongs to it.
                self.insert(pattern.as_bytes(), format!(" {key}"), value);
            }
        }
    }

    fn insert(&mut self, pattern: &[u8], key: String, value: Value) {
        let mut place = 0;
        let mut rest = pattern;
        loop {
            rest = self.descend(place, rest);
            let next = self.nodes.len();
            let Some(node) = self.nodes.get_mut(place) else {
                return;
            };
            let Some((&byte, tail)) = rest.split_first() else {
                node.values.insert(key, value);
                return;
            };
            rest = tail;
            place = *node.children.entry(byte).or_insert(next);
            if place == next {
                self.nodes.push(Node {
                    prefix: rest.to_vec(),
                    ..Node::default()
                });
            }
        }
    }

    /// What follows the prefix of a node in a text. Where the two differ, the node is cut, and a
    /// new one takes over what hung on it.
    fn descend<'a>(&mut self, place: usize, text: &'a [u8]) -> &'a [u8] {
        let next = self.nodes.len();
        let Some(node) = self.nodes.get_mut(place) else {
            return text;
        };
        let equal = node.prefix.iter().zip(text).take_while(|(a, b)| a == b);
        let common = equal.count();
        if let Some((&byte, tail)) = node.prefix.get(common..).and_then(<[u8]>::split_first) {
            let tail = Node {
                prefix: tail.to_vec(),
                children: std::mem::take(&mut node.children),
                values: std::mem::take(&mut node.values),
            };
            node.prefix.truncate(common);
            node.children.insert(byte, next);
            self.nodes.push(tail);
        }
        text.get(common..).unwrap_or_default()
    }

    /// The file.
    pub fn write(&self) -> Vec<u8> {
        let mut end = HEADER_BYTES;
        let mut offsets = Vec::new();
        for node in &self.nodes {
            offsets.push(end);
            end += node.bytes();
        }
        let mut strings = Strings::new(end);
        let mut nodes = Vec::new();
        for node in &self.nodes {
            nodes.extend(strings.place(&node.prefix).to_le_bytes());
            // A byte has 256 values, and patterns have no zeroes.
            let children = u8::try_from(node.children.len()).unwrap_or(u8::MAX);
            nodes.extend([children, 0, 0, 0, 0, 0, 0, 0]);
            nodes.extend((node.values.len() as u64).to_le_bytes());
            for (byte, child) in &node.children {
                let offset = offsets.get(*child).copied().unwrap_or_default();
                nodes.extend([*byte, 0, 0, 0, 0, 0, 0, 0]);
                nodes.extend(offset.to_le_bytes());
            }
            for (key, value) in &node.values {
                let name = self.files.get(usize::from(value.priority).wrapping_sub(1));
                let name = name.map(String::as_str).unwrap_or_default();
                nodes.extend(strings.place(key.as_bytes()).to_le_bytes());
                nodes.extend(strings.place(value.text.as_bytes()).to_le_bytes());
                nodes.extend(strings.place(name.as_bytes()).to_le_bytes());
                nodes.extend(value.line.to_le_bytes());
                nodes.extend(value.priority.to_le_bytes());
                nodes.extend([0, 0]);
            }
        }
        let strings = strings.bytes;
        let mut file = MAGIC.to_vec();
        for field in [
            TOOL_VERSION,
            end + strings.len() as u64,
            HEADER_BYTES,
            NODE_BYTES,
            CHILD_BYTES,
            VALUE_BYTES,
            HEADER_BYTES, // The root.
            nodes.len() as u64,
            strings.len() as u64,
        ] {
            file.extend(field.to_le_bytes());
        }
        file.extend(nodes);
        file.extend(strings);
        file
    }
}

/// Strings that end with a zero, each once.
struct Strings {
    start: u64,
    bytes: Vec<u8>,
    places: HashMap<Vec<u8>, u64>,
}

impl Strings {
    fn new(start: u64) -> Self {
        Self {
            start,
            // The empty string comes first.
            bytes: vec![0],
            places: HashMap::from([(Vec::new(), start)]),
        }
    }

    fn place(&mut self, text: &[u8]) -> u64 {
        if let Some(place) = self.places.get(text) {
            return *place;
        }
        let place = self.start + self.bytes.len() as u64;
        self.bytes.extend_from_slice(text);
        self.bytes.push(0);
        self.places.insert(text.to_vec(), place);
        place
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn number(file: &[u8], at: u64) -> u64 {
        let at = usize::try_from(at).unwrap();
        u64::from_le_bytes(file[at..at + 8].try_into().unwrap())
    }

    fn text(file: &[u8], at: u64) -> String {
        let rest = &file[usize::try_from(at).unwrap()..];
        let end = rest.iter().position(|byte| *byte == 0).unwrap();
        String::from_utf8(rest[..end].to_vec()).unwrap()
    }

    /// All patterns with their properties, as a reader of the file finds them.
    fn walk(file: &[u8], node: u64, pattern: &str, found: &mut Vec<String>) {
        let pattern = format!("{pattern}{}", text(file, number(file, node)));
        let children = u64::from(file[usize::try_from(node).unwrap() + 8]);
        let values = node + NODE_BYTES + children * CHILD_BYTES;
        for index in 0..number(file, node + 16) {
            let value = values + index * VALUE_BYTES;
            let (key, content) = (number(file, value), number(file, value + 8));
            found.push(format!(
                "{pattern}{}={}",
                text(file, key),
                text(file, content)
            ));
        }
        for index in 0..children {
            let child = node + NODE_BYTES + index * CHILD_BYTES;
            let byte = char::from(file[usize::try_from(child).unwrap()]);
            walk(
                file,
                number(file, child + 8),
                &format!("{pattern}{byte}"),
                found,
            );
        }
    }

    #[test]
    fn every_pattern_is_found_with_its_properties() {
        let mut trie = Trie::default();
        trie.add(
            "1.hwdb",
            "# c\n\npci:v1*\npci:v12*\n A=x\n B=y \n\npci:v1d3*\n A=z\n",
        );
        trie.add("2.hwdb", "pci:v1*\n B=later\n\npci:\n C=root\n");
        let file = trie.write();
        assert_eq!(number(&file, 16), file.len() as u64);
        let mut found = Vec::new();
        walk(&file, number(&file, crate::ROOT_AT), "", &mut found);
        let expected = [
            "pci: C=root",
            "pci:v1* A=x",
            "pci:v1* B=later",
            "pci:v12* A=x",
            "pci:v12* B=y",
            "pci:v1d3* A=z",
        ];
        assert_eq!(found, expected);
    }
}
