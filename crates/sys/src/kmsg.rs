//! Speaking through the kernel log, which works before anything else does.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicBool, Ordering};

/// The importance of a line; the numbers are those of syslog(2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// A person must act.
    Error = 3,
    /// Degraded.
    Warning = 4,
    /// A state changed.
    Info = 6,
    /// The rest.
    Debug = 7,
}

/// The facility "daemon", so that these lines are not taken for the kernel's own.
const DAEMON: u8 = 3 << 3;
/// The kernel cuts longer records.
const LINE_MAX: usize = 900;

/// Whether the kernel is another's, whose log is left alone.
static TO_STDERR: AtomicBool = AtomicBool::new(false);

/// The log, once it has been opened.
static LOG: OnceLock<File> = OnceLock::new();

/// Opens the log, so that lines reach it also when its path is gone.
pub fn open() {
    let _tried_again_by_the_first_line = log();
}

fn log() -> io::Result<&'static File> {
    match LOG.get() {
        Some(log) => Ok(log),
        None => {
            let log = OpenOptions::new().write(true).open("/dev/kmsg")?;
            Ok(LOG.get_or_init(|| log))
        }
    }
}

/// From now on lines go to standard error instead: the kernel of a container belongs to its host,
/// and who runs the container collects what it says.
pub fn to_stderr() {
    TO_STDERR.store(true, Ordering::Relaxed);
}

/// Writes lines to the kernel log, each as one record. There is nobody to tell of a failure.
pub fn write(level: Level, text: &str) {
    if TO_STDERR.load(Ordering::Relaxed) {
        let _unheard = writeln!(std::io::stderr(), "{text}");
        return;
    }
    let Ok(mut log) = log() else {
        return;
    };
    for line in text.lines() {
        let end = line.floor_char_boundary(LINE_MAX);
        let line = line.get(..end).unwrap_or(line);
        let record = format!("<{}>[ichor] {line}\n", DAEMON | level as u8);
        // One write is one record, and there is nobody to tell of a failure.
        let _unheard = log.write_all(record.as_bytes());
    }
}
