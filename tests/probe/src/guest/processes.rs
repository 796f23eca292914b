//! Processes of the machine.
//!
//! Source: proc_pid_stat(5).

use std::fs;
use std::io;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};

use crate::protocol::Process;

/// All but threads of the kernel, which have no command line.
pub(super) fn list() -> io::Result<Vec<Process>> {
    let mut processes = Vec::new();
    for entry in fs::read_dir("/proc")? {
        let entry = entry?;
        let pid = entry
            .file_name()
            .to_str()
            .and_then(|name| name.parse().ok());
        // A process may end while it is looked at.
        if let Some(process) = pid.and_then(|pid| load(&entry.path(), pid)) {
            processes.push(process);
        }
    }
    processes.sort_by_key(|process| process.pid);
    Ok(processes)
}

fn load(directory: &Path, pid: u32) -> Option<Process> {
    let words = fs::read(directory.join("cmdline")).ok()?;
    let called = words.split(|byte| *byte == 0).next()?;
    let name = called.rsplit(|byte| *byte == b'/').next()?;
    if name.is_empty() {
        return None;
    }
    Some(Process {
        pid,
        name: String::from_utf8_lossy(name).into_owned(),
        start_ticks: parse_start(&fs::read_to_string(directory.join("stat")).ok()?)?,
    })
}

/// The 22nd field; the second is a name in parentheses that may hold anything.
fn parse_start(stat: &str) -> Option<u64> {
    let (_, after_name) = stat.rsplit_once(") ")?;
    after_name.split(' ').nth(19)?.parse().ok()
}

pub(super) fn signal(pid: u32, signal: i32) -> io::Result<()> {
    let invalid = || io::Error::from(io::ErrorKind::InvalidInput);
    let pid = i32::try_from(pid).map_err(io::Error::other)?;
    let pid = Pid::from_raw(pid).ok_or_else(invalid)?;
    let signal = Signal::from_named_raw(signal).ok_or_else(invalid)?;
    Ok(kill_process(pid, signal)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_this_process() {
        let own = std::process::id();
        let processes = list().unwrap();
        let found = processes.iter().find(|process| process.pid == own).unwrap();
        assert!(found.name.starts_with("ichor_probe"), "{}", found.name);
        assert!(found.start_ticks > 0);
    }

    #[test]
    fn a_name_may_hold_what_looks_like_its_end() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4 5 6 7 8 9 10 11 12 20 0 1 0 4242 99\n";
        assert_eq!(parse_start(stat), Some(4242));
    }
}
