//! Which part of the state each component sees, through a socket of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::StreamExt;
use ichor_resource::definitions;
use ichor_rights::{Grant, Service};
use ichor_state::{Access, FilteredState, Permit, State, StateServer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::Server;
use tonic::transport::server::{Connected, UdsConnectInfo};
use tracing::error;

use crate::supervisor::board::Board;

/// The types that a component declared.
fn access(service: &Service) -> Access {
    let of_namespace = |namespace| {
        let all = definitions().iter();
        all.filter(move |each| each.default_namespace == namespace)
            .map(|each| each.type_name)
    };
    let types = service.rights.state.iter().flat_map(|grant| match grant {
        Grant::Read(name) => vec![(*name, Permit::Read)],
        Grant::Write(name) => vec![(*name, Permit::Write)],
        Grant::WriteNamespace(namespace) => of_namespace(*namespace)
            .map(|name| (name, Permit::Write))
            .collect(),
    });
    Access::declared(types)
}

/// Serves a component's part of the state. The component counts as healthy while it is connected:
/// this is how a process that hangs before it works is told from one that works.
pub(crate) async fn serve(
    service: &'static Service,
    state: Arc<dyn State>,
    listener: UnixListener,
    board: Board,
) {
    let id = service.id;
    let view = StateServer::new(FilteredState::new(state, access(service))).without_yaml();
    let connections = Arc::new(AtomicUsize::new(0));
    let incoming = UnixListenerStream::new(listener).map(move |stream| {
        let lease = Lease::new(id, Arc::clone(&connections), board.clone());
        stream.map(|stream| Counted {
            stream,
            _lease: lease,
        })
    });
    let served = Server::builder()
        .add_service(view.into_service())
        .serve_with_incoming(incoming)
        .await;
    if let Err(error) = served {
        error!(%error, component = id, "its state is not served any more");
    }
}

/// Tells the board of the first and of the last connection.
struct Lease {
    id: &'static str,
    connections: Arc<AtomicUsize>,
    board: Board,
}

impl Lease {
    fn new(id: &'static str, connections: Arc<AtomicUsize>, board: Board) -> Self {
        if connections.fetch_add(1, Ordering::Relaxed) == 0 {
            board.record_health(id, Some(true), "");
        }
        Self {
            id,
            connections,
            board,
        }
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        if self.connections.fetch_sub(1, Ordering::Relaxed) == 1 {
            self.board.record_health(self.id, None, "");
        }
    }
}

/// A connection that is counted.
struct Counted {
    stream: UnixStream,
    _lease: Lease,
}

impl Connected for Counted {
    type ConnectInfo = UdsConnectInfo;

    fn connect_info(&self) -> Self::ConnectInfo {
        self.stream.connect_info()
    }
}

impl AsyncRead for Counted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl AsyncWrite for Counted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<std::io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(cx, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<std::io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
