//! What PID 1 serves: the machine API, and the state.

mod asking;
mod events;
mod files;
mod inspect;
mod introspection;
mod machine;
pub(crate) mod mounts;
mod netstat;
mod not_yet;
mod storage;
mod stream;
mod usage;

use std::sync::Arc;

use futures_util::StreamExt;
use ichor_api::ichor::machine::v1::introspection_server::IntrospectionServer;
use ichor_api::inspect::inspect_service_server::InspectServiceServer;
use ichor_api::machine::machine_service_server::MachineServiceServer;
use ichor_api::machine::storage_service_server::StorageServiceServer;
use ichor_efi::Variables;
use ichor_state::{Access, FilteredState, State, StateServer};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;
use tonic::metadata::MetadataMap;
use tonic::transport::Server;

use crate::build::Build;
use crate::events::Events;
use crate::host::Host;
use crate::logs::Logs;
use crate::supervisor::board::Board;
use crate::timeline::Timeline;

pub(crate) use machine::TAG;

/// Calls at the same time on one connection. apid has one for each address that calls come from, and
/// says itself what is too much.
const CALLS_MAX: u32 = 1024;

/// What the handlers read.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) build: Build,
    pub(crate) state: Arc<dyn State>,
    pub(crate) board: Board,
    pub(crate) logs: Logs,
    pub(crate) events: Events,
    pub(crate) host: Arc<Host>,
    pub(crate) timeline: Arc<Timeline>,
}

/// Serves the API of the machine until the process ends.
///
/// # Errors
/// When the listener fails.
pub(crate) async fn serve(
    parts: Parts,
    listener: UnixListener,
) -> Result<(), tonic::transport::Error> {
    let public = public_state(Arc::clone(&parts.state));
    let inspect = inspect::InspectApi {
        state: Arc::clone(&parts.state),
    };
    let introspection = introspection::IntrospectionApi {
        state: Arc::clone(&parts.state),
        timeline: Arc::clone(&parts.timeline),
        variables: Variables::of_machine(),
    };
    let timeline = Arc::clone(&parts.timeline);
    // Whoever passes calls on connects with the first of them.
    let incoming = UnixListenerStream::new(listener).inspect(move |_| timeline.mark("first call"));
    let router = Server::builder()
        .max_concurrent_streams(CALLS_MAX)
        .http2_max_pending_accept_reset_streams(Some(CALLS_MAX as usize))
        .add_service(public.into_service())
        .add_service(InspectServiceServer::new(inspect))
        .add_service(IntrospectionServer::new(introspection))
        .add_service(MachineServiceServer::new(machine::MachineApi::new(parts)))
        .add_service(StorageServiceServer::new(storage::StorageApi));
    not_yet::add_to(router).serve_with_incoming(incoming).await
}

/// The state as callers of the API see it: read-only, and without secrets but for administrators.
fn public_state(state: Arc<dyn State>) -> StateServer {
    let view = |admin| -> Arc<dyn State> {
        Arc::new(FilteredState::new(
            Arc::clone(&state),
            Access::public(admin),
        ))
    };
    let (everyone, admin) = (view(false), view(true));
    StateServer::by_caller(move |metadata, _| {
        Ok(Arc::clone(if is_admin(metadata) {
            &admin
        } else {
            &everyone
        }))
    })
    .for_any_client()
}

/// Only apid can connect, and it writes this header itself.
fn is_admin(metadata: &MetadataMap) -> bool {
    let roles = metadata.get_all("talos-role");
    roles.iter().any(|role| role.as_bytes() == b"os:admin")
}
