//! udev's hardware database: names of vendors, devices and classes, by patterns of what a device says
//! of itself.
//!
//! [`Trie`] compiles the texts of packages to one file, in which [`Database`] looks things up. The file
//! is a radix tree of patterns: header, nodes with their children and values, strings.
//!
//! Source: systemd, hwdb(7) and `hwdb-internal.h`.

mod read;
mod write;

pub use read::Database;
pub use write::Trie;

const MAGIC: &[u8; 8] = b"KSLPHHRH";
const HEADER_BYTES: u64 = 80;
/// Where the header says where the root is.
const ROOT_AT: u64 = 56;
const NODE_BYTES: u64 = 24;
const CHILD_BYTES: u64 = 16;
const VALUE_BYTES: u64 = 32;
