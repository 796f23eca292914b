//! What processes may have, and use.

use std::fs;

use anyhow::{Context, Result};

/// Descriptors that a process needs besides its connections.
const RESERVED: u64 = 128;

/// Raises the number of descriptors as far as it may be, and returns how many connections that is.
pub fn connections_max() -> usize {
    let descriptors = ichor_sys::process::raise_descriptor_limit(u64::from(u16::MAX));
    usize::try_from(descriptors.saturating_sub(RESERVED).max(1)).unwrap_or(usize::MAX)
}

/// Memory of a process, in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What it has now; what is shared counts in parts.
    pub proportional: u64,
    /// The most that it had at a time.
    pub peak: u64,
}

impl Memory {
    /// Of a process.
    ///
    /// # Errors
    /// When it has ended.
    pub fn of(pid: u32) -> Result<Self> {
        Ok(Self {
            proportional: field(pid, "smaps_rollup", "Pss:")?,
            peak: field(pid, "status", "VmHWM:")?,
        })
    }
}

fn field(pid: u32, file: &str, name: &str) -> Result<u64> {
    let path = format!("/proc/{pid}/{file}");
    let text = fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let kibibytes: u64 = number
        .with_context(|| format!("{path} has no {name}"))?
        .parse()
        .with_context(|| format!("parse {path}"))?;
    Ok(kibibytes << 10)
}
