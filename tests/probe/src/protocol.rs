//! What is asked and answered: a JSON object per line, each with the number of its request.
//!
//! A request has any number of `Output` answers and then exactly one of another kind.

use std::collections::BTreeMap;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A line in either direction.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Line<T> {
    pub(crate) number: u64,
    pub(crate) content: T,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Request {
    /// Which boot is this?
    Hello,
    Run(Run),
    Read {
        path: PathBuf,
    },
    /// Makes or replaces the content of a file.
    Write {
        path: PathBuf,
        content: Bytes,
    },
    MakeDirectory {
        path: PathBuf,
    },
    /// Everything below a directory, on its file system only.
    List {
        path: PathBuf,
    },
    Mount(MountCall),
    Unmount {
        target: PathBuf,
    },
    Processes,
    Signal {
        pid: u32,
        signal: i32,
    },
    Sync,
}

#[derive(Debug, Serialize, Deserialize)]
pub(crate) enum Answer {
    Hello {
        boot_id: String,
    },
    Output {
        stream: Stream,
        content: Bytes,
    },
    Ended(Ended),
    Content(Bytes),
    Tree(BTreeMap<PathBuf, Entry>),
    Processes(Vec<Process>),
    Done,
    /// The kernel's error number, such as 30 for `EROFS`.
    Refused {
        errno: i32,
    },
    /// What was wrong with the request.
    Failed {
        problem: String,
    },
}

/// A program to be run.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Run {
    /// Its file.
    pub program: PathBuf,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Its whole environment.
    pub environment: Vec<(String, String)>,
    /// After this time it is killed, with all that it started.
    pub seconds_max: u64,
}

/// Where a program writes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stream {
    /// Standard output.
    Output,
    /// Standard error.
    Error,
}

/// How a program ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Ended {
    /// By itself.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It took too long and was killed.
    TimedOut,
}

/// The arguments of mount(2).
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct MountCall {
    /// A device, or a directory to bind.
    pub source: String,
    /// Where.
    pub target: PathBuf,
    /// The type of the file system.
    pub fstype: String,
    /// `MS_*`.
    pub flags: u32,
    /// Options of the file system, separated by commas.
    pub data: String,
}

/// A process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Process {
    /// Its number.
    pub pid: u32,
    /// The last part of what it was called by.
    pub name: String,
    /// When it was started, in ticks since the kernel was: numbers are used again.
    pub start_ticks: u64,
}

/// What lies at a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// What it is.
    pub kind: Kind,
    /// Permission bits.
    pub mode: u32,
    /// Owner.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

/// What a path names.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Kind {
    /// A directory.
    Directory,
    /// A file, with the SHA-256 of its content in hexadecimal.
    File {
        /// The hash.
        sha256: String,
    },
    /// A symbolic link.
    Link {
        /// Where it leads.
        target: PathBuf,
    },
    /// A socket.
    Socket,
    /// A pipe or device.
    Other,
}

/// Bytes, in base64.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Bytes(pub(crate) Vec<u8>);

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&STANDARD.encode(&self.0))
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        STANDARD.decode(text).map(Self).map_err(de::Error::custom)
    }
}

/// The line of a message, with its end.
pub(crate) fn encode<T: Serialize>(number: u64, content: T) -> serde_json::Result<Vec<u8>> {
    let mut line = serde_json::to_vec(&Line { number, content })?;
    line.push(b'\n');
    Ok(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_are_one_line_and_come_back() {
        let content = Bytes((0..=255).collect());
        let line = encode(7, Answer::Content(content.clone())).unwrap();
        assert_eq!(line.iter().filter(|byte| **byte == b'\n').count(), 1);
        let back: Line<Answer> = serde_json::from_slice(&line).unwrap();
        assert!(matches!(back.content, Answer::Content(bytes) if bytes == content));
        assert_eq!(back.number, 7);
    }
}
