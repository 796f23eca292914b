//! Abuse of a whole node, in namespaces: PID 1 and its components bear what apid lets through.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ichor_abuse::attack::Kind;
use ichor_abuse::caller::Measured;
use ichor_abuse::process::Memory;
use ichor_native::{API_PORT, Native, Process, Setup};

const SECONDS: u64 = 6;
const PATIENCE: Duration = Duration::from_secs(20);
/// As in `flood.rs`; besides, PID 1 does what it is asked to.
const ANSWER_MAX: Duration = Duration::from_secs(10);
/// Of PID 1, which has no limit: without it there is no node.
const MEMORY_MAX: u64 = 128 << 20;

/// What reaches PID 1, or could; each with its number of connections.
const ATTACKS: &[(Kind, usize)] = &[
    (Kind::Resets, 100),
    (Kind::Calls, 50),
    (Kind::Large, 50),
    (Kind::Unread, 50),
    (Kind::Stalled, 50),
    (Kind::Mutated, 100),
];

const PROGRAM: &str = env!("CARGO_BIN_EXE_ichor-abuse");

#[test]
fn native_abuse_does_not_reach_pid_1() -> Result<()> {
    let mut node = Native::prepare(&Setup::of(&rootfs()?))?;
    node.go()?;
    let address = format!("127.0.0.1:{API_PORT}");
    let before = wait_for_components(&node, &address)?;
    let init = before.first().context("a node has processes")?.pid;
    for (kind, connections) in ATTACKS {
        let name = serde_json::to_value(kind)?;
        let name = kebab(name.as_str().context("a kind has a name")?);
        let attacker = node
            .enter(PROGRAM)
            .args(["attack", &address, &SECONDS.to_string(), "--only", &name])
            .args(["--connections", &connections.to_string()])
            .stdout(Stdio::piped())
            .spawn()?;
        let seconds = (SECONDS - 1).to_string();
        let called = node
            .enter(PROGRAM)
            .args(["call", &address, &seconds])
            .output()?;
        let fate = attacker.wait_with_output()?;
        ensure!(
            called.status.success(),
            "{name}: {}",
            String::from_utf8_lossy(&called.stderr)
        );
        let measured: Measured = serde_json::from_slice(&called.stdout)?;
        let memory = Memory::of(init)?;
        println!(
            "{}: {} calls, worst {:?}, new connections worst {:?}; PID 1 has {} MiB, peak {}",
            String::from_utf8_lossy(&fate.stdout).trim(),
            measured.calls.count,
            measured.calls.worst,
            measured.connections.worst,
            memory.proportional >> 20,
            memory.peak >> 20
        );
        assert!(measured.calls.worst < ANSWER_MAX && measured.connections.worst < ANSWER_MAX);
        assert!(memory.peak < MEMORY_MAX, "{name}");
    }
    let after = node.processes()?;
    let ids = |processes: &[Process]| -> Vec<u32> {
        processes.iter().map(|process| process.pid).collect()
    };
    assert_eq!(ids(&before), ids(&after), "none was started again");
    Ok(())
}

fn rootfs() -> Result<PathBuf> {
    let path = match std::env::var_os("ICHOR_ROOTFS") {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../../out/vm/rootfs.squashfs"),
    };
    ensure!(
        path.exists(),
        "{} is not there: run `./x test native`, or set ICHOR_ROOTFS",
        path.display()
    );
    Ok(path)
}

/// Waits for the first answer, and for all components.
fn wait_for_components(node: &Native, address: &str) -> Result<Vec<Process>> {
    let end = Instant::now() + PATIENCE;
    while Instant::now() < end {
        let answer = node.enter(PROGRAM).args(["call", address, "0"]).output()?;
        let found = node.processes()?;
        let has = |name: &str| found.iter().any(|process| process.name == name);
        if answer.status.success() && has("apid") && has("networkd") {
            return Ok(found);
        }
        sleep(Duration::from_millis(100));
    }
    bail!("the node does not start: {}", node.words())
}

/// `LongHeaders` as `long-headers`.
fn kebab(name: &str) -> String {
    let mut words = String::new();
    for letter in name.chars() {
        if letter.is_uppercase() && !words.is_empty() {
            words.push('-');
        }
        words.extend(letter.to_lowercase());
    }
    words
}
