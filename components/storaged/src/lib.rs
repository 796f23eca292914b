//! `storaged`: the disks of the machine.
//!
//! It knows disks and cannot reach the network: its network namespace is its own. What it knows comes
//! from sysfs and from the links that udev makes below `/dev/disk`. The only disk that it opens is the
//! one that the machine was booted from, whose partition table it lets reach the end of the disk. The
//! kernel and udev tell it when to look, and it sleeps in between.
//!
//! ```text
//! kernel's events ─┬─> BlockDevice
//!                  ├─> Disk, SystemDisk, the partition table
//!   udev's events ─┴─> BlockSymlink
//! ```
//!
//! Needs: the group of disks, `ICHOR_STATE_SOCKET`, a socket `events` with device events, and a socket
//! `storage` that listens.

mod controllers;
mod events;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod partitions;
mod service;
mod sysfs;
#[cfg(test)]
mod testing;

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ichor_controller::RegisterError;
use ichor_state::{RemoteState, State};
use ichor_sys::handover::take_named;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use events::Changes;
use sysfs::Tree;

/// Why storaged cannot work.
#[derive(Debug, thiserror::Error)]
pub enum StoragedError {
    /// PID 1 has not handed something over.
    #[error("take over the socket {name:?}")]
    Handover {
        /// What it is known by.
        name: &'static str,
        /// Why.
        source: std::io::Error,
    },
    /// `ICHOR_STATE_SOCKET` is not set.
    #[error("ICHOR_STATE_SOCKET is not set")]
    State,
    /// The system refused something that waiting needs.
    #[error("wait for events")]
    Wait(#[source] std::io::Error),
    /// Device events cannot be read any more.
    #[error("read device events")]
    Events(#[source] std::io::Error),
    /// The API cannot be served any more.
    #[error("serve the API")]
    Serve(#[source] tonic::transport::Error),
    /// Two controllers claim the same output: a mistake of this program.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// What storaged is started with.
#[derive(Debug)]
pub struct Setup {
    /// Receives device events.
    pub events: OwnedFd,
    /// Where the API is served.
    pub listener: UnixListener,
    /// Where `sys` and `dev` are: `/`.
    pub root: PathBuf,
}

/// Runs the component with what PID 1 handed over, until SIGTERM.
pub fn main() -> ExitCode {
    ichor_log::to_stderr();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(serve()),
        Err(source) => Err(StoragedError::Wait(source)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "storaged cannot work");
            ExitCode::FAILURE
        }
    }
}

/// Runs all controllers and serves the API until `shutdown` is cancelled.
///
/// # Errors
/// [`StoragedError`]: nothing works without device events and without the API.
pub async fn run(
    setup: Setup,
    state: Arc<dyn State>,
    shutdown: CancellationToken,
) -> Result<(), StoragedError> {
    let tree = Tree::at(setup.root);
    let changes = Changes::default();
    let controllers = controllers::runtime(state, &tree, &changes)?;
    tokio::select! {
        () = controllers.run(shutdown) => Ok(()),
        lost = events::follow(setup.events, changes) => lost.map_err(StoragedError::Events),
        served = service::serve(setup.listener, tree) => served,
    }
}

async fn serve() -> Result<(), StoragedError> {
    let taken = |name| take_named(name).map_err(|source| StoragedError::Handover { name, source });
    let setup = Setup {
        events: taken("events")?,
        listener: UnixListener::from(taken("storage")?),
        root: PathBuf::from("/"),
    };
    let socket = std::env::var_os("ICHOR_STATE_SOCKET").ok_or(StoragedError::State)?;
    let state: Arc<dyn State> = Arc::new(RemoteState::unix(PathBuf::from(socket)));
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(StoragedError::Wait)?;
    tokio::spawn(ichor_watchdog::tell());
    let running = run(setup, state, shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        done = &mut running => return done,
        _ = terminate.recv() => shutdown.cancel(),
    }
    running.await
}
