//! A node in namespaces: start, memory, calls, idleness.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
pub(crate) use ichor_native::API_PORT;
use ichor_native::{Native, Setup, Usage};

use crate::first::monotonic_ns;
use crate::load::Outcome;
use crate::promises;
use crate::report::Report;

/// Starts are short and vary.
const STARTS: usize = 7;
/// Until everything that follows a start is done.
const SETTLING: Duration = Duration::from_secs(5);

const MEBIBYTE: f64 = (1 << 20) as f64;

pub(crate) fn measure(squashfs: &Path, idle: Duration, report: &mut Report) -> Result<()> {
    let mut starts = Vec::new();
    for _ in 0..STARTS {
        let (_node, took) = start(squashfs)?;
        starts.push(took.as_secs_f64());
    }
    starts.sort_by(f64::total_cmp);
    let median = starts.get(STARTS / 2).copied().context("starts")?;
    report.add(promises::NATIVE_START, median);
    let (node, _) = start(squashfs)?;
    thread::sleep(SETTLING);
    let memory = pss_mebibytes(&node, report)?;
    report.add(promises::MEMORY, memory);
    watch_idle(&node, idle, report)?;
    calls(&node, report)
}

/// Starts a node and waits for its first answer.
fn start(squashfs: &Path) -> Result<(Native, Duration)> {
    let mut node = Native::prepare(&Setup::of(squashfs))?;
    // It waits before the node is there, so that nothing of its own start is measured.
    let first = own(&node, &["first"])?.stdout(Stdio::piped()).spawn()?;
    thread::sleep(Duration::from_millis(300));
    let begin = monotonic_ns();
    node.go()?;
    let output = first.wait_with_output()?;
    if !output.status.success() {
        bail!("no answer; the node said:\n{}", node.words());
    }
    let end: u64 = String::from_utf8(output.stdout)?.trim().parse()?;
    Ok((node, Duration::from_nanos(end.saturating_sub(begin))))
}

fn calls(node: &Native, report: &mut Report) -> Result<()> {
    report.native_speed(ichor_speed::measure());
    let one = load(node, &["--clients", "1"])?;
    report.add(promises::ONE_CALLER, one.calls_per_second);
    report.add(promises::ONE_CALLER_P50, one.p50_ms);
    let many = load(node, &["--clients", "64"])?;
    report.add(promises::MANY_CALLERS, many.calls_per_second);
    report.add(promises::MANY_CALLERS_P99, many.p99_ms);
    let apart = load(node, &["--clients", "64", "--connections", "64"])?;
    report.note(format!(
        "64 callers with a connection each: {:.0} calls/s, p99 {:.2} ms",
        apart.calls_per_second, apart.p99_ms
    ));
    let new = load(node, &["--connections", "0"])?;
    report.add(promises::CONNECTION, new.p50_ms);
    // What was measured so far has warmed up whatever keeps buffers.
    let before = pss_mebibytes(node, report)?;
    load(node, &["--clients", "16", "--calls", "60000"])?;
    thread::sleep(Duration::from_secs(1));
    let after = pss_mebibytes(node, report)?;
    report.add(promises::MEMORY_GROWTH, (after - before).max(0.0));
    Ok(())
}

fn load(node: &Native, arguments: &[&str]) -> Result<Outcome> {
    let output = own(node, &["load", "--json"])?.args(arguments).output()?;
    if !output.status.success() {
        bail!("load: {}", String::from_utf8_lossy(&output.stderr));
    }
    serde_json::from_slice(&output.stdout).context("read what the load client said")
}

/// This very program, in the node's network.
fn own(node: &Native, words: &[&str]) -> Result<Command> {
    let mut command = node.enter(std::env::current_exe()?);
    command.args(words).arg(format!("127.0.0.1:{API_PORT}"));
    Ok(command)
}

#[expect(clippy::cast_precision_loss, reason = "a size for people")]
fn pss_mebibytes(node: &Native, report: &mut Report) -> Result<f64> {
    let mut sum = 0;
    let mut parts = Vec::new();
    for process in node.processes()? {
        let usage = process.usage()?;
        sum += usage.pss_bytes;
        let (pss, private) = (usage.pss_bytes as f64, usage.private_bytes as f64);
        parts.push(format!(
            "{} {:.1} ({:.1})",
            process.name,
            pss / MEBIBYTE,
            private / MEBIBYTE
        ));
    }
    report.note(format!("PSS (private) in MiB: {}", parts.join(", ")));
    Ok(sum as f64 / MEBIBYTE)
}

#[expect(clippy::cast_precision_loss, reason = "a rate for people")]
fn watch_idle(node: &Native, idle: Duration, report: &mut Report) -> Result<()> {
    let processes = node.processes()?;
    let count = || -> Result<Vec<Usage>> { processes.iter().map(|each| each.usage()).collect() };
    let (before, start) = (count()?, Instant::now());
    thread::sleep(idle);
    let (after, took) = (count()?, start.elapsed().as_secs_f64());
    let mut sum = 0.0;
    for ((process, before), after) in processes.iter().zip(before).zip(after) {
        let cpu = after.cpu.saturating_sub(before.cpu).as_secs_f64() / took * 100.0;
        let switches = after.switches.saturating_sub(before.switches) as f64 / took;
        report.note(format!(
            "idle, natively: {} {cpu:.3} % of a processor, {switches:.2} context switches/s",
            process.name
        ));
        sum += switches;
    }
    report.add(promises::IDLE_SWITCHES, sum);
    Ok(())
}
