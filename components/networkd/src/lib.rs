//! `networkd`: links, addresses, routes, DHCP, resolvers, host name.
//!
//! It follows the kernel by netlink notifications and the state by watches, and sleeps in between.
//! Wanted things come from several layers in the namespace `network-config`, are merged into
//! `network`, and applied to the kernel; what the kernel has is reported beside them. Files of /etc
//! are only described here: PID 1 writes them, and sets the host name too.
//!
//! ```text
//! kernel ─> LinkStatus ─> defaults ─┐                      ┌─> apply ─> kernel ─> *Status
//!                 DHCP leases ──────┼─> network-config ─> merge ─> network
//!               (later: machine configuration)             └─> ResolverStatus, EtcFileSpec, …
//! ```
//!
//! Needs: `CAP_NET_ADMIN`, `CAP_NET_RAW`, `CAP_NET_BIND_SERVICE`, and `ICHOR_STATE_SOCKET`.

mod controllers;
mod dhcp4;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod kernel;
mod plan;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ichor_controller::RegisterError;
use ichor_state::{RemoteState, State};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

/// Why networkd cannot work.
#[derive(Debug, thiserror::Error)]
pub enum NetworkdError {
    /// The kernel's network configuration cannot be reached.
    #[error("open a netlink socket")]
    Netlink(#[source] std::io::Error),
    /// Two controllers claim the same output: a mistake of this program.
    #[error(transparent)]
    Register(#[from] RegisterError),
}

/// Runs the component until SIGTERM. The state's socket is named by `ICHOR_STATE_SOCKET`.
pub fn main() -> ExitCode {
    ichor_log::to_stderr();
    let Some(socket) = std::env::var_os("ICHOR_STATE_SOCKET") else {
        tracing::error!("ICHOR_STATE_SOCKET is not set");
        return ExitCode::FAILURE;
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let outcome = match runtime {
        Ok(runtime) => runtime.block_on(serve(PathBuf::from(socket))),
        Err(source) => Err(NetworkdError::Netlink(source)),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::error!(%error, cause, "networkd cannot work");
            ExitCode::FAILURE
        }
    }
}

/// Runs all controllers over a state until `shutdown` is cancelled.
///
/// # Errors
/// [`NetworkdError`] before anything has run.
pub async fn run(state: Arc<dyn State>, shutdown: CancellationToken) -> Result<(), NetworkdError> {
    let (runtime, netlink) = controllers::runtime(state)?;
    tokio::select! {
        () = runtime.run(shutdown) => {}
        () = netlink.run() => tracing::error!("the netlink connection ended"),
    }
    Ok(())
}

async fn serve(socket: PathBuf) -> Result<(), NetworkdError> {
    let shutdown = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).map_err(NetworkdError::Netlink)?;
    let state: Arc<dyn State> = Arc::new(RemoteState::unix(socket));
    tokio::spawn(ichor_watchdog::tell());
    let running = run(state, shutdown.clone());
    tokio::pin!(running);
    tokio::select! {
        done = &mut running => return done,
        _ = terminate.recv() => shutdown.cancel(),
    }
    running.await
}
