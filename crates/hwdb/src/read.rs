//! Looking up what a device is called.

use std::collections::BTreeMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::{CHILD_BYTES, HEADER_BYTES, MAGIC, NODE_BYTES, ROOT_AT, VALUE_BYTES};

/// Names and values are short. More is no string of this file.
const STRING_MAX: usize = 4096;
const STRING_STEP: usize = 64;

/// A database, of which only what is asked for is read.
#[derive(Debug)]
pub struct Database {
    file: File,
    root: u64,
}

/// Properties, with the priority and line by which one takes the place of another.
type Found = BTreeMap<String, ((u16, u32), String)>;

#[derive(Debug)]
struct Node {
    prefix: Vec<u8>,
    /// Each by its byte.
    children: Vec<(u8, u64)>,
    /// Where its values begin, and how many there are.
    values: (u64, u64),
}

impl Database {
    /// Opens a database.
    ///
    /// # Errors
    /// A file that cannot be read, or is none: `InvalidData`.
    pub fn open(path: &Path) -> io::Result<Self> {
        let file = File::open(path)?;
        let mut header = [0; HEADER_BYTES as usize];
        file.read_exact_at(&mut header, 0)?;
        let sizes = [NODE_BYTES, CHILD_BYTES, VALUE_BYTES];
        let has_sizes = sizes
            .into_iter()
            .eq((32..).step_by(8).take(3).map(|at| number(&header, at)));
        if !header.starts_with(MAGIC) || !has_sizes {
            return Err(io::Error::new(
                io::ErrorKind::InvalidData,
                "not a hardware database of a known form",
            ));
        }
        let root = number(&header, ROOT_AT as usize);
        Ok(Self { file, root })
    }

    /// The properties of all patterns that match, such as `ID_VENDOR_FROM_DATABASE`. In patterns, `*`
    /// stands for any text and `?` for any character; sets of characters, which names of devices do
    /// not need, stand for themselves.
    ///
    /// # Errors
    /// The file cannot be read, or ends too soon.
    pub fn find(&self, text: &str) -> io::Result<BTreeMap<String, String>> {
        let mut found = Found::new();
        self.walk(&self.node(self.root)?, 0, text.as_bytes(), &mut found)?;
        Ok(found
            .into_iter()
            .map(|(key, (_, value))| (key, value))
            .collect())
    }

    /// Goes on behind the first `done` bytes of a node's prefix.
    fn walk(&self, node: &Node, done: usize, text: &[u8], found: &mut Found) -> io::Result<()> {
        if let Some(byte) = node.prefix.get(done) {
            return endings(*byte, text)
                .try_for_each(|rest| self.walk(node, done + 1, rest, found));
        }
        if text.is_empty() {
            self.take(node.values, found)?;
        }
        for (byte, at) in &node.children {
            let mut rests = endings(*byte, text).peekable();
            if rests.peek().is_some() {
                let child = self.node(*at)?;
                rests.try_for_each(|rest| self.walk(&child, 0, rest, found))?;
            }
        }
        Ok(())
    }

    fn take(&self, (at, count): (u64, u64), found: &mut Found) -> io::Result<()> {
        for index in 0..count {
            let mut value = [0; VALUE_BYTES as usize];
            self.file
                .read_exact_at(&mut value, at + index * VALUE_BYTES)?;
            let key = self.string(number(&value, 0))?;
            let text = self.string(number(&value, 8))?;
            // The line in 32 bits, then the priority in 16.
            let (line, priority) = (number(&value, 24) as u32, (number(&value, 24) >> 32) as u16);
            let rank = (priority, line);
            // A space before the key tells properties from other things.
            let key = String::from_utf8_lossy(&key).trim_start().to_owned();
            let text = String::from_utf8_lossy(&text).into_owned();
            let known = found.entry(key).or_insert((rank, String::new()));
            if rank >= known.0 {
                *known = (rank, text);
            }
        }
        Ok(())
    }

    fn node(&self, at: u64) -> io::Result<Node> {
        let mut head = [0; NODE_BYTES as usize];
        self.file.read_exact_at(&mut head, at)?;
        let prefix = self.string(number(&head, 0))?;
        let (count, values) = (number(&head, 8) & 0xff, number(&head, 16));
        let mut children = vec![0; (count * CHILD_BYTES) as usize];
        let children_at = at + NODE_BYTES;
        self.file.read_exact_at(&mut children, children_at)?;
        let children = children
            .chunks_exact(CHILD_BYTES as usize)
            .map(|child| (number(child, 0) as u8, number(child, 8)));
        Ok(Node {
            prefix,
            children: children.collect(),
            values: (children_at + count * CHILD_BYTES, values),
        })
    }

    /// Up to its zero.
    fn string(&self, at: u64) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        while text.len() < STRING_MAX {
            let mut step = [0; STRING_STEP];
            let count = self.file.read_at(&mut step, at + text.len() as u64)?;
            let step = step.get(..count).unwrap_or_default();
            if let Some(end) = step.iter().position(|byte| *byte == 0) {
                text.extend(step.iter().take(end));
                return Ok(text);
            }
            if step.is_empty() {
                break;
            }
            text.extend(step);
        }
        Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "a string without an end",
        ))
    }
}

/// What may be left of a text when a byte of a pattern has been matched.
fn endings(pattern: u8, text: &[u8]) -> impl Iterator<Item = &[u8]> {
    let skipped = match pattern {
        b'*' => 0..text.len() + 1,
        b'?' if !text.is_empty() => 1..2,
        byte if text.first() == Some(&byte) => 1..2,
        _ => 0..0,
    };
    skipped.filter_map(|count| text.get(count..))
}

/// A number of 64 bits; zero behind the end.
fn number(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..).and_then(|rest| rest.first_chunk());
    found.map_or(0, |bytes| u64::from_le_bytes(*bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Trie;

    fn database(texts: &[&str]) -> Database {
        let mut trie = Trie::default();
        for text in texts {
            trie.add("x.hwdb", text);
        }
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), trie.write()).unwrap();
        // It is open, so it may lose its name.
        Database::open(file.path()).unwrap()
    }

    fn find(database: &Database, text: &str) -> Vec<String> {
        let found = database.find(text).unwrap();
        found
            .iter()
            .map(|(key, value)| format!("{key}={value}"))
            .collect()
    }

    #[test]
    fn a_device_has_the_names_of_all_patterns_that_match() {
        let names = "pci:v00008086*\n VENDOR=Intel\n\npci:v00008086d00002922*\n MODEL=AHCI\n\n\
            pci:v00008086d00002922sv00001AF4*\n MODEL=AHCI of others\n\npci:v00001AF4*\n VENDOR=Red\n";
        let classes =
            "pci:v*d*sv*sd*bc01*\n CLASS=Storage\n\npci:v*d*sv*sd*bc01sc06*\n SUBCLASS=SATA\n";
        let database = database(&[classes, names]);
        assert_eq!(
            find(
                &database,
                "pci:v00008086d00002922sv00000000sd00001100bc01sc06i01"
            ),
            [
                "CLASS=Storage",
                "MODEL=AHCI",
                "SUBCLASS=SATA",
                "VENDOR=Intel"
            ]
        );
        assert_eq!(
            find(
                &database,
                "pci:v00008086d00002922sv00001AF4sd00001100bc02sc00i00"
            ),
            ["MODEL=AHCI of others", "VENDOR=Intel"]
        );
        assert_eq!(find(&database, "pci:v00009999"), [""; 0]);
        assert_eq!(find(&database, ""), [""; 0]);
    }

    #[test]
    fn what_comes_later_takes_its_place() {
        let database = database(&["a*\n K=1\n\na?\n K=2\n L=3\n", "*b\n K=4\n"]);
        assert_eq!(find(&database, "ax"), ["K=2", "L=3"]);
        assert_eq!(find(&database, "ab"), ["K=4", "L=3"]);
        assert_eq!(find(&database, "axx"), ["K=1"]);
    }

    #[test]
    fn what_is_no_database_is_refused() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let path = file.path();
        for content in [&b"KSLPHHRH"[..], &[0; 200]] {
            std::fs::write(path, content).unwrap();
            assert!(Database::open(path).is_err());
        }
        let mut cut = Trie::default();
        cut.add("x.hwdb", "pci:*\n A=b\n");
        let cut = cut.write();
        std::fs::write(path, &cut[..cut.len() - 12]).unwrap();
        assert!(Database::open(path).unwrap().find("pci:x").is_err());
    }
}
