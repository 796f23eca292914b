//! The owner of all child processes.
//!
//! It keeps the process ids, and on each SIGCHLD collects whatever has ended: one signal may stand
//! for many exits. Processes nobody waits for are orphans that PID 1 inherited; they are collected
//! quietly. Nobody else in this process calls wait(2).

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ichor_sys::process::Command;
use ichor_sys::signals::SignalFd;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{debug, warn};

use super::service::{Exit, LaunchError, Running};

/// Starts processes and learns of their end. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children(Arc<Mutex<Table>>);

/// Invariant: an end that comes before its process is known here is kept for it.
#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u32, oneshot::Sender<Exit>>,
    /// Processes that are being started.
    starting: usize,
    /// Ends that nobody waited for, while there are such processes.
    early: HashMap<u32, Exit>,
}

impl Children {
    /// Collects, for as long as the process lives. `child_signals` delivers SIGCHLD, which is blocked.
    pub(crate) fn start(child_signals: AsyncFd<SignalFd>) -> Self {
        let children = Self::default();
        tokio::spawn(children.clone().follow(child_signals));
        children
    }

    /// Prepares and starts a process, on a thread of its own: the loop that serves everybody does not
    /// wait until the program is executed.
    ///
    /// # Errors
    /// When it cannot be prepared, forked or executed.
    pub(crate) async fn spawn(
        &self,
        prepare: impl FnOnce() -> Result<Command, LaunchError> + Send + 'static,
    ) -> Result<Running, LaunchError> {
        self.table().starting += 1;
        let children = self.clone();
        let started = spawn_blocking(move || {
            let spawned = prepare().and_then(|command| Ok(command.spawn()?));
            children.table().started(spawned)
        });
        // The other error says that the thread panicked, before it could tell the table.
        let panicked = |error: JoinError| self.table().started(Err(error.into()));
        started.await.unwrap_or_else(panicked)
    }

    async fn follow(self, child_signals: AsyncFd<SignalFd>) {
        loop {
            match child_signals.readable().await {
                Ok(mut guard) => {
                    if let Err(error) = guard.get_inner().drain() {
                        warn!(%error, "reading SIGCHLD failed");
                    }
                    guard.clear_ready();
                }
                Err(error) => return warn!(%error, "waiting for SIGCHLD failed"),
            }
            let mut table = self.table();
            for (pid, status) in ichor_sys::wait::drain() {
                let exit = match status.signal() {
                    Some(signal) => Exit::Signal(signal),
                    None => Exit::Code(status.code().unwrap_or_default()),
                };
                table.ended(pid, exit);
            }
        }
    }

    /// Nothing that is done to the table can panic half-way.
    fn table(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Table {
    fn started(&mut self, spawned: Result<u32, LaunchError>) -> Result<Running, LaunchError> {
        self.starting -= 1;
        let running = spawned.map(|pid| {
            let (sender, exit) = oneshot::channel();
            match self.early.remove(&pid) {
                // Whoever asked may have gone.
                Some(ended) => drop(sender.send(ended)),
                None => drop(self.waiting.insert(pid, sender)),
            }
            Running { pid, exit }
        });
        if self.starting == 0 {
            self.early.clear();
        }
        running
    }

    fn ended(&mut self, pid: u32, exit: Exit) {
        match self.waiting.remove(&pid) {
            // Nobody may be waiting any more.
            Some(waiter) => drop(waiter.send(exit)),
            None if self.starting > 0 => drop(self.early.insert(pid, exit)),
            None => debug!(pid, %exit, "collected an orphan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_that_comes_before_its_process_is_known_is_not_lost() {
        let mut table = Table {
            starting: 2,
            ..Table::default()
        };
        table.ended(7, Exit::Code(1));
        table.ended(9, Exit::Code(3));
        let mut first = table.started(Ok(7)).unwrap();
        assert_eq!(first.exit.try_recv(), Ok(Exit::Code(1)));
        let mut second = table.started(Ok(8)).unwrap();
        assert!(table.early.is_empty(), "an orphan's end was kept");
        table.ended(8, Exit::Signal(9));
        assert_eq!(second.exit.try_recv(), Ok(Exit::Signal(9)));
    }
}
