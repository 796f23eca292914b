//! `cargo xtask test`: all tests, or a part of them by what they need.

mod go;
mod interop;
mod privileged;
mod sum;

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ichor_imager::build::Outputs;
use ichor_imager::packages::WhenGone;
use ichor_speed::{MEANT_SHA256_MB, Speed};

use crate::image::{self, Profile};
use sum::{Sum, count};

/// Tests by what they need; their names say it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// Those that need nothing but a process.
    Unit,
    /// Those that need root and a kernel that has everything; they run in one machine.
    Privileged,
    /// Those that start nodes in namespaces, as root: `native_`.
    Native,
    /// Those in Go, of `tests/interop`, against a machine.
    Interop,
    /// Those that boot machines: `vm_`.
    Vm,
}

const PRIVILEGED: &[&str] = &[
    "cgroup_", "confine_", "loop_", "module_", "mount_", "netns_",
];
const NATIVE: &[&str] = &["native_"];
const VM: &[&str] = &["vm_"];

/// Machines at once. Each has two processors, and emulation keeps both busy while it boots.
const MACHINES_MAX: &str = "2";

/// What all parts should take on a computer of [`MEANT_SHA256_MB`].
const WARM_TIME_MAX: Duration = Duration::from_secs(15 * 60);
const COLD_TIME_MAX: Duration = Duration::from_secs(40 * 60);

/// Runs a part, or all, and ends with the sum as the last line.
///
/// # Errors
/// A tool that cannot be run. A test that fails is no error but a failure's exit code.
pub(crate) fn run(root: &Path, part: Option<Part>, filter: &[String]) -> Result<ExitCode> {
    let parts = match part {
        Some(part) => vec![part],
        None => all_parts()?,
    };
    let mut sum = Sum::default();
    let mut images = Images::new(root);
    let begun = Instant::now();
    for part in parts {
        let start = Instant::now();
        let of_part = run_part(&mut images, part, filter);
        let seconds = start.elapsed().as_secs();
        println!(
            "{part:?}: {} passed, {} failed in {seconds} s",
            of_part.passed, of_part.failed
        );
        sum.add(of_part);
    }
    println!("{}", times(begun.elapsed(), ichor_speed::measure()));
    println!("{} passed, {} failed", sum.passed, sum.failed);
    // No test at all is a filter that is wrong.
    Ok(match sum.failed == 0 && sum.passed > 0 {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

/// How long it took, beside the speed of this computer and how long all parts should take at that.
fn times(took: Duration, speed: Speed) -> String {
    let at_this_speed = |meant: Duration| meant.as_secs_f64() * MEANT_SHA256_MB / speed.sha256_mb;
    format!(
        "in {} s; at {speed}, all parts should take {:.0} s at most, and {:.0} s when nothing is \
         compiled yet",
        took.as_secs(),
        at_this_speed(WARM_TIME_MAX),
        at_this_speed(COLD_TIME_MAX)
    )
}

fn all_parts() -> Result<Vec<Part>> {
    let is_root = std::fs::metadata("/proc/self")
        .context("look at /proc/self")?
        .uid()
        == 0;
    let all = [
        Part::Unit,
        Part::Privileged,
        Part::Native,
        Part::Interop,
        Part::Vm,
    ];
    if is_root {
        return Ok(all.to_vec());
    }
    println!("left out is what needs root: run `./x test native` as root");
    Ok(all
        .into_iter()
        .filter(|part| *part != Part::Native)
        .collect())
}

/// What cannot be built must not hide what the other parts say.
fn run_part(images: &mut Images<'_>, part: Part, filter: &[String]) -> Sum {
    let ran = match part {
        Part::Unit => run_cargo(images.root, part, filter, &[]),
        Part::Privileged => privileged::run(images.root, filter),
        Part::Native => run_native(images, filter),
        Part::Interop => run_interop(images, filter),
        Part::Vm => run_vm(images, filter),
    };
    ran.unwrap_or_else(|error| {
        println!("{part:?}: {error:#}");
        Sum::FAILURE
    })
}

fn run_native(images: &mut Images<'_>, filter: &[String]) -> Result<Sum> {
    let root = images.root;
    let outputs = images.get()?;
    let container = outputs.oci.as_ref().context("a container image was made")?;
    let variables = [
        ("ICHOR_ROOTFS", outputs.rootfs.clone()),
        ("ICHOR_OCI", container.clone()),
    ];
    run_cargo(root, Part::Native, filter, &variables)
}

fn run_interop(images: &mut Images<'_>, filter: &[String]) -> Result<Sum> {
    let root = images.root;
    let outputs = images.get()?;
    interop::run(root, &outputs.disk, &cli(root), filter)
}

fn run_vm(images: &mut Images<'_>, filter: &[String]) -> Result<Sum> {
    let root = images.root;
    let outputs = images.get()?.clone();
    let probed = image::run_with_probe(root, Profile::Vm, WhenGone::TakeNewest)?;
    let variables = [
        ("ICHOR_IMAGE", outputs.disk),
        (
            "ICHOR_QCOW2",
            outputs.qcow2.context("a qcow2 disk was made")?,
        ),
        ("ICHOR_ISO", outputs.iso.context("an ISO was made")?),
        ("ICHOR_PROBE_IMAGE", probed.disk),
        ("ICHOR_CLI", cli(root)),
    ];
    run_cargo(root, Part::Vm, filter, &variables)
}

fn cli(root: &Path) -> PathBuf {
    image::binary(root, Profile::Vm, "ichor")
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

/// The images that parts need, built with the first of them.
struct Images<'a> {
    root: &'a Path,
    built: Option<Outputs>,
}

impl<'a> Images<'a> {
    fn new(root: &'a Path) -> Self {
        Self { root, built: None }
    }

    fn get(&mut self) -> Result<&Outputs> {
        let outputs = match self.built.take() {
            Some(outputs) => outputs,
            None => image::run_with(self.root, Profile::Vm, WhenGone::TakeNewest, image::ALL)?,
        };
        Ok(self.built.insert(outputs))
    }
}

/// What is given to the test programs: each test belongs to exactly one part.
fn selection(part: Part, filter: &[String]) -> Vec<String> {
    let (only, skipped, threads): (&[&str], Vec<&str>, _) = match part {
        Part::Unit => (&[], [PRIVILEGED, NATIVE, VM].concat(), None),
        Part::Privileged => (PRIVILEGED, [NATIVE, VM].concat(), Some("1")),
        Part::Native => (NATIVE, VM.to_vec(), Some("1")),
        Part::Vm => (VM, Vec::new(), Some(MACHINES_MAX)),
        // They are not among the tests of Rust.
        Part::Interop => (&[], Vec::new(), None),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_computer_of_half_the_speed_has_twice_the_time() {
        let speed = Speed {
            sha256_mb: MEANT_SHA256_MB / 2.0,
            steps_m: 1.0,
        };
        let line = times(Duration::from_millis(61_500), speed);
        assert!(
            line.starts_with("in 61 s; at software SHA-256 165.0"),
            "{line}"
        );
        assert!(line.contains("1800 s at most, and 4800 s"), "{line}");
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
            "native_netns_x",
            "vm_answers",
            "vm_netns_loop_x",
        ] {
            let parts = [Part::Unit, Part::Privileged, Part::Native, Part::Vm];
            let count = parts.into_iter().filter(|part| runs(*part, name)).count();
            assert_eq!(count, 1, "{name}");
        }
    }
}
