//! The connection to a component's unix socket: one for all calls, made anew when it breaks.

use std::path::PathBuf;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use tokio::net::UnixStream;
use tokio::sync::Mutex;
use tokio::time::Instant;
use tracing::debug;

use crate::limits;

/// Between attempts to connect.
const PAUSE: Duration = Duration::from_millis(50);

/// What a call sends.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

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
    connection: Mutex<Option<SendRequest<Outgoing>>>,
}

impl Backend {
    /// A component that serves on a unix socket.
    pub(crate) fn new(component: String, path: PathBuf) -> Self {
        Self {
            component,
            path,
            connection: Mutex::new(None),
        }
    }

    /// Passes a call on. A call is sent at most once, and only to a component that runs.
    ///
    /// # Errors
    /// [`BackendError`].
    pub(crate) async fn call(
        &self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, BackendError> {
        let mut connection = self.connected().await?;
        let sent = connection.send_request(request).await;
        sent.map_err(|source| BackendError::Call {
            component: self.component.clone(),
            source,
        })
    }

    async fn connected(&self) -> Result<SendRequest<Outgoing>, BackendError> {
        // A call that has waited for the attempts of others makes none of its own.
        let deadline = Instant::now() + limits::RESTART;
        let mut slot = self.connection.lock().await;
        if let Some(open) = slot.as_mut()
            && open.ready().await.is_ok()
        {
            return Ok(open.clone());
        }
        loop {
            match tokio::time::timeout_at(deadline, self.connect()).await {
                Ok(Ok(fresh)) => return Ok(slot.insert(fresh).clone()),
                Ok(Err(error)) if Instant::now() + PAUSE >= deadline => return Err(error),
                Ok(Err(_not_yet)) => tokio::time::sleep(PAUSE).await,
                Err(_elapsed) => {
                    return Err(BackendError::Silent {
                        component: self.component.clone(),
                    });
                }
            }
        }
    }

    async fn connect(&self) -> Result<SendRequest<Outgoing>, BackendError> {
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
            .initial_stream_window_size(limits::STREAM_WINDOW)
            .initial_connection_window_size(limits::CONNECTION_WINDOW)
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

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::{BodyExt, Empty};
    use hyper::service::service_fn;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::UnixListener;

    use super::*;

    fn request() -> Request<Outgoing> {
        let body = Empty::new().map_err(|never: Infallible| match never {});
        Request::new(body.boxed_unsync())
    }

    fn backend(name: &str) -> (UnixListener, Backend) {
        let name = format!("ichor-backend-{name}-{}.sock", std::process::id());
        let path = std::env::temp_dir().join(name);
        drop(std::fs::remove_file(&path));
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
        let (_listener, backend) = backend("silent");
        let start = Instant::now();
        let (first, second) = tokio::join!(backend.call(request()), backend.call(request()));
        for answer in [first, second] {
            let error = answer.unwrap_err();
            assert_eq!(error.to_string(), "storaged does not answer");
        }
        assert!(
            start.elapsed() < limits::RESTART * 3 / 2,
            "one after the other"
        );
    }

    #[tokio::test]
    async fn a_call_waits_for_a_component_that_is_restarted() {
        let (listener, backend) = backend("restart");
        let late = async {
            tokio::time::sleep(Duration::from_millis(200)).await;
            serve_one(&listener).await;
        };
        let (answer, ()) = tokio::join!(backend.call(request()), late);
        assert!(answer.unwrap().status().is_success());
    }

    #[tokio::test]
    async fn a_connection_that_broke_is_made_anew() {
        let (listener, backend) = backend("broken");
        let gone = async {
            const EMPTY_SETTINGS: &[u8] = &[0, 0, 0, 4, 0, 0, 0, 0, 0];
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.write_all(EMPTY_SETTINGS).await.unwrap();
            stream.read_u8().await.unwrap();
        };
        let (first, ()) = tokio::join!(backend.call(request()), gone);
        let text = first.unwrap_err().to_string();
        assert_eq!(text, "storaged ended before it answered");
        let (second, ()) = tokio::join!(backend.call(request()), serve_one(&listener));
        assert!(second.unwrap().status().is_success());
    }

    #[tokio::test(start_paused = true)]
    async fn a_socket_that_is_not_there_is_said() {
        let backend = Backend::new("storaged".to_owned(), "/nowhere-at-all".into());
        let error = backend.call(request()).await.unwrap_err();
        assert_eq!(error.to_string(), "storaged cannot be reached");
    }
}
