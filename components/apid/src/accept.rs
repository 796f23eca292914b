//! Connections: accepted, counted, encrypted, served.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use hyper::server::conn::http2;
use hyper_util::rt::{TokioIo, TokioTimer};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustls::ServerConfig;
use tokio::io::Interest;
use tokio::net::{TcpListener, TcpStream};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tracing::{debug, info, warn};

use crate::call::{Calls, Counters};
use crate::limits::{self, Connections};
use crate::metered::Metered;
use crate::places::{Place, Places, WhenFull};
use crate::proxy::{self, Calling};
use crate::routes::Routes;
use crate::source::Source;

/// How long accepting rests when the system is out of descriptors or memory.
const EXHAUSTED: Duration = Duration::from_millis(100);
/// Connections that leave much memory behind.
const MANY: usize = 64;
/// How often it is said that connections are refused.
const REPORT: Duration = Duration::from_secs(30);

/// Accepts connections and counts them.
pub(crate) struct Acceptor {
    tls: TlsAcceptor,
    routes: Arc<Routes>,
    counters: Arc<Counters>,
    handshakes: Arc<Places>,
    connections: Arc<Places>,
    running: TaskTracker,
    /// The most connections since memory was given back.
    most: AtomicUsize,
    refused: Mutex<Refused>,
}

impl Acceptor {
    pub(crate) fn new(tls: Arc<ServerConfig>, routes: Arc<Routes>, limits: Connections) -> Self {
        Self {
            tls: TlsAcceptor::from(tls),
            routes,
            counters: Arc::new(Counters::new()),
            handshakes: Places::new(
                limits.handshakes,
                limits::HANDSHAKES_EACH_MAX,
                WhenFull::EndOldest,
            ),
            connections: Places::new(limits.total, limits.each, WhenFull::Refuse),
            running: TaskTracker::new(),
            most: AtomicUsize::new(0),
            refused: Mutex::default(),
        }
    }

    /// Serves connections until `stop`, then lets calls come to their end for a while.
    pub(crate) async fn serve(self, listener: TcpListener, stop: CancellationToken) {
        let acceptor = Arc::new(self);
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = stop.cancelled() => break,
            };
            match accepted {
                Ok((stream, peer)) => acceptor.begin(stream, peer, &stop),
                Err(error) if is_exhausted(&error) => {
                    warn!(%error, "accepting a connection failed");
                    tokio::time::sleep(EXHAUSTED).await;
                }
                // What became of one connection says nothing of the next.
                Err(error) => debug!(%error, "accepting a connection failed"),
            }
        }
        acceptor.running.close();
        match timeout(limits::DRAIN, acceptor.running.wait()).await {
            Ok(()) => info!("ended"),
            Err(_elapsed) => info!("ended, with calls still running"),
        }
    }

    /// Nothing waits here, whatever a client does: the kernel's queue is for all.
    fn begin(self: &Arc<Self>, stream: TcpStream, peer: SocketAddr, stop: &CancellationToken) {
        let lost = CancellationToken::new();
        let Some(place) = self.handshakes.take(peer.ip().into(), lost.clone()) else {
            return self.refused(peer);
        };
        let (acceptor, stop) = (Arc::clone(self), stop.clone());
        self.running.spawn(async move {
            if let Some(stream) = acceptor.handshake(stream, place, lost).await {
                acceptor.connection(stream, peer, stop).await;
            }
            acceptor.one_less();
        });
        self.most.fetch_max(self.running.len(), Ordering::Relaxed);
    }

    /// Says so, now and then.
    fn refused(&self, peer: SocketAddr) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        refused.count += 1;
        if refused.said.is_none_or(|said| said.elapsed() >= REPORT) {
            let last = peer.ip();
            warn!(count = refused.count, %last, "connections were refused: too many at a time");
            *refused = Refused {
                count: 0,
                said: Some(Instant::now()),
            };
        }
    }

    /// After a flood, memory is given back: some with each part of it that ends, and the rest with the
    /// last connection. It is this one that ends, so it still counts.
    fn one_less(&self) {
        let left = self.running.len();
        let most = self.most.load(Ordering::Relaxed);
        if most >= MANY && (left < most / 4 || left <= 1) {
            let still = if left <= 1 { 0 } else { left.max(MANY) };
            self.most.store(still, Ordering::Relaxed);
            ichor_sys::process::release_memory();
        }
    }

    async fn handshake(
        &self,
        stream: TcpStream,
        _place: Place,
        lost: CancellationToken,
    ) -> Option<TlsStream<TcpStream>> {
        // Small messages must not wait for the acknowledgement of earlier ones.
        if let Err(error) = stream.set_nodelay(true) {
            debug!(%error, "TCP_NODELAY");
        }
        let handshake = async {
            match has_left(&stream).await? {
                true => Ok(None),
                false => self.tls.accept(stream).await.map(Some),
            }
        };
        let handshake = timeout(limits::HANDSHAKE, handshake);
        let shaken = lost.run_until_cancelled(handshake).await;
        match shaken {
            Some(Ok(Ok(Some(stream)))) => return Some(stream),
            Some(Ok(Ok(None))) => debug!("the client ended before its TLS handshake"),
            Some(Ok(Err(error))) => debug!(%error, "TLS handshake failed"),
            Some(Err(_elapsed)) => debug!("TLS handshake took too long"),
            None => debug!("TLS handshake made way for newer ones"),
        }
        None
    }

    async fn connection(
        &self,
        stream: TlsStream<TcpStream>,
        peer: SocketAddr,
        stop: CancellationToken,
    ) {
        let lost = CancellationToken::new();
        let source = Source::from(peer.ip());
        let Some(_place) = self.connections.take(source, lost.clone()) else {
            return self.refused(peer);
        };
        let calling = Calling {
            source,
            counters: Arc::clone(&self.counters),
            routes: Arc::clone(&self.routes),
        };
        let service = hyper::service::service_fn(move |request| {
            let calling = calling.clone();
            async move { Ok::<_, std::convert::Infallible>(proxy::call(request, &calling).await) }
        });
        let served = http2::Builder::new(Calls)
            .timer(TokioTimer::new())
            .max_concurrent_streams(limits::STREAMS_MAX)
            .max_header_list_size(limits::HEADERS_MAX)
            .max_pending_accept_reset_streams(limits::RESETS_UNSEEN_MAX)
            .max_local_error_reset_streams(limits::RESETS_UNSEEN_MAX)
            .max_send_buf_size(limits::SEND_BUFFER)
            .initial_stream_window_size(limits::STREAM_WINDOW)
            .initial_connection_window_size(limits::CONNECTION_WINDOW)
            .keep_alive_interval(limits::PING_INTERVAL)
            .keep_alive_timeout(limits::PING_TIMEOUT)
            .serve_connection(TokioIo::new(Metered::new(stream)), service);
        tokio::pin!(served);
        let ended = tokio::select! {
            ended = &mut served => ended,
            () = lost.cancelled() => return debug!("a connection made way for another source"),
            () = stop.cancelled() => {
                served.as_mut().graceful_shutdown();
                served.await
            }
        };
        if let Err(error) = ended {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            debug!(%error, cause, "connection ended");
        }
    }
}

/// Waits for a client's first bytes. Whether nothing follows them: who has given up needs no
/// handshake, which costs a signature, and after an outage there are many of them.
async fn has_left(stream: &TcpStream) -> io::Result<bool> {
    let wanted = PollFlags::IN | PollFlags::RDHUP;
    let look = || {
        let mut polled = [PollFd::new(stream, wanted)];
        match poll(&mut polled, Some(&Timespec::default()))? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            _ => Ok(polled
                .iter()
                .any(|fd| fd.revents().contains(PollFlags::RDHUP))),
        }
    };
    stream.async_io(Interest::READABLE, look).await
}

/// No descriptor or no memory is left: trying again at once would not help.
fn is_exhausted(error: &io::Error) -> bool {
    let all = [Errno::MFILE, Errno::NFILE, Errno::NOBUFS, Errno::NOMEM];
    Errno::from_io_error(error).is_some_and(|error| all.contains(&error))
}

/// Connections that were refused since that was last said.
#[derive(Debug, Default)]
struct Refused {
    count: u64,
    said: Option<Instant>,
}
