//! Connections: accepted, counted, encrypted, served.

use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use rustls::ServerConfig;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_rustls::TlsAcceptor;
use tracing::{debug, warn};

use crate::limits;
use crate::proxy;
use crate::routes::Routes;

/// How long accepting rests when the system is out of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);

/// Serves connections for ever.
pub(crate) async fn serve(listener: TcpListener, tls: Arc<ServerConfig>, routes: Arc<Routes>) {
    let acceptor = TlsAcceptor::from(tls);
    let slots = Arc::new(Semaphore::new(limits::CONNECTIONS_MAX));
    loop {
        // Without a free slot nothing is accepted: the kernel's queue holds the rest.
        let Ok(slot) = Arc::clone(&slots).acquire_owned().await else {
            return;
        };
        let stream = match listener.accept().await {
            Ok((stream, _peer)) => stream,
            Err(error) => {
                warn!(%error, "accepting a connection failed");
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        let (acceptor, routes) = (acceptor.clone(), Arc::clone(&routes));
        tokio::spawn(async move {
            connection(stream, acceptor, routes).await;
            drop(slot);
        });
    }
}

async fn connection(stream: TcpStream, acceptor: TlsAcceptor, routes: Arc<Routes>) {
    // Small messages must not wait for the acknowledgement of earlier ones.
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY");
    }
    let handshake = tokio::time::timeout(limits::HANDSHAKE, acceptor.accept(stream)).await;
    let stream = match handshake {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return debug!(%error, "TLS handshake failed"),
        Err(_elapsed) => return debug!("TLS handshake took too long"),
    };
    let service = hyper::service::service_fn(move |request| {
        let routes = Arc::clone(&routes);
        async move { Ok::<_, std::convert::Infallible>(proxy::call(request, &routes).await) }
    });
    let served = http2::Builder::new(TokioExecutor::new())
        .timer(TokioTimer::new())
        .max_concurrent_streams(limits::STREAMS_MAX)
        .max_header_list_size(limits::HEADERS_MAX)
        .max_pending_accept_reset_streams(limits::RESETS_MAX)
        .max_local_error_reset_streams(limits::RESETS_MAX)
        .max_send_buf_size(limits::SEND_BUFFER)
        .initial_stream_window_size(limits::STREAM_WINDOW)
        .initial_connection_window_size(limits::CONNECTION_WINDOW)
        .keep_alive_interval(limits::PING_INTERVAL)
        .keep_alive_timeout(limits::PING_TIMEOUT)
        .serve_connection(TokioIo::new(stream), service)
        .await;
    if let Err(error) = served {
        debug!(%error, "connection ended");
    }
}
