//! What the processes of a node use, as the host's kernel counts it.

use std::fs;
use std::time::Duration;

use anyhow::{Context, Result};

/// A process of the node.
#[derive(Clone, Debug)]
pub struct Process {
    /// Its id on the host.
    pub pid: u32,
    /// Its name among the components.
    pub name: String,
}

/// What a process has used so far.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// Resident memory; what is shared counts in parts.
    pub pss_bytes: u64,
    /// Resident memory that nobody else has.
    pub private_bytes: u64,
    /// Processor time.
    pub cpu: Duration,
    /// How often it was given a processor.
    pub switches: u64,
}

pub(crate) fn processes(init: u32) -> Result<Vec<Process>> {
    let namespace = |pid: u32| fs::read_link(format!("/proc/{pid}/ns/pid"));
    let own = namespace(init).context("find the node's namespace")?;
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").context("read /proc")? {
        let name = entry?.file_name();
        let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // A process may end while we look.
        if namespace(pid).is_ok_and(|other| other == own)
            && let Ok(line) = fs::read(format!("/proc/{pid}/cmdline"))
        {
            let first = line.split(|byte| *byte == 0).next().unwrap_or_default();
            let name = String::from_utf8_lossy(first);
            let name = match pid == init {
                true => "machined",
                false => name.rsplit('/').next().unwrap_or_default(),
            };
            found.push(Process {
                pid,
                name: name.to_owned(),
            });
        }
    }
    found.sort_by_key(|process| (process.pid != init, process.name.clone()));
    Ok(found)
}

impl Process {
    /// What it has used so far.
    ///
    /// # Errors
    /// When the process has ended.
    pub fn usage(&self) -> Result<Usage> {
        let read = |file: &str| {
            let path = format!("/proc/{}/{file}", self.pid);
            fs::read_to_string(&path).with_context(|| format!("read {path} of {}", self.name))
        };
        let memory = read("smaps_rollup")?;
        let private = ["Private_Clean:", "Private_Dirty:"];
        let mut usage = Usage {
            pss_bytes: field(&memory, "Pss:") << 10,
            private_bytes: private.iter().map(|name| field(&memory, name)).sum::<u64>() << 10,
            ..Usage::default()
        };
        let threads = format!("/proc/{}/task", self.pid);
        for entry in fs::read_dir(&threads).with_context(|| format!("read {threads}"))? {
            let thread = entry?.path();
            // A thread may end while we look.
            let read = |file| fs::read_to_string(thread.join(file)).unwrap_or_default();
            let (statistics, status) = (read("schedstat"), read("status"));
            let nanoseconds = statistics.split_whitespace().next();
            let nanoseconds = nanoseconds.and_then(|text| text.parse().ok());
            usage.cpu += Duration::from_nanos(nanoseconds.unwrap_or(0));
            let switches = ["voluntary_ctxt_switches:", "nonvoluntary_ctxt_switches:"];
            usage.switches += switches
                .iter()
                .map(|name| field(&status, name))
                .sum::<u64>();
        }
        Ok(usage)
    }
}

/// The number after a name at the beginning of a line.
fn field(text: &str, name: &str) -> u64 {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    number.and_then(|number| number.parse().ok()).unwrap_or(0)
}
