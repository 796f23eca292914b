//! When each part of the boot began and ended, in nanoseconds of CLOCK_MONOTONIC.
//!
//! The clock starts with the kernel, so the figures are comparable with those of the kernel log.

use std::sync::{Mutex, PoisonError};

/// What an entry stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The kernel, from its start to stage 1.
    Kernel,
    /// The program in the initramfs.
    Stage1,
    /// Work of PID 1.
    Task,
    /// A service, from the start of its process until it works.
    Component,
    /// A moment.
    Milestone,
}

/// A part of the boot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    /// What it was.
    pub(crate) name: String,
    /// What sort of thing it was.
    pub(crate) kind: Kind,
    /// Start, in nanoseconds since the kernel started.
    pub(crate) start_ns: u64,
    /// End; `None` while it goes on.
    pub(crate) end_ns: Option<u64>,
}

/// How many entries are kept: a boot has a few dozen, and later sequences must not add for ever.
const ENTRIES_MAX: usize = 256;

/// The boot's entries in order of their start.
#[derive(Debug, Default)]
pub(crate) struct Timeline {
    entries: Mutex<Vec<Entry>>,
}

impl Timeline {
    /// Records something that is over.
    pub(crate) fn add(&self, kind: Kind, name: &str, start_ns: u64, end_ns: u64) {
        self.push(kind, name, start_ns, Some(end_ns));
    }

    /// Records that something begins. A second beginning of the same thing is left out.
    pub(crate) fn begin(&self, kind: Kind, name: &str) {
        self.push(kind, name, now(), None);
    }

    /// Records that something ended; only the first end counts.
    pub(crate) fn end(&self, kind: Kind, name: &str) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let open = entries
            .iter_mut()
            .find(|entry| entry.kind == kind && entry.name == name && entry.end_ns.is_none());
        if let Some(entry) = open {
            entry.end_ns = Some(now());
        }
    }

    /// Records that something has happened; only the first time counts.
    pub(crate) fn mark(&self, name: &str) {
        let now = now();
        self.push(Kind::Milestone, name, now, Some(now));
    }

    /// All entries, by start.
    pub(crate) fn entries(&self) -> Vec<Entry> {
        let entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let mut entries = entries.clone();
        entries.sort_by_key(|entry| entry.start_ns);
        entries
    }

    fn push(&self, kind: Kind, name: &str, start_ns: u64, end_ns: Option<u64>) {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        let known = entries
            .iter()
            .any(|entry| entry.kind == kind && entry.name == name);
        if known || entries.len() >= ENTRIES_MAX {
            return;
        }
        entries.push(Entry {
            name: name.to_owned(),
            kind,
            start_ns,
            end_ns,
        });
    }
}

/// Nanoseconds since the kernel started.
pub(crate) fn now() -> u64 {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(time.tv_sec).unwrap_or_default();
    let nanoseconds = u64::try_from(time.tv_nsec).unwrap_or_default();
    seconds
        .saturating_mul(1_000_000_000)
        .saturating_add(nanoseconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_first_beginning_and_the_first_end() {
        let timeline = Timeline::default();
        timeline.begin(Kind::Task, "apid");
        timeline.end(Kind::Task, "apid");
        let first = timeline.entries();
        timeline.begin(Kind::Task, "apid");
        timeline.end(Kind::Task, "apid");
        assert_eq!(timeline.entries(), first);
    }

    #[test]
    fn is_bounded() {
        let timeline = Timeline::default();
        for number in 0..1000 {
            timeline.begin(Kind::Task, &number.to_string());
        }
        assert_eq!(timeline.entries().len(), ENTRIES_MAX);
    }
}
