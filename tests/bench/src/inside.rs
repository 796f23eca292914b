//! What the processes of an idle node take, seen from inside of the machine by the probe: looking
//! through the API would be work of theirs.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ichor_probe::{PORT, Probe};
use ichor_vm::NodeSpec;

use crate::report::Report;
use crate::{promises, vm};

/// Until everything that follows a boot is done, in an emulated machine.
const SETTLING: Duration = Duration::from_secs(30);
/// Processor time in /proc. Source: proc_pid_stat(5), sysconf(_SC_CLK_TCK).
const TICKS_PER_SECOND: f64 = 100.0;
const KIBIBYTES_PER_MEBIBYTE: f64 = 1024.0;

/// What the OS consists of: ours, and udevd.
const OURS: &[&str] = &["machined", "networkd", "storaged", "apid"];
const UDEVD: &str = "systemd-udevd";

pub(crate) fn measure(disk: &Path, idle: Duration, report: &mut Report) -> Result<()> {
    let node = NodeSpec {
        serial_ports: vec![PORT.to_owned()],
        ..NodeSpec::default()
    };
    let (cluster, _answered) = vm::boot(disk, node)?;
    let node = cluster.nodes().first().context("a cluster has a node")?;
    let mut probe = Probe::connect(&node.serial_port(PORT))?;
    thread::sleep(SETTLING);
    let processes = find(&mut probe)?;
    let mut ours = 0.0;
    for (name, pid) in &processes {
        let mebibytes = pss(&mut probe, *pid)?;
        report.note(format!("in a VM, idle: PSS of {name} {mebibytes:.1} MiB"));
        ours += if name == UDEVD { 0.0 } else { mebibytes };
    }
    report.add(promises::VM_MEMORY, ours);
    let mut before = BTreeMap::new();
    for (name, pid) in &processes {
        before.insert(name, processor_seconds(&mut probe, *pid)?);
    }
    let (switches, start) = (context_switches(&mut probe)?, Instant::now());
    thread::sleep(idle);
    let took = start.elapsed().as_secs_f64();
    let switches = context_switches(&mut probe)? - switches;
    let mut sum = 0.0;
    for (name, pid) in &processes {
        let earlier = before.get(name).copied().unwrap_or(0.0);
        let own = processor_seconds(&mut probe, *pid)? - earlier;
        report.note(format!(
            "in a VM, idle: {name} {:.3} % of a processor",
            own / took * 100.0
        ));
        sum += own;
    }
    report.add(promises::VM_IDLE_SWITCHES, switches / took);
    report.add(promises::IDLE, sum / took * 100.0);
    Ok(())
}

/// Names and ids. One that is not there would look cheap.
fn find(probe: &mut Probe) -> Result<Vec<(String, u32)>> {
    let all = probe.processes()?;
    let mut found = Vec::new();
    for name in OURS.iter().chain([&UDEVD]) {
        let process = all.iter().find(|process| match process.pid {
            1 => *name == "machined",
            _ => process.name == *name,
        });
        let process = process.with_context(|| format!("{name} does not run"))?;
        found.push(((*name).to_owned(), process.pid));
    }
    Ok(found)
}

fn pss(probe: &mut Probe, pid: u32) -> Result<f64> {
    let text = probe.read_text(format!("/proc/{pid}/smaps_rollup"))?;
    let line = text.lines().find_map(|line| line.strip_prefix("Pss:"));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let kibibytes: f64 = number.context("smaps_rollup has a Pss")?.parse()?;
    Ok(kibibytes / KIBIBYTES_PER_MEBIBYTE)
}

/// User and system time of all its threads.
fn processor_seconds(probe: &mut Probe, pid: u32) -> Result<f64> {
    let text = probe.read_text(format!("/proc/{pid}/stat"))?;
    // The name in parentheses may hold blanks.
    let (_, fields) = text.rsplit_once(") ").context("stat has a name")?;
    let mut fields = fields.split_whitespace().skip(11);
    let mut next = || -> Result<f64> { Ok(fields.next().context("stat has times")?.parse()?) };
    Ok((next()? + next()?) / TICKS_PER_SECOND)
}

fn context_switches(probe: &mut Probe) -> Result<f64> {
    let text = probe.read_text("/proc/stat")?;
    let line = text.lines().find_map(|line| line.strip_prefix("ctxt "));
    Ok(line
        .context("stat counts context switches")?
        .trim()
        .parse()?)
}
