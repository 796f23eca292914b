//! `cargo xtask test`: all tests, or a part of them by what they need.

mod privileged;

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result};
use ichor_imager::packages::WhenGone;

use crate::image::{self, Profile};

/// Tests by what they need; their names say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Those that need nothing but a process.
    Unit,
    /// Those that need root and a kernel that has everything; they run in one machine.
    Privileged,
    /// Those that boot machines: `vm_`.
    Vm,
}

const PRIVILEGED: &[&str] = &[
    "cgroup_", "confine_", "loop_", "module_", "mount_", "netns_",
];
const VM: &[&str] = &["vm_"];

/// Machines at once. Each has two processors, and emulation keeps both busy while it boots.
const MACHINES_MAX: &str = "2";

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Sum {
    passed: u32,
    failed: u32,
}

impl Sum {
    fn add(&mut self, other: Self) {
        self.passed += other.passed;
        self.failed += other.failed;
    }
}

/// Runs a part, or all, and ends with the sum as the last line.
///
/// # Errors
/// A tool that cannot be run. A test that fails is no error but a failure's exit code.
pub(crate) fn run(root: &Path, part: Option<Part>, filter: &[String]) -> Result<ExitCode> {
    let all = [Part::Unit, Part::Privileged, Part::Vm];
    let parts = part.map_or_else(|| all.to_vec(), |part| vec![part]);
    let mut sum = Sum::default();
    for part in parts {
        let start = Instant::now();
        let of_part = run_part(root, part, filter)?;
        let seconds = start.elapsed().as_secs();
        println!(
            "{part:?}: {} passed, {} failed in {seconds} s",
            of_part.passed, of_part.failed
        );
        sum.add(of_part);
    }
    println!("{} passed, {} failed", sum.passed, sum.failed);
    // No test at all is a filter that is wrong.
    Ok(match sum.failed == 0 && sum.passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn run_part(root: &Path, part: Part, filter: &[String]) -> Result<Sum> {
    let ran = match part {
        Part::Unit => run_cargo(root, part, filter, &[]),
        Part::Privileged => privileged::run(root, filter),
        Part::Vm => run_vm(root, filter),
    };
    // What cannot be built must not hide what the other parts say.
    Ok(ran.unwrap_or_else(|error| {
        println!("{part:?}: {error:#}");
        Sum {
            passed: 0,
            failed: 1,
        }
    }))
}

fn run_vm(root: &Path, filter: &[String]) -> Result<Sum> {
    let usual = image::run(root, Profile::Vm, WhenGone::TakeNewest)?;
    let probed = image::run_with_probe(root, Profile::Vm, WhenGone::TakeNewest)?;
    let binaries = image::target_directory(root).join("x86_64-unknown-linux-gnu/vm");
    let variables = [
        ("ICHOR_IMAGE", usual.disk),
        ("ICHOR_PROBE_IMAGE", probed.disk),
        ("ICHOR_CLI", binaries.join("ichor")),
    ];
    run_cargo(root, Part::Vm, filter, &variables)
}

fn run_cargo(
    root: &Path,
    part: Part,
    filter: &[String],
    variables: &[(&str, PathBuf)],
) -> Result<Sum> {
    let mut cargo = Command::new("cargo");
    cargo
        .current_dir(root)
        .args(["test", "--workspace", "--locked", "--no-fail-fast"])
        .envs(variables.iter().map(|(name, value)| (name, value)))
        .arg("--")
        .args(selection(part, filter));
    count(cargo)
}

/// What is given to the test programs: each test belongs to exactly one part.
fn selection(part: Part, filter: &[String]) -> Vec<String> {
    let (only, skipped, threads): (&[&str], Vec<&str>, _) = match part {
        Part::Unit => (&[], [PRIVILEGED, VM].concat(), None),
        Part::Privileged => (PRIVILEGED, VM.to_vec(), Some("1")),
        Part::Vm => (VM, Vec::new(), Some(MACHINES_MAX)),
    };
    let mut arguments = Vec::new();
    for name in skipped {
        arguments.extend(["--skip".to_owned(), name.to_owned()]);
    }
    if let Some(threads) = threads {
        arguments.push(format!("--test-threads={threads}"));
    }
    match filter {
        [] => arguments.extend(only.iter().map(|&name| name.to_owned())),
        // Within a part that is chosen by name, a filter has to be more than that name.
        filter => arguments.extend_from_slice(filter),
    }
    arguments
}

/// Runs cargo, shows what it says, and adds the sums of the test programs.
fn count(mut cargo: Command) -> Result<Sum> {
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
struct Counter {
    line: Vec<u8>,
    sum: Sum,
}

impl Counter {
    fn take(&mut self, piece: &[u8]) {
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend(part);
            if part.ends_with(b"\n") {
                self.end_line();
            }
        }
    }

    fn finish(mut self) -> Sum {
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

    #[test]
    fn each_test_is_in_one_part() {
        let runs = |part, name: &str| {
            let selection = selection(part, &[]);
            let mut words = selection.iter();
            let (mut skipped, mut only) = (Vec::new(), Vec::new());
            while let Some(word) = words.next() {
                match word.as_str() {
                    "--skip" => skipped.push(words.next().unwrap().clone()),
                    word if word.starts_with("--") => {}
                    word => only.push(word.to_owned()),
                }
            }
            let holds = |parts: &[String]| parts.iter().any(|part| name.contains(part));
            !holds(&skipped) && (only.is_empty() || holds(&only))
        };
        for name in [
            "a::keeps",
            "a::loop_mounts",
            "netns_leases",
            "vm_answers",
            "vm_netns_loop_x",
        ] {
            let parts = [Part::Unit, Part::Privileged, Part::Vm];
            let count = parts.into_iter().filter(|part| runs(*part, name)).count();
            assert_eq!(count, 1, "{name}");
        }
    }
}
