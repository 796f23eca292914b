//! The owner of all child processes.
//!
//! One task forks, keeps the process ids, and on each SIGCHLD collects whatever has ended: one
//! signal may stand for many exits. Processes nobody waits for are orphans that PID 1 inherited;
//! they are collected quietly. Nobody else in this process calls wait(2).

use std::collections::HashMap;

use ichor_sys::process::{Command, SpawnError};
use ichor_sys::signals::SignalFd;
use tokio::io::unix::AsyncFd;
use tokio::sync::{mpsc, oneshot};
use tracing::{debug, warn};

use super::service::{Exit, Running};

/// How many requests to start a process may wait.
const REQUESTS_MAX: usize = 16;

/// A process could not be started.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ChildError {
    #[error(transparent)]
    Spawn(#[from] SpawnError),
    #[error("the machine is going down, no process is started any more")]
    Closed,
}

struct Request {
    command: Command,
    reply: oneshot::Sender<Result<Running, SpawnError>>,
}

/// Starts processes; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Children {
    requests: mpsc::Sender<Request>,
}

impl Children {
    /// Starts the owner task. `child_signals` delivers SIGCHLD, which is blocked.
    pub(crate) fn start(child_signals: AsyncFd<SignalFd>) -> Self {
        let (requests, inbox) = mpsc::channel(REQUESTS_MAX);
        tokio::spawn(own(child_signals, inbox));
        Self { requests }
    }

    /// Starts a process.
    ///
    /// # Errors
    /// [`ChildError`] when it cannot be forked, prepared or executed.
    pub(crate) async fn spawn(&self, command: Command) -> Result<Running, ChildError> {
        let (reply, answer) = oneshot::channel();
        let request = Request { command, reply };
        let Ok(()) = self.requests.send(request).await else {
            return Err(ChildError::Closed);
        };
        match answer.await {
            Ok(result) => Ok(result?),
            Err(_closed) => Err(ChildError::Closed),
        }
    }
}

async fn own(child_signals: AsyncFd<SignalFd>, mut inbox: mpsc::Receiver<Request>) {
    let mut waiters: HashMap<u32, oneshot::Sender<Exit>> = HashMap::new();
    loop {
        tokio::select! {
            request = inbox.recv() => match request {
                Some(request) => start(request, &mut waiters),
                None => return,
            },
            ready = child_signals.readable() => {
                match ready {
                    Ok(mut guard) => {
                        if let Err(error) = guard.get_inner().drain() {
                            warn!(%error, "reading SIGCHLD failed");
                        }
                        guard.clear_ready();
                    }
                    Err(error) => warn!(%error, "waiting for SIGCHLD failed"),
                }
                collect(&mut waiters);
            }
        }
    }
}

fn start(request: Request, waiters: &mut HashMap<u32, oneshot::Sender<Exit>>) {
    let result = request.command.spawn().map(|pid| {
        let (sender, exit) = oneshot::channel();
        waiters.insert(pid, sender);
        Running { pid, exit }
    });
    // Whoever asked may have been cancelled; the process then runs until it ends by itself.
    drop(request.reply.send(result));
}

fn collect(waiters: &mut HashMap<u32, oneshot::Sender<Exit>>) {
    for (pid, status) in ichor_sys::wait::drain() {
        let exit = match status.signal() {
            Some(signal) => Exit::Signal(signal),
            None => Exit::Code(status.code().unwrap_or_default()),
        };
        match waiters.remove(&pid) {
            // Nobody may be waiting any more.
            Some(waiter) => drop(waiter.send(exit)),
            None => debug!(pid, %exit, "collected an orphan"),
        }
    }
}
