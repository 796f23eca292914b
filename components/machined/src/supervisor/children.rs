//! The owner of all child processes.
//!
//! It keeps the process ids, and on each SIGCHLD collects whatever has ended: one signal may stand
//! for many exits. Processes nobody waits for are orphans that PID 1 inherited; they are collected
//! quietly.
//!
//! Nobody else in this process calls wait(2), but for the start of a process: that waits for a child
//! which could not execute its program. So while one is being started, only those that are known are
//! collected.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ichor_sys::process::Command;
use ichor_sys::signals::SignalFd;
use ichor_sys::wait;
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tokio::task::{JoinError, spawn_blocking};
use tracing::{debug, warn};

use super::service::{Exit, LaunchError, Running};

/// Starts processes and learns of their end. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Children(Arc<Mutex<Table>>);

/// Invariant: a process is known here before its end is collected.
#[derive(Debug, Default)]
struct Table {
    waiting: HashMap<u32, oneshot::Sender<Exit>>,
    /// Processes that are being started.
    starting: usize,
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
            children.started(spawned)
        });
        // The other error says that the thread panicked, before it could tell the table.
        let panicked = |error: JoinError| self.started(Err(error.into()));
        started.await.unwrap_or_else(panicked)
    }

    fn started(&self, spawned: Result<u32, LaunchError>) -> Result<Running, LaunchError> {
        let mut table = self.table();
        let running = table.started(spawned);
        // What ended meanwhile has had its signal.
        table.collect();
        running
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
            self.table().collect();
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
        spawned.map(|pid| {
            let (sender, exit) = oneshot::channel();
            self.waiting.insert(pid, sender);
            Running { pid, exit }
        })
    }

    /// Collects what has ended, as far as it may. The lock is held, so that no start begins meanwhile.
    fn collect(&mut self) {
        let ended = match self.starting {
            0 => wait::drain(),
            _ => wait::drain_of(self.waiting.keys().copied()),
        };
        for (pid, status) in ended {
            let exit = match status.signal() {
                Some(signal) => Exit::Signal(signal),
                None => Exit::Code(status.code().unwrap_or_default()),
            };
            self.ended(pid, exit);
        }
    }

    fn ended(&mut self, pid: u32, exit: Exit) {
        match self.waiting.remove(&pid) {
            // Nobody may be waiting any more.
            Some(waiter) => drop(waiter.send(exit)),
            None => debug!(pid, %exit, "collected an orphan"),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    /// Collects all the time, as if there were signals without end.
    async fn while_collecting<T>(children: &Children, work: impl Future<Output = T>) -> T {
        let stop = Arc::new(AtomicBool::new(false));
        let (stopped, collecting) = (Arc::clone(&stop), children.clone());
        let collector = thread::spawn(move || {
            while !stopped.load(Ordering::Relaxed) {
                collecting.table().collect();
                thread::yield_now();
            }
        });
        let done = work.await;
        stop.store(true, Ordering::Relaxed);
        collector.join().unwrap();
        done
    }

    #[tokio::test]
    async fn a_start_keeps_its_reason_and_its_end_whatever_is_collected_meanwhile() {
        let children = Children::default();
        // As if one more were being started: children of other tests are left to them.
        children.table().starting = 1;
        while_collecting(&children, async {
            for _ in 0..50 {
                let spawned = children.spawn(|| Ok(Command::new("/nowhere", "nowhere")));
                let error = spawned.await.err().unwrap();
                let text = crate::describe(&*error);
                assert!(text.starts_with("run /nowhere: No such file"), "{text}");
            }
            for _ in 0..50 {
                let spawned = children.spawn(|| Ok(Command::new("/bin/false", "false")));
                let running = spawned.await.unwrap();
                assert_eq!(running.exit.await, Ok(Exit::Code(1)));
            }
        })
        .await;
        assert_eq!(children.table().starting, 1);
        assert!(children.table().waiting.is_empty());
    }
}
