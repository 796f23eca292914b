//! apid with a component behind it, and clients.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body::Frame;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Incoming;
use hyper::client::conn::http2::{self, SendRequest};
use hyper_util::rt::{TokioExecutor, TokioIo};
use ichor_apid::{ApidError, Setup};
use ichor_client::insecure_tls;
use tokio::net::TcpSocket;
use tokio::task::JoinHandle;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::component::{self, Answer};

pub(crate) const VERSION: &str = "/machine.MachineService/Version";
pub(crate) const EVENTS: &str = "/machine.MachineService/Events";
pub(crate) const APPLY: &str = "/machine.MachineService/ApplyConfiguration";

type Sending = UnsyncBoxBody<Bytes, std::io::Error>;

/// A node, as far as apid knows.
pub(crate) struct Node {
    directory: tempfile::TempDir,
    address: SocketAddr,
    component: JoinHandle<()>,
    stop: CancellationToken,
    apid: Option<JoinHandle<Result<(), ApidError>>>,
}

impl Node {
    /// Starts apid and a component that answers as `handle` does.
    pub(crate) fn start<H, F>(handle: H) -> Self
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Answer>> + Send + 'static,
    {
        let directory = tempfile::tempdir().unwrap();
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let address = listener.local_addr().unwrap();
        let stop = CancellationToken::new();
        let setup = Setup {
            identity: None,
            listener,
            services: vec![("machined".to_owned(), directory.path().join("machine.sock"))],
            state_socket: None,
        };
        let apid = tokio::spawn(ichor_apid::run(setup, stop.clone()));
        let mut node = Self {
            directory,
            address,
            component: tokio::spawn(async {}),
            stop,
            apid: Some(apid),
        };
        node.start_component(handle);
        node
    }

    pub(crate) fn start_component<H, F>(&mut self, handle: H)
    where
        H: Fn(Request<Incoming>) -> F + Clone + Send + Sync + 'static,
        F: Future<Output = Response<Answer>> + Send + 'static,
    {
        let path = self.directory.path().join("machine.sock");
        self.component = tokio::spawn(async move { component::serve(&path, handle).await });
    }

    /// Ends the component, with its connections.
    pub(crate) async fn stop_component(&mut self) {
        self.component.abort();
        let _aborted = (&mut self.component).await;
        std::fs::remove_file(self.directory.path().join("machine.sock")).unwrap();
    }

    /// Where apid listens.
    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Asks apid to end.
    pub(crate) fn stop(&self) {
        self.stop.cancel();
    }

    /// Waits until apid has ended.
    pub(crate) async fn ended(&mut self) {
        let apid = self.apid.take().unwrap();
        apid.await.unwrap().unwrap();
    }

    pub(crate) async fn connect(&self) -> Client {
        self.connect_from([127, 0, 0, 1].into()).await
    }

    pub(crate) async fn connect_from(&self, source: IpAddr) -> Client {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((source, 0).into()).unwrap();
        let stream = socket.connect(self.address).await.unwrap();
        let connector = TlsConnector::from(Arc::new(insecure_tls(&[]).unwrap()));
        let name = "node".try_into().unwrap();
        let stream = connector.connect(name, stream).await.unwrap();
        // What is not read on one stream shall not hold up the client's others.
        let (sender, driver) = http2::Builder::new(TokioExecutor::new())
            .initial_stream_window_size(64 << 10)
            .initial_connection_window_size((1 << 31) - 1)
            .handshake(TokioIo::new(stream))
            .await
            .unwrap();
        tokio::spawn(driver);
        Client { sender }
    }
}

/// A connection to apid.
pub(crate) struct Client {
    sender: SendRequest<Sending>,
}

/// A complete answer.
#[derive(Debug)]
pub(crate) struct Reply {
    pub(crate) code: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
    pub(crate) trailers: HeaderMap,
}

impl Reply {
    /// The gRPC status: of the trailers, or of the headers when there is nothing else.
    pub(crate) fn status(&self) -> &str {
        self.end("grpc-status")
    }

    pub(crate) fn text(&self) -> &str {
        self.end("grpc-message")
    }

    fn end(&self, name: &str) -> &str {
        let found = self.trailers.get(name).or(self.headers.get(name));
        found.map_or("none", |value| value.to_str().unwrap())
    }
}

impl Client {
    pub(crate) async fn call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        parts: Vec<Bytes>,
    ) -> Reply {
        let response = self.send(path, headers, sending(parts)).await.unwrap();
        read(response).await.unwrap()
    }

    pub(crate) async fn try_call(
        &self,
        path: &str,
        headers: &[(&str, &str)],
    ) -> Result<Reply, hyper::Error> {
        let parts = vec![component::message(0)];
        read(self.send(path, headers, sending(parts)).await?).await
    }

    /// Calls, and does not read the answer.
    pub(crate) async fn open(&self, path: &str) -> Response<Incoming> {
        let parts = vec![component::message(0)];
        self.send(path, &[], sending(parts)).await.unwrap()
    }

    /// Begins a call whose message never ends. The call ends when what is returned is dropped.
    pub(crate) async fn send_slowly(&self, path: &str, begin: Bytes) -> impl Drop + use<> {
        let first = stream::iter([Ok(Frame::data(begin))]);
        let body = StreamBody::new(first.chain(stream::pending())).boxed_unsync();
        let answer = self.send(path, &[], body);
        let waiting = tokio::spawn(async {
            let _ended = answer.await;
        });
        tokio::time::sleep(Duration::from_millis(50)).await;
        AbortOnDrop(waiting)
    }

    pub(crate) async fn get(&self, path: &str) -> Response<Incoming> {
        let uri = format!("https://node{path}");
        let request = Request::get(uri).body(sending(Vec::new())).unwrap();
        self.sender.clone().send_request(request).await.unwrap()
    }

    fn send(
        &self,
        path: &str,
        headers: &[(&str, &str)],
        body: Sending,
    ) -> impl Future<Output = Result<Response<Incoming>, hyper::Error>> + use<> {
        let mut request = Request::post(format!("https://node{path}"))
            .header("content-type", "application/grpc")
            .header("te", "trailers");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(body).unwrap();
        self.sender.clone().send_request(request)
    }
}

struct AbortOnDrop(JoinHandle<()>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

fn sending(parts: Vec<Bytes>) -> Sending {
    let parts = parts.into_iter().map(|part| Ok(Frame::data(part)));
    StreamBody::new(stream::iter(parts)).boxed_unsync()
}

async fn read(response: Response<Incoming>) -> Result<Reply, hyper::Error> {
    let (parts, body) = response.into_parts();
    let collected = body.collect().await?;
    Ok(Reply {
        code: parts.status,
        headers: parts.headers,
        trailers: collected.trailers().cloned().unwrap_or_default(),
        body: collected.to_bytes(),
    })
}
