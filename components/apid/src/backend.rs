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
use tracing::debug;

use crate::limits;

/// A component that is being restarted is back within this time.
const ATTEMPTS: usize = 20;
const PAUSE: Duration = Duration::from_millis(50);

/// What a call sends.
pub(crate) type Outgoing = UnsyncBoxBody<Bytes, hyper::Error>;

/// A call could not be passed on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BackendError {
    #[error("connect to {}", path.display())]
    Connect {
        path: PathBuf,
        source: std::io::Error,
    },
    #[error("begin HTTP/2 with {}", path.display())]
    Handshake { path: PathBuf, source: hyper::Error },
    #[error("pass a call on")]
    Call(#[source] hyper::Error),
}

/// A component that serves calls.
#[derive(Debug)]
pub(crate) struct Backend {
    path: PathBuf,
    connection: Mutex<Option<SendRequest<Outgoing>>>,
}

impl Backend {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self {
            path,
            connection: Mutex::new(None),
        }
    }

    /// Passes a call on. A call is sent at most once.
    ///
    /// # Errors
    /// [`BackendError`].
    pub(crate) async fn call(
        &self,
        request: Request<Outgoing>,
    ) -> Result<Response<Incoming>, BackendError> {
        let mut connection = self.connected().await?;
        connection
            .send_request(request)
            .await
            .map_err(BackendError::Call)
    }

    async fn connected(&self) -> Result<SendRequest<Outgoing>, BackendError> {
        let mut slot = self.connection.lock().await;
        if let Some(open) = slot.as_mut()
            && open.ready().await.is_ok()
        {
            return Ok(open.clone());
        }
        let mut attempt = 1;
        let fresh = loop {
            match self.connect().await {
                Ok(fresh) => break fresh,
                Err(error) if attempt == ATTEMPTS => return Err(error),
                Err(_not_yet) => tokio::time::sleep(PAUSE).await,
            }
            attempt += 1;
        };
        Ok(slot.insert(fresh).clone())
    }

    async fn connect(&self) -> Result<SendRequest<Outgoing>, BackendError> {
        let stream = UnixStream::connect(&self.path).await;
        let stream = stream.map_err(|source| BackendError::Connect {
            path: self.path.clone(),
            source,
        })?;
        let handshake = http2::Builder::new(TokioExecutor::new())
            .timer(TokioTimer::new())
            .initial_stream_window_size(limits::STREAM_WINDOW)
            .initial_connection_window_size(limits::CONNECTION_WINDOW)
            .max_send_buf_size(limits::SEND_BUFFER)
            .handshake(TokioIo::new(stream));
        let (sender, driver) = handshake.await.map_err(|source| BackendError::Handshake {
            path: self.path.clone(),
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
