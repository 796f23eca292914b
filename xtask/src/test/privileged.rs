//! Tests that need root: built here, run in one machine, on the kernel that the image has.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ichor_imager::packages::WhenGone;
use ichor_imager::squashfs;
use ichor_probe::{Ended, MountCall, PORT, Probe, Run, Stream};
use ichor_vm::{Accel, Boot, Cluster, ClusterSpec, Kernel, Node, NodeSpec};
use serde::Deserialize;

use super::sum::{Counter, Sum};
use super::{Part, selection};
use crate::image;

/// Where the machine sees the programs.
const PLACE: &str = "/mnt";
/// The serial number of the disk that they are on.
const DISK: &str = "image-0";
/// A kernel that starts without UEFI, on a busy machine.
const BOOT_TIME_MAX: Duration = Duration::from_secs(120);
/// One program with all its tests.
const PROGRAM_TIME_MAX: Duration = Duration::from_secs(300);
/// Tells tests that times are not those of a real machine.
const EMULATED: (&str, &str) = ("ICHOR_EMULATED", "1");
/// `MS_RDONLY` of mount(2).
const READ_ONLY: u32 = 1;

/// A test program.
struct Program {
    /// Where its source is, for people.
    source: String,
    path: PathBuf,
    /// The names of those of its tests that are wanted.
    tests: Vec<String>,
}

/// Builds, boots and runs.
///
/// # Errors
/// What could not be built, or the end of the machine's console.
pub(super) fn run(root: &Path, filter: &[String]) -> Result<Sum> {
    let programs = programs(root, filter)?;
    if programs.is_empty() {
        return Ok(Sum::default());
    }
    let image = image::run_with_probe(root, image::Profile::Vm, WhenGone::TakeNewest)?;
    let directory = tempfile::tempdir().context("make a directory")?;
    let disk = directory.path().join("programs");
    squashfs::of_programs(&strip_all(&programs, directory.path())?, &disk)?;
    let parts = image.kernel.parent().context("the image has a directory")?;
    let spec = ClusterSpec {
        name: "privileged".to_owned(),
        image: image.disk.clone(),
        nodes: 1,
        node: NodeSpec {
            boot: Boot::Kernel(Kernel::of_image(parts).context("read the image's arguments")?),
            images: vec![disk],
            serial_ports: vec![PORT.to_owned()],
            ..NodeSpec::default()
        },
    };
    let mut cluster = Cluster::start_temporary(&spec)?;
    let accel = cluster.plan().accel;
    let node = cluster.nodes_mut().first_mut();
    let node = node.context("a cluster has a node")?;
    run_all(node, accel, &programs).map_err(|error| error.context(node.last_words()))
}

fn run_all(node: &mut Node, accel: Accel, programs: &[Program]) -> Result<Sum> {
    let mut probe = Probe::connect(&node.serial_port(PORT))?;
    probe.wait_for_boot("", BOOT_TIME_MAX)?;
    let source = probe.disk(DISK)?;
    probe.mount(MountCall {
        source: source.display().to_string(),
        target: PLACE.into(),
        fstype: "squashfs".to_owned(),
        flags: READ_ONLY,
        data: String::new(),
    })?;
    let mut sum = Sum::default();
    for (number, program) in programs.iter().enumerate() {
        println!("     Running {} (in a machine)", program.source);
        sum.add(run_one(&mut probe, accel, &name(number), &program.tests)?);
    }
    Ok(sum)
}

fn run_one(probe: &mut Probe, accel: Accel, name: &str, tests: &[String]) -> Result<Sum> {
    let mut variables = vec![("PATH", "/usr/sbin:/usr/bin"), ("RUST_BACKTRACE", "1")];
    if accel == Accel::Tcg {
        variables.push(EMULATED);
    }
    let run = Run {
        program: Path::new(PLACE).join(name),
        arguments: [
            &["--test-threads=1".to_owned(), "--exact".to_owned()],
            tests,
        ]
        .concat(),
        environment: variables
            .into_iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        seconds_max: PROGRAM_TIME_MAX.as_secs(),
    };
    let mut counter = Counter::default();
    let ended = probe.run(&run, |stream, piece| match stream {
        Stream::Output => counter.take(piece),
        Stream::Error => eprint!("{}", String::from_utf8_lossy(piece)),
    })?;
    let mut sum = counter.finish();
    if ended != Ended::Code(0) && sum.failed == 0 {
        println!("the program ended by {ended:?} outside of a test");
        sum.failed = 1;
    }
    Ok(sum)
}

fn name(number: usize) -> String {
    format!("tests-{number}")
}

/// What cargo says of something it built.
#[derive(Deserialize)]
struct Artifact {
    executable: Option<PathBuf>,
    #[serde(default)]
    target: Target,
    #[serde(default)]
    profile: BuildProfile,
}

#[derive(Default, Deserialize)]
struct Target {
    src_path: PathBuf,
}

#[derive(Default, Deserialize)]
struct BuildProfile {
    test: bool,
}

/// Builds all test programs and finds those that have such tests.
fn programs(root: &Path, filter: &[String]) -> Result<Vec<Program>> {
    let output = Command::new("cargo")
        .args(["test", "--workspace", "--locked", "--no-run"])
        .arg("--message-format=json-render-diagnostics")
        .current_dir(root)
        .stderr(Stdio::inherit())
        .output()
        .context("run cargo test")?;
    if !output.status.success() {
        bail!("cargo test failed to build");
    }
    let mut programs = Vec::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let built = parse(line, root).with_context(|| format!("understand cargo's {line}"))?;
        let Some(mut program) = built else {
            continue;
        };
        program.tests = tests(&program.path, filter)?;
        if !program.tests.is_empty() {
            programs.push(program);
        }
    }
    programs.sort_by(|a, b| a.source.cmp(&b.source));
    Ok(programs)
}

fn parse(line: &str, root: &Path) -> serde_json::Result<Option<Program>> {
    let artifact: Artifact = serde_json::from_str(line)?;
    let Some(path) = artifact.executable.filter(|_| artifact.profile.test) else {
        return Ok(None);
    };
    let source = artifact.target.src_path;
    let source = source.strip_prefix(root).unwrap_or(&source);
    Ok(Some(Program {
        source: source.display().to_string(),
        path,
        tests: Vec::new(),
    }))
}

/// The names of a program's privileged tests that match a filter, if there is one.
fn tests(program: &Path, filter: &[String]) -> Result<Vec<String>> {
    let output = Command::new(program)
        .args(["--list", "--format", "terse"])
        .args(selection(Part::Privileged, &[]))
        .output()
        .with_context(|| format!("run {}", program.display()))?;
    let text = String::from_utf8(output.stdout)?;
    let names = text.lines().filter_map(|line| line.strip_suffix(": test"));
    let matches =
        |name: &&str| filter.is_empty() || filter.iter().any(|part| name.contains(part.as_str()));
    Ok(names.filter(matches).map(str::to_owned).collect())
}

/// Copies of the programs without what debuggers need, by the names that they get.
fn strip_all(programs: &[Program], directory: &Path) -> Result<Vec<(String, PathBuf)>> {
    let mut stripped = Vec::new();
    for (number, program) in programs.iter().enumerate() {
        let path = directory.join(name(number));
        let status = Command::new("strip")
            .arg("-o")
            .arg(&path)
            .arg(&program.path)
            .status()
            .context("run strip; install the package binutils")?;
        if !status.success() {
            bail!("strip {} failed", program.path.display());
        }
        stripped.push((name(number), path));
    }
    Ok(stripped)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_found_in_what_cargo_says() {
        let root = Path::new("/w");
        let program = r#"{"reason":"compiler-artifact","target":{"src_path":"/w/a/src/lib.rs"},
            "profile":{"test":true},"executable":"/w/target/a-1"}"#;
        let found = parse(program, root).unwrap().unwrap();
        assert_eq!(found.source, "a/src/lib.rs");
        assert_eq!(found.path, Path::new("/w/target/a-1"));
        let others = [
            r#"{"reason":"compiler-artifact","target":{"src_path":"/w/a/src/main.rs"},
                "profile":{"test":false},"executable":"/w/target/a"}"#,
            r#"{"reason":"build-finished","success":true}"#,
        ];
        for other in others {
            assert!(parse(other, root).unwrap().is_none(), "{other}");
        }
    }
}
