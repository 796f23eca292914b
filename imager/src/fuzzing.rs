//! What the fuzz tests call: image files of strangers, and files of packages and of the host.

use std::io::Cursor;
use std::path::Path;

use ichor_hwdb::Trie;

use crate::elf::Elf;
use crate::lock::Lock;
use crate::{apt, fat, inspect, loader, modules, source, sources};

/// A file of any form that may hold an image.
pub fn image(input: &[u8]) {
    let file = Cursor::new(input.to_vec());
    if let Ok(contents) = source::contents(file, Path::new("image")) {
        for program in contents.programs {
            drop(inspect::system(&program).map(|system| system.to_string()));
        }
    }
}

/// A FAT file system.
pub fn fat(input: &[u8]) {
    if let Ok(files) = fat::files(Cursor::new(input.to_vec())) {
        let bytes: usize = files.iter().map(|file| file.content.len()).sum();
        assert!(bytes <= input.len(), "{bytes}");
    }
}

/// A program or library of a package.
pub fn elf(input: &[u8]) {
    if let Some(elf) = Elf::parse(input) {
        assert!(elf.needed().len() <= input.len() / 16);
        elf.interpreter();
        elf.section(".modinfo");
    }
}

/// Texts of packages and of the host's apt.
pub fn texts(input: &[u8]) {
    let text = &*String::from_utf8_lossy(input);
    let lines = text.lines().filter_map(sources::parse_line);
    let stanzas = text.split("\n\n").filter_map(sources::parse_stanza);
    sources::choose(&lines.chain(stanzas).collect::<Vec<_>>());
    apt::parse_kernel(text);
    apt::parse_package(text);
    loader::parse_entry(text);
    modules::before(text);
    let mut trie = Trie::default();
    trie.add("texts", text);
    drop(trie.write());
}

/// A lock file.
pub fn lock(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    if let Ok(lock) = toml::from_str::<Lock>(&text) {
        let again = toml::to_string(&lock).map(|text| toml::from_str::<Lock>(&text));
        assert_eq!(again, Ok(Ok(lock)));
    }
}
