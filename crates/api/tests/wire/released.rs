//! The contract against that of the last release: clients of that release go on to work.
//!
//! `testdata/released` holds the encoded descriptors of the release, and `breaking.txt` the breaks
//! that are meant; `cargo xtask proto --release` renews both.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use prost::Message;
use prost_types::FileDescriptorSet;

use crate::breaks::breaks;

#[test]
fn nothing_breaks_but_what_is_meant_to() {
    let released = FileDescriptorSet::decode(fs::read(released()).unwrap().as_slice()).unwrap();
    let current = FileDescriptorSet::decode(ichor_api::DESCRIPTORS).unwrap();
    let text = fs::read_to_string(directory().join("breaking.txt")).unwrap();
    let meant: BTreeSet<_> = parse_meant(&text).unwrap().into_keys().collect();
    let found = breaks(&released, &current);
    let unwanted: Vec<_> = found.difference(&meant).collect();
    assert!(
        unwanted.is_empty(),
        "would break clients of the last release: {unwanted:#?}"
    );
    let surplus: Vec<_> = meant.difference(&found).collect();
    assert!(
        surplus.is_empty(),
        "in breaking.txt, but not broken: {surplus:#?}"
    );
}

#[test]
fn the_released_contract_is_whole() {
    let mut released = FileDescriptorSet::decode(fs::read(released()).unwrap().as_slice()).unwrap();
    let empty = FileDescriptorSet::default();
    let packages = breaks(&released, &empty);
    assert!(packages.contains("package machine is gone"), "{packages:?}");
    assert!(packages.contains("package cosi.resource is gone"));
    // A break of the real contract is found, not only of small ones.
    let before = released.clone();
    let file = released.file.iter_mut();
    let mut files = file.filter(|file| file.package() == "machine");
    let messages = files.find_map(|file| {
        let mut messages = file.message_type.iter_mut();
        messages.find(|message| message.name() == "VersionInfo")
    });
    messages.unwrap().field.remove(0);
    assert_eq!(
        breaks(&before, &released),
        BTreeSet::from(["field machine.VersionInfo.tag is gone".to_owned()])
    );
}

#[test]
fn a_break_needs_a_reason() {
    let meant = parse_meant("# head\n\nfield a.B.c is gone\n    Nobody\n    set it.\n").unwrap();
    let expected = (
        "field a.B.c is gone".to_owned(),
        "Nobody set it.".to_owned(),
    );
    assert_eq!(meant.into_iter().collect::<Vec<_>>(), [expected]);
    for text in ["field a.B.c is gone\n", "    Nobody set it.\n"] {
        assert!(parse_meant(text).is_err(), "{text}");
    }
}

/// Breaks that are meant, with their reasons, which are the indented lines below each.
fn parse_meant(text: &str) -> Result<BTreeMap<String, String>, String> {
    let mut meant: Vec<(String, Vec<&str>)> = Vec::new();
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for line in lines.filter(|line| !line.starts_with('#')) {
        match (line.starts_with(' '), meant.last_mut()) {
            (false, _) => meant.push((line.to_owned(), Vec::new())),
            (true, Some((_, reason))) => reason.push(line.trim()),
            (true, None) => return Err(format!("a reason without a break: {line}")),
        }
    }
    match meant.iter().find(|(_, reason)| reason.is_empty()) {
        Some((line, _)) => Err(format!("without a reason: {line}")),
        None => Ok(meant
            .into_iter()
            .map(|(line, reason)| (line, reason.join(" ")))
            .collect()),
    }
}

/// The one file with descriptors.
fn released() -> PathBuf {
    let entries = fs::read_dir(directory()).unwrap();
    let paths = entries.map(|entry| entry.unwrap().path());
    let is_set = |path: &PathBuf| path.extension().is_some_and(|each| each == "binpb");
    let mut found: Vec<_> = paths.filter(is_set).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn directory() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/released")
}
