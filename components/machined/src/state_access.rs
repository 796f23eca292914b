//! Which part of the state each component sees, through a socket of its own.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll};

use futures_util::{Stream, StreamExt};
use ichor_resource::definitions;
use ichor_rights::{Grant, Service};
use ichor_state::{Access, FilteredState, Permit, State, StateServer};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_stream::wrappers::UnixListenerStream;
use tonic::transport::server::{Connected, UdsConnectInfo};
use tracing::error;

use crate::supervisor::board::Board;

/// How many connections a component may have. It needs one, and a second while it starts again and
/// the end of the first was not seen yet.
const CONNECTIONS_MAX: usize = 4;

/// The types that a component declared. What is said of a type by its name counts, also when it is
/// less than what is said of its namespace.
fn access(service: &Service) -> Access {
    let grants = service.rights.state;
    let named = grants.iter().filter_map(|grant| match grant {
        Grant::Read(name) => Some((*name, Permit::Read)),
        Grant::Write(name) | Grant::WriteIds(name, _) => Some((*name, Permit::Write)),
        Grant::WriteNamespace(_) => None,
    });
    let ids = grants.iter().filter_map(|grant| match grant {
        Grant::WriteIds(name, ids) => Some((*name, *ids)),
        Grant::Read(_) | Grant::Write(_) | Grant::WriteNamespace(_) => None,
    });
    let is_named = |name: &str| named.clone().any(|(known, _)| known == name);
    let namespaces = grants.iter().filter_map(|grant| match grant {
        Grant::WriteNamespace(namespace) => Some(*namespace),
        Grant::Read(_) | Grant::Write(_) | Grant::WriteIds(..) => None,
    });
    let of_namespaces = namespaces.flat_map(|namespace| {
        let all = definitions().iter();
        all.filter(move |each| each.default_namespace == namespace)
            .map(|each| (each.type_name, Permit::Write))
    });
    let others = of_namespaces.filter(|(name, _)| !is_named(name));
    Access::declared_with_ids(named.clone().chain(others), ids)
}

/// Serves a component's part of the state. The component counts as ready while it is connected: this
/// is how a process that hangs before it works is told from one that works.
pub(crate) async fn serve(
    service: &'static Service,
    state: Arc<dyn State>,
    listener: UnixListener,
    board: Board,
) {
    let view = StateServer::new(FilteredState::new(state, access(service))).without_yaml();
    let incoming = counted(UnixListenerStream::new(listener), service.id, board);
    let served = view.into_router().serve_with_incoming(incoming).await;
    if let Err(error) = served {
        error!(%error, component = service.id, "its state is not served any more");
    }
}

/// What connects. One connection more than there may be waits until another ends, and those after it
/// in the queue of the socket.
fn counted<E>(
    incoming: impl Stream<Item = Result<UnixStream, E>>,
    id: &'static str,
    board: Board,
) -> impl Stream<Item = Result<Counted, E>> {
    let connections = Arc::new(AtomicUsize::new(0));
    let free = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    incoming.then(move |stream| {
        let (connections, board) = (Arc::clone(&connections), board.clone());
        let free = Arc::clone(&free);
        async move {
            let stream = stream?;
            // The semaphore is never closed, so an error cannot come.
            let place = free.acquire_owned().await.ok();
            Ok(Counted {
                stream,
                _lease: Lease::new(id, connections, board),
                _place: place,
            })
        }
    })
}

/// Tells the board of each connection, and when there is none any more.
struct Lease {
    id: &'static str,
    connections: Arc<AtomicUsize>,
    board: Board,
}

impl Lease {
    fn new(id: &'static str, connections: Arc<AtomicUsize>, board: Board) -> Self {
        connections.fetch_add(1, Ordering::Relaxed);
        board.record_ready(id, true);
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
            self.board.record_ready(self.id, false);
        }
    }
}

/// A connection that is counted.
struct Counted {
    stream: UnixStream,
    _lease: Lease,
    _place: Option<OwnedSemaphorePermit>,
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

#[cfg(test)]
mod tests {
    use std::io;

    use futures_util::{FutureExt, stream};
    use ichor_resource::specs::files::EtcFileSpec;
    use ichor_resource::{Kind, Pointer, Resource, find_definition};
    use ichor_rights::SERVICES;
    use ichor_state::{MemoryState, Query, StateError, StateExt};

    use super::*;

    #[tokio::test]
    async fn what_a_component_may_read_by_name_it_may_not_write() {
        for service in SERVICES {
            let state = FilteredState::new(MemoryState::new(), access(service));
            for grant in service.rights.state {
                let Grant::Read(name) = grant else { continue };
                let definition = find_definition(name);
                let namespace = definition.map(|known| known.default_namespace);
                let kind = Kind::named(namespace.unwrap(), name);
                let found = state.list(&kind, &Query::default()).await;
                assert_eq!(found, Ok(Vec::new()), "{} reads {name}", service.id);
                let pointer = Pointer {
                    kind,
                    id: "a".into(),
                };
                let written = state.destroy(&pointer, "").await;
                assert!(
                    matches!(written, Err(StateError::Denied(_))),
                    "{} writes {name}: {written:?}",
                    service.id
                );
            }
        }
    }

    #[tokio::test]
    async fn networkd_writes_its_own_files_of_etc_only() {
        let networkd = ichor_rights::service("networkd").unwrap();
        let state = FilteredState::new(MemoryState::new(), access(networkd));
        let write = async |id: &str| {
            let file = EtcFileSpec {
                contents: b"x".to_vec(),
                mode: 0o644,
                selinux_label: String::new(),
            };
            state.upsert(Resource::new(id, file), "").await
        };
        for own in ["hostname", "hosts", "resolv.conf"] {
            assert!(write(own).await.is_ok(), "{own}");
        }
        for other in ["ld.so.conf", "udev/rules.d/1.rules", "passwd", "./hosts"] {
            let written = write(other).await;
            assert!(matches!(written, Err(StateError::Denied(_))), "{other}");
        }
    }

    #[tokio::test]
    async fn a_connection_too_many_waits_until_another_ends() {
        let connect = |_| UnixStream::pair().map(|(ours, _theirs)| ours);
        let incoming = stream::iter(0..=CONNECTIONS_MAX).map(connect);
        let board = Board::new(Box::new(|_| {}));
        let mut counted = Box::pin(counted(incoming, "networkd", board));
        let mut open: Vec<io::Result<Counted>> = Vec::new();
        while let Some(Some(connection)) = counted.next().now_or_never() {
            open.push(connection);
        }
        assert_eq!(open.len(), CONNECTIONS_MAX);
        drop(open.pop());
        assert!(counted.next().await.is_some_and(|last| last.is_ok()));
    }
}
