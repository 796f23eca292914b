//! Log lines: one per event, `LEVEL message key=value`, without a time.
//!
//! A component writes them to standard error; PID 1 collects them, adds the time and keeps them.

use std::io::Write;

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Registry, filter::LevelFilter, fmt};

/// Sends this process's log lines to standard error.
pub fn to_stderr() {
    to(std::io::stderr);
}

/// Begins a line that PID 1 also shows on the console: a level of syslog(3), as of sd-daemon(3).
pub const NOTICE: &str = "<5>";

/// A line that a person in front of the machine has to see. PID 1 shows a few of each process.
pub fn notice(text: &str) {
    // There is nobody to tell of a failure.
    let _unheard = writeln!(std::io::stderr(), "{NOTICE}{text}");
}

/// Sends this process's log lines to a writer of the caller. Only the first call has an effect.
pub fn to<W>(writer: W)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let layer = fmt::layer()
        .with_writer(writer)
        .with_ansi(false)
        .with_target(false)
        .without_time();
    // An error says that someone has set a subscriber already, as tests do.
    let _kept = Registry::default()
        .with(LevelFilter::INFO)
        .with(layer)
        .try_init();
}

/// Calls a function with each line.
#[derive(Clone, Copy, Debug)]
pub struct EachLine<F>(pub F);

impl<F: Fn(&str)> Write for EachLine<F> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        for line in String::from_utf8_lossy(bytes).lines() {
            (self.0)(line);
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
