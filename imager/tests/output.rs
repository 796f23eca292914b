//! What the program does when nobody takes its output.

#![cfg(test)]

use std::fs::File;
use std::process::{Command, Output, Stdio};

/// An image that `inspect` can tell something about.
const IMAGE: &str = concat!(
    env!("CARGO_MANIFEST_DIR"),
    "/../tests/fuzz/corpus/image/uki.efi"
);

fn inspect(output: impl Into<Stdio>) -> Output {
    let mut program = Command::new(env!("CARGO_BIN_EXE_ichor-imager"));
    program.args(["inspect", IMAGE]).stdout(output);
    program.output().unwrap()
}

#[test]
fn a_disk_that_is_full_is_an_error() {
    let full = File::options().write(true).open("/dev/full").unwrap();
    let output = inspect(full);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("write to the standard output"), "{said}");
}

#[test]
fn a_reader_that_has_gone_is_told_nothing() {
    let (reader, writer) = std::io::pipe().unwrap();
    drop(reader);
    let output = inspect(writer);
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(1), ""));
}

#[test]
fn the_image_is_told() {
    let output = inspect(Stdio::piped());
    assert!(output.status.success());
    assert!(String::from_utf8_lossy(&output.stdout).contains("unified kernel image"));
}
