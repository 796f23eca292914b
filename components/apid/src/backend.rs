//! The connections to a component's unix socket: one for all calls of a source, made anew when it
//! breaks.
//!
//! HTTP/2 ends a connection, with all its calls, when its peer misbehaves. What one source does
//! ends only its own.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::time::{Instant, timeout_at};
use tracing::debug;

use crate::body::PassedOn;
use crate::limits;
use crate::source::Source;

/// Between attempts to connect to a component that is being started.
const PAUSE: Duration = Duration::from_millis(50);

/// A call could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error("{component} cannot be reached")]
    Connect {
        component: String,
        source: std::io::Error,
    },
    #[error("{component} does not speak HTTP/2")]
    Handshake {
        component: String,
        source: hyper::Error,
    },
    #[error("{component} does not answer")]
    Silent { component: String },
    #[error("{component} ended before it answered")]
    Call {
        component: String,
        source: hyper::Error,
    },
}

/// A component that serves calls.
#[derive(Debug)]
pub(crate) struct Backend {
    component: String,
    path: PathBuf,
    lanes: Mutex<HashMap<Source, Arc<Lane>>>,
}

/// The connection for one source.
#[derive(Debug)]
struct Lane {
    open: Mutex<Open>,
    /// Held while a connection is made, so that only one is.
    making: tokio::sync::Mutex<()>,
}

#[derive(Debug)]
struct Open {
    sender: Option<SendRequest<PassedOn>>,
    used: Instant,
}

impl Backend {
    /// A component that serves on a unix socket.
    pub(crate) fn new(component: String, path: PathBuf) -> Self {
        Self {
            component,
            path,
            lanes: Mutex::default(),
        }
    }

    /// Passes a call on. A call is sent at most once, and only to a component that runs.
    ///
    /// # Errors
    /// [`BackendError`].
    pub(crate) async fn call(
        &self,
        source: Source,
        mut request: Request<PassedOn>,
    ) -> Result<Response<Incoming>, BackendError> {
        let lane = self.lane(source);
        let mut attempt = 1;
        loop {
            let mut connection = self.connected(&lane).await?;
            match connection.try_send_request(request).await {
                Ok(response) => return Ok(response),
                // The connection ended after the last look at it, and before the call was sent.
                Err(mut refused) if attempt == 1 => match refused.take_message() {
                    Some(unsent) => request = unsent,
                    None => return Err(self.ended(refused.into_error())),
                },
                Err(failed) => return Err(self.ended(failed.into_error())),
            }
            attempt += 1;
        }
    }

    fn ended(&self, source: hyper::Error) -> BackendError {
        BackendError::Call {
            component: self.component.clone(),
            source,
        }
    }

    fn lane(&self, source: Source) -> Arc<Lane> {
        let mut lanes = lock(&self.lanes);
        if let Some(lane) = lanes.get(&source) {
            return Arc::clone(lane);
        }
        // Calls on those that are let go of go on: each closes after the last of them.
        lanes.retain(|_, lane| lock(&lane.open).used.elapsed() < limits::LANE_KEPT);
        if lanes.len() >= limits::LANES_MAX {
            let unused = lanes.iter().min_by_key(|(_, lane)| lock(&lane.open).used);
            if let Some(unused) = unused.map(|(source, _)| *source) {
                lanes.remove(&unused);
            }
        }
        let lane = Arc::new(Lane::new());
        lanes.insert(source, Arc::clone(&lane));
        lane
    }

    async fn connected(&self, lane: &Lane) -> Result<SendRequest<PassedOn>, BackendError> {
        if let Some(open) = lane.open() {
            return Ok(open);
        }
        let end = Instant::now() + limits::COMPONENT_WAIT;
        let silent = |_elapsed| BackendError::Silent {
            component: self.component.clone(),
        };
        let _turn = timeout_at(end, lane.making.lock()).await.map_err(silent)?;
        loop {
            // Another call may have made it meanwhile.
            if let Some(open) = lane.open() {
                return Ok(open);
            }
            match timeout_at(end, self.connect()).await.map_err(silent)? {
                Ok(fresh) => lock(&lane.open).sender = Some(fresh),
                Err(error) if Instant::now() + PAUSE > end => return Err(error),
                Err(_not_yet) => tokio::time::sleep(PAUSE).await,
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<PassedOn>, BackendError> {
        let failed = |source| BackendError::Connect {
            component: self.component.clone(),
            source,
        };
        let stream = UnixStream::connect(&self.path).await.map_err(failed)?;
        // PID 1 keeps the socket of a component that does not run, so that connecting succeeds. A
        // component that accepts greets with its settings.
        stream.readable().await.map_err(failed)?;
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(limits::ANSWER_WINDOW)
            .initial_connection_window_size(limits::ANSWERS_WINDOW)
            .max_send_buf_size(limits::SEND_BUFFER)
            .handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(|source| BackendError::Handshake {
            component: self.component.clone(),
            source,
        })?;
        tokio::spawn(async move {
            if let Err(error) = driver.await {
                debug!(%error, "connection to a component ended");
            }
        });
        Ok(sender)
    }
}

impl Lane {
    fn new() -> Self {
        Self {
            open: Mutex::new(Open {
                sender: None,
                used: Instant::now(),
            }),
            making: tokio::sync::Mutex::default(),
        }
    }

    fn open(&self) -> Option<SendRequest<PassedOn>> {
        let mut open = lock(&self.open);
        open.used = Instant::now();
        open.sender.clone().filter(|sender| !sender.is_closed())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::net::IpAddr;

    use bytes::Bytes;
    use http_body_util::{BodyExt, Empty};
    use hyper::service::service_fn;
    use tempfile::TempDir;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    fn request() -> Request<PassedOn> {
        let body = Empty::new().map_err(|never: Infallible| match never {});
        Request::new(body.boxed_unsync())
    }

    fn source() -> Source {
        IpAddr::from([10, 5, 0, 1]).into()
    }

    fn backend(directory: &TempDir) -> (UnixListener, Backend) {
        let path = directory.path().join("storage.sock");
        let listener = UnixListener::bind(&path).unwrap();
        (listener, Backend::new("storaged".to_owned(), path))
    }

    async fn serve_one(listener: &UnixListener) {
        let (stream, _) = listener.accept().await.unwrap();
        let answer =
            service_fn(|_| async { Ok::<_, Infallible>(Response::new(Empty::<Bytes>::new())) });
        let server = hyper::server::conn::http2::Builder::new(TokioExecutor::new());
        tokio::spawn(server.serve_connection(TokioIo::new(stream), answer));
    }

    #[tokio::test(start_paused = true)]
    async fn a_component_that_nobody_runs_is_silent() {
        let directory = tempfile::tempdir().unwrap();
        let (_listener, backend) = backend(&directory);
        let start = Instant::now();
        let (first, second) = tokio::join!(
            backend.call(source(), request()),
            backend.call(source(), request())
        );
        for answer in [first, second] {
            let error = answer.unwrap_err();
            assert_eq!(error.to_string(), "storaged does not answer");
        }
        assert!(
            start.elapsed() < limits::COMPONENT_WAIT * 3 / 2,
            "one after the other"
        );
    }

    #[tokio::test]
    async fn a_call_waits_for_a_component_that_is_restarted() {
        let directory = tempfile::tempdir().unwrap();
        let (listener, backend) = backend(&directory);
        let late = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            serve_one(&listener).await;
        };
        let (answer, ()) = tokio::join!(backend.call(source(), request()), late);
        assert!(answer.unwrap().status().is_success());
    }

    #[tokio::test]
    async fn a_connection_that_broke_is_made_anew() {
        let directory = tempfile::tempdir().unwrap();
        let (listener, backend) = backend(&directory);
        let gone = async {
            const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(EMPTY_SETTINGS).await.unwrap();
            stream.read_u8().await.unwrap();
        };
        let (first, ()) = tokio::join!(backend.call(source(), request()), gone);
        let text = first.unwrap_err().to_string();
        assert_eq!(text, "storaged ended before it answered");
        let (second, ()) = tokio::join!(backend.call(source(), request()), serve_one(&listener));
        assert!(second.unwrap().status().is_success());
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_not_there_is_said() {
        let backend = Backend::new("storaged".to_owned(), "/nowhere-at-all".into());
        let error = backend.call(source(), request()).await.unwrap_err();
        assert_eq!(error.to_string(), "storaged cannot be reached");
    }
}
