//! Collecting processes that have ended.

use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

/// How a process ended.
#[derive(Clone, Copy, Debug)]
pub struct ExitStatus(WaitStatus);

impl ExitStatus {
    /// Its exit code, if it ended by itself.
    pub fn code(self) -> Option<i32> {
        self.0.exit_status()
    }

    /// The signal that killed it, if one did.
    pub fn signal(self) -> Option<i32> {
        self.0.terminating_signal()
    }
}

/// All children, adopted ones included, that have ended since the last call. Never blocks.
pub fn drain() -> Vec<(u32, ExitStatus)> {
    let mut ended = Vec::new();
    // An error is ECHILD: there are no children, which is normal.
    while let Ok(Some((pid, status))) = rustix::process::wait(WaitOptions::NOHANG) {
        if status.exited() || status.signaled() {
            ended.push((
                pid.as_raw_nonzero().get().unsigned_abs(),
                ExitStatus(status),
            ));
        }
    }
    ended
}

/// Those of these children that have ended. Never blocks, and collects no others.
pub fn drain_of(pids: impl IntoIterator<Item = u32>) -> Vec<(u32, ExitStatus)> {
    let ended = pids.into_iter().filter_map(|pid| {
        let child = Pid::from_raw(i32::try_from(pid).ok()?)?;
        // An error is ECHILD: it is no child, or collected already.
        let (_, status) = waitpid(Some(child), WaitOptions::NOHANG).ok()??;
        (status.exited() || status.signaled()).then_some((pid, ExitStatus(status)))
    });
    ended.collect()
}

/// Collects all children, adopted ones included, until there are none. `false` when some are left
/// after `patience`.
pub fn all(patience: Duration) -> bool {
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + patience;
    loop {
        match rustix::process::wait(WaitOptions::NOHANG) {
            Ok(Some(_)) => continue,
            Err(rustix::io::Errno::CHILD) => return true,
            Ok(None) | Err(_) if Instant::now() >= deadline => return false,
            Ok(None) | Err(_) => thread::sleep(PAUSE),
        }
    }
}
