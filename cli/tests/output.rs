//! What happens when the output cannot be written.

use std::fs::File;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

/// The signal of a pipe that nobody reads, as signal(7) has it.
const SIGPIPE: i32 = 13;

fn ichor(words: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ichor"));
    command.args(words);
    command
}

fn unread() -> io::Result<Stdio> {
    let (_reader, writer) = io::pipe()?;
    Ok(writer.into())
}

#[test]
fn a_full_disk_is_an_error() {
    for words in [&["version", "--client"][..], &["completion", "bash"]] {
        let full = File::create("/dev/full").unwrap();
        let output = ichor(words).stdout(full).output().unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        let expected = "write to the standard output: No space left on device (os error 28)\n";
        assert_eq!(String::from_utf8(output.stderr).unwrap(), expected);
    }
}

#[test]
fn who_reads_no_further_ends_it_quietly() {
    for words in [&["version", "--client"][..], &["completion", "bash"]] {
        let output = ichor(words).stdout(unread().unwrap()).output().unwrap();
        assert_eq!(output.status.signal(), Some(SIGPIPE), "{output:?}");
        assert_eq!(output.stderr, b"");
    }
}

#[test]
fn errors_that_nobody_reads_change_nothing() {
    let mut command = ichor(&["get", "links"]);
    let status = command
        .env_remove("ICHOR_NODES")
        .stderr(unread().unwrap())
        .status();
    assert_eq!(status.unwrap().code(), Some(1));
}
