//! What happened to each controller so far.

use std::time::{Duration, SystemTime};

/// A snapshot of one controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerStats {
    /// Name of the controller.
    pub name: &'static str,
    /// Passes that ended, with or without success.
    pub runs: u64,
    /// Passes that ended with an error or a panic.
    pub failures: u64,
    /// Panics among the failures.
    pub panics: u64,
    /// Wake-ups asked for; several may have led to one pass.
    pub wakeups: u64,
    /// The error of the last pass that failed, kept after a success.
    pub last_error: Option<String>,
    /// Whether the last pass failed, so that another is due without a wake-up.
    pub failing: bool,
    /// When the last pass ended.
    pub last_run: Option<SystemTime>,
    /// Time spent in passes, waiting for the state included.
    pub busy: Duration,
}
