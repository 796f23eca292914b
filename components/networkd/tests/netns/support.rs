//! What all tests in network namespaces share.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use ichor_networkd::run;
use ichor_resource::{Pointer, Spec};
use ichor_state::{MemoryState, RemoteState, StateExt, StateServer};
use tokio_util::sync::CancellationToken;

/// In an emulated machine, code that is not optimised takes twenty times as long.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// A namespace; gone when dropped.
pub(crate) struct Namespace {
    pub(crate) name: String,
}

impl Namespace {
    pub(crate) fn new(role: &str) -> Self {
        let name = format!("ichor-{role}-{}", unique());
        ip(&["netns", "add", &name]);
        Self { name }
    }

    /// Runs `ip` in it.
    pub(crate) fn ip(&self, arguments: &[&str]) -> String {
        ip(&[&["-n", &self.name], arguments].concat())
    }

    /// Calls a function in it, on a thread of its own: setns(2) moves one thread.
    pub(crate) fn inside<T: Send>(
        &self,
        call: impl FnOnce() -> T + Send,
    ) -> std::thread::Result<T> {
        let path = format!("/run/netns/{}", self.name);
        let namespace = File::open(path).expect("namespace");
        std::thread::scope(|scope| {
            let inside = scope.spawn(|| {
                let kind = Some(rustix::thread::LinkNameSpaceType::Network);
                rustix::thread::move_into_link_name_space(namespace.as_fd(), kind)
                    .expect("enter the namespace");
                call()
            });
            inside.join()
        })
    }

    /// Sets a parameter below `/proc/sys/net`.
    pub(crate) fn set(&self, parameter: &str, value: &str) {
        let path = format!("/proc/sys/net/{parameter}");
        let written = self.inside(|| std::fs::write(&path, value));
        written.expect("no panic").expect("write the parameter");
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        drop(
            Command::new("ip")
                .args(["netns", "delete", &self.name])
                .status(),
        );
    }
}

/// Two namespaces with a cable between them.
pub(crate) struct Cable {
    /// Has `client0`, which is down.
    pub(crate) client: Namespace,
    /// Has `server0`, which is up.
    pub(crate) server: Namespace,
}

impl Cable {
    pub(crate) fn new() -> Self {
        Self::between(Namespace::new("client"), Namespace::new("server"))
    }

    pub(crate) fn between(client: Namespace, server: Namespace) -> Self {
        let pair = ["type", "veth", "peer", "name", "server0", "netns"];
        client.ip(&[
            &["link", "add", "client0"],
            pair.as_slice(),
            &[&server.name],
        ]
        .concat());
        server.ip(&["link", "set", "server0", "up"]);
        Self { client, server }
    }
}

/// Runs the component in a namespace until `check`, which sees its state, has come to its end.
pub(crate) fn with_networkd<F: Future<Output = ()>>(
    namespace: &Namespace,
    check: impl FnOnce(Arc<MemoryState>) -> F + Send,
) {
    // The component runs on one thread, with all its tasks.
    let socket = std::env::temp_dir().join(format!("ichor-state-{}.sock", unique()));
    let outcome = namespace.inside(|| {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("runtime").block_on(async {
            let state = Arc::new(MemoryState::new());
            let shutdown = CancellationToken::new();
            let remote = served(Arc::clone(&state), &socket);
            let running = run(Arc::new(remote), shutdown.clone());
            let checked = async {
                check(state).await;
                shutdown.cancel();
            };
            let (ran, ()) = tokio::join!(running, checked);
            ran.expect("networkd");
        });
    });
    drop(std::fs::remove_file(&socket));
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}

pub(crate) fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("run ip");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("ip prints text")
}

fn pointer<S: Spec>(id: &str) -> Pointer {
    Pointer {
        kind: S::kind(),
        id: id.to_owned(),
    }
}

pub(crate) async fn appears<S: Spec>(
    state: &MemoryState,
    id: &str,
    wanted: impl FnMut(&S) -> bool + Send,
) -> S {
    let found = tokio::time::timeout(PATIENCE, state.wait_for_as::<S>(id, wanted));
    let found = found
        .await
        .unwrap_or_else(|_| panic!("{} {id} does not come", S::TYPE));
    found.expect("readable").into_value()
}

pub(crate) async fn disappears<S: Spec>(state: &MemoryState, id: &str) {
    let pointer = pointer::<S>(id);
    let gone = state.wait_for(&pointer, |any| any.is_none());
    let gone = tokio::time::timeout(PATIENCE, gone).await;
    gone.unwrap_or_else(|_| panic!("{pointer} stays"))
        .expect("readable");
}

/// Tests may run at the same time.
fn unique() -> String {
    static COUNTED: AtomicUsize = AtomicUsize::new(0);
    let number = COUNTED.fetch_add(1, Ordering::Relaxed);
    format!("{}-{number}", std::process::id())
}

/// The state as the component sees it on a node: over gRPC on a unix socket.
fn served(state: Arc<MemoryState>, path: &Path) -> RemoteState {
    let listener = tokio::net::UnixListener::bind(path).expect("listen");
    let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
    let service = StateServer::new(state).into_service();
    let router = tonic::transport::Server::builder().add_service(service);
    // Ends with the runtime.
    tokio::spawn(router.serve_with_incoming(incoming));
    RemoteState::unix(path.to_owned())
}
