//! A component: HTTP/2 on a unix socket.

use std::convert::Infallible;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::server::conn::http2;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixListener;
use tokio::task::JoinSet;

/// A part of an answer.
#[derive(Clone, Debug)]
pub(crate) enum Part {
    Data(Bytes),
    Trailers(HeaderMap),
    /// The answer stops.
    Break,
}

pub(crate) type Answer = UnsyncBoxBody<Bytes, std::io::Error>;

/// A message of zeroes with its length before it.
pub(crate) fn message(length: u32) -> Bytes {
    let mut bytes = vec![0];
    bytes.extend(length.to_be_bytes());
    bytes.resize(bytes.len() + length as usize, 0);
    bytes.into()
}

/// What ends an answer.
pub(crate) fn trailers(status: &str) -> HeaderMap {
    let mut trailers = HeaderMap::new();
    trailers.insert("grpc-status", status.parse().unwrap());
    trailers
}

/// Answers any call with an empty message.
pub(crate) async fn empty(_: Request<Incoming>) -> Response<Answer> {
    answer([Part::Data(message(0)), Part::Trailers(trailers("0"))])
}

pub(crate) fn answer(parts: impl IntoIterator<Item = Part>) -> Response<Answer> {
    let parts: Vec<_> = parts.into_iter().collect();
    let frames = stream::iter(parts).then(|part| async {
        if matches!(part, Part::Break) {
            // What was said before is on its way by then.
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        frame(part)
    });
    respond(StreamBody::new(frames).boxed_unsync())
}

/// An answer that goes on as long as it is taken.
pub(crate) fn endless() -> Response<Answer> {
    let parts = std::iter::repeat_with(|| frame(Part::Data(message(4000))));
    respond(StreamBody::new(stream::iter(parts)).boxed_unsync())
}

fn respond(body: Answer) -> Response<Answer> {
    let mut response = Response::new(body);
    let kind = "application/grpc".parse().unwrap();
    response.headers_mut().insert("content-type", kind);
    response
}

fn frame(part: Part) -> Result<Frame<Bytes>, std::io::Error> {
    match part {
        Part::Data(bytes) => Ok(Frame::data(bytes)),
        Part::Trailers(trailers) => Ok(Frame::trailers(trailers)),
        Part::Break => Err(std::io::Error::other("the test says so")),
    }
}

/// All that a call sends, as far as it comes.
pub(crate) async fn collect(mut body: Incoming) -> Bytes {
    let mut sent = Vec::new();
    while let Some(Ok(frame)) = body.frame().await {
        sent.extend_from_slice(frame.data_ref().unwrap_or(&Bytes::new()));
    }
    sent.into()
}

/// Serves until the task is aborted; with it all connections end.
pub(crate) async fn serve<H, F>(path: &Path, handle: H)
where
    H: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
    F: Future<Output = Response<Answer>> + Send + 'static,
{
    let listener = UnixListener::bind(path).unwrap();
    let mut connections = JoinSet::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let handle = handle.clone();
        let service = service_fn(move |request| {
            let answer = handle(request);
            async { Ok::<_, Infallible>(answer.await) }
        });
        let served = http2::Builder::new(TokioExecutor::new())
            .max_concurrent_streams(1024)
            .serve_connection(TokioIo::new(stream), service);
        connections.spawn(async {
            let _ended = served.await;
        });
    }
}
