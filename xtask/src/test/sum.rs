//! How many tests passed, as the test programs say.

use std::io::Read;
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

/// Tests that passed and failed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sum {
    pub(super) passed: u32,
    pub(super) failed: u32,
}

impl Sum {
    /// What cannot be run is a failure.
    pub(super) const FAILURE: Self = Self {
        passed: 0,
        failed: 1,
    };

    pub(super) fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs cargo, shows what it says, and adds the sums of the test programs.
pub(super) fn count(mut cargo: Command) -> Result<Sum> {
    let mut child = cargo
        .stdout(Stdio::piped())
        .spawn()
        .context("run cargo test")?;
    let mut counter = Counter::default();
    if let Some(mut output) = child.stdout.take() {
        let mut block = [0; 8192];
        loop {
            let length = output.read(&mut block);
            let length = length.context("read what cargo test says")?;
            match block.get(..length) {
                None | Some([]) => break,
                Some(piece) => counter.take(piece),
            }
        }
    }
    let mut sum = counter.finish();
    let status = child.wait().context("wait for cargo test")?;
    if !status.success() && sum.failed == 0 {
        println!("cargo test failed before or outside of a test");
        sum.failed = 1;
    }
    Ok(sum)
}

/// Shows what test programs say, and adds up their sums.
#[derive(Default)]
pub(super) struct Counter {
    line: Vec<u8>,
    sum: Sum,
}

impl Counter {
    pub(super) fn take(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(part);
            if part.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    pub(super) fn finish(mut self) -> Sum {
        if !self.line.is_empty() {
            self.end_line();
        }
        self.sum
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches('\n');
        if is_news(line) {
            println!("{line}");
        }
        self.sum.add(parse_result(line).unwrap_or_default());
    }
}

/// The headings of the many programs in which nothing is selected are noise.
fn is_news(line: &str) -> bool {
    let empty = ["running 0 tests", "test result: ok. 0 passed"];
    !line.is_empty() && !empty.iter().any(|start| line.starts_with(start))
}

/// The last line of a test program: `test result: ok. 3 passed; 0 failed; 0 ignored; ...`.
fn parse_result(line: &str) -> Option<Sum> {
    let (_, counts) = line.strip_prefix("test result: ")?.split_once(". ")?;
    let mut counts = counts.split("; ");
    let mut next = |what: &str| counts.next()?.strip_suffix(what)?.trim().parse().ok();
    Some(Sum {
        passed: next("passed")?,
        failed: next("failed")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_counted() {
        let line = "test result: FAILED. 20 passed; 1 failed; 0 ignored; 0 measured; 18 filtered out; finished in 0.27s";
        assert_eq!(
            parse_result(line),
            Some(Sum {
                passed: 20,
                failed: 1
            })
        );
        assert_eq!(parse_result("test a ... ok"), None);
        assert_eq!(parse_result("test result: what"), None);
    }

    #[test]
    fn a_line_may_come_in_pieces() {
        let mut counter = Counter::default();
        for piece in [
            "running 2 tests\ntest res",
            "ult: ok. 2 passed; 0 failed; 0 ig",
            "nored",
        ] {
            counter.take(piece.as_bytes());
        }
        let expected = Sum {
            passed: 2,
            failed: 0,
        };
        assert_eq!(counter.finish(), expected);
    }
}
