//! `apid`: the API of the node on the network.
//!
//! It ends TLS, decides who may call what, and passes calls on as bytes: it decodes no message.
//! It has no rights of its own: its listening socket is handed over by PID 1.

mod accept;
mod access;
mod backend;
mod body;
mod call;
mod certificate;
mod deadline;
mod frames;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod handover;
mod identity;
mod limits;
mod message;
mod metered;
mod places;
mod proxy;
mod reply;
mod routes;
mod source;

use std::fs::File;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use ichor_state::RemoteState;
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{error, info};

use accept::Acceptor;
use certificate::Certificates;
use limits::Connections;
use routes::Routes;

/// Something that apid cannot work without.
pub type ApidError = Box<dyn std::error::Error + Send + Sync>;

/// What apid is started with.
#[derive(Debug)]
pub struct Setup {
    /// The TCP socket of the API, listening.
    pub listener: std::net::TcpListener,
    /// Where which component serves: names and sockets.
    pub services: Vec<(String, PathBuf)>,
    /// Where its key outlives it; without this, each has its own.
    pub identity: Option<File>,
    /// Where the state is served; without it the certificate names no addresses.
    pub state_socket: Option<PathBuf>,
}

/// Runs the component with what PID 1 handed over.
pub fn main() -> ExitCode {
    ichor_log::to_stderr();
    let run = || -> Result<(), ApidError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        runtime.block_on(async {
            let stop = CancellationToken::new();
            let mut asked = signal(SignalKind::terminate())?;
            tokio::spawn(ichor_watchdog::tell());
            let running = run(handover::setup()?, stop.clone());
            tokio::pin!(running);
            tokio::select! {
                ended = &mut running => ended,
                _ = asked.recv() => {
                    stop.cancel();
                    running.await
                }
            }
        })
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            error!(%error, "cannot serve the API");
            ExitCode::FAILURE
        }
    }
}

/// Serves the API until `stop`, and then until the calls of that time have ended, for some seconds
/// at most.
///
/// # Errors
/// [`ApidError`] says what could not be made.
pub async fn run(setup: Setup, stop: CancellationToken) -> Result<(), ApidError> {
    let certificates = Arc::new(Certificates::new(identity::load_or_make(
        setup.identity.as_ref(),
    )?)?);
    let fingerprint = certificates.fingerprint();
    ichor_log::notice(&format!("maintenance API, fingerprint {fingerprint}"));
    if let Some(path) = setup.state_socket {
        let state = RemoteState::unix(path);
        tokio::spawn(certificate::follow_names(state, Arc::clone(&certificates)));
    }
    let routes = Arc::new(Routes::new(setup.services));
    let listener = tokio::net::TcpListener::from_std(setup.listener)?;
    let descriptors = ichor_sys::process::raise_descriptor_limit(limits::DESCRIPTORS_WANTED);
    let limits = Connections::with_descriptors(descriptors);
    if limits.total < Connections::with_descriptors(limits::DESCRIPTORS_WANTED).total {
        info!(descriptors, connections = limits.total, "few descriptors");
    }
    let acceptor = Acceptor::new(certificates.tls_config()?, routes, limits);
    acceptor.serve(listener, stop).await;
    Ok(())
}
