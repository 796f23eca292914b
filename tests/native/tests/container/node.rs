//! A node that is started and asked.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use ichor_api::machine::{ServiceInfo, Version};
use ichor_client::Client;
use ichor_native::{API_PORT, Native, Process, Setup};
use ichor_state::RemoteState;

/// A first answer comes after tenths of a second; the computer does much else.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);
const PAUSE: Duration = Duration::from_millis(20);

/// A node in namespaces.
pub(crate) struct Node {
    pub(crate) native: Native,
}

/// The path in a variable, or where `./x image` puts it.
pub(crate) fn given(variable: &str, default: &str) -> Result<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../../out/vm")
            .join(default),
    };
    ensure!(
        path.exists(),
        "{} is not there: run `./x test native`, or set {variable}",
        path.display()
    );
    Ok(path)
}

/// As most tests start it.
pub(crate) fn setup() -> Result<Setup> {
    Ok(Setup::of(&given("ICHOR_ROOTFS", "rootfs.squashfs")?))
}

impl Node {
    /// Starts a node and waits for its first answer.
    pub(crate) fn start(setup: &Setup) -> Result<Self> {
        let mut native = Native::prepare(setup)?;
        native.go()?;
        let node = Self { native };
        node.wait_for("an answer", PATIENCE, |node| node.version().is_ok())?;
        Ok(node)
    }

    /// Calls from inside the node's network, on a new connection.
    pub(crate) fn call<T, F>(&self, work: impl FnOnce(Client) -> F + Send) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>>,
    {
        self.native.within(|| {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()?;
            runtime.block_on(async {
                let address = format!("127.0.0.1:{API_PORT}").parse()?;
                work(Client::insecure(&address, &[]).await?).await
            })
        })
    }

    /// Works on the node's state.
    pub(crate) fn state<T, F>(&self, work: impl FnOnce(RemoteState) -> F + Send) -> Result<T>
    where
        T: Send,
        F: Future<Output = Result<T>>,
    {
        self.call(|client| work(RemoteState::over(client.channel())))
    }

    pub(crate) fn version(&self) -> Result<Version> {
        let reply = self.call(|client| async move { Ok(client.machine().version(()).await?) })?;
        let message = reply.into_inner().messages.into_iter().next();
        message.context("an answer has a message")
    }

    pub(crate) fn services(&self) -> Result<Vec<ServiceInfo>> {
        let call = |client: Client| async move { Ok(client.machine().service_list(()).await?) };
        let messages = self.call(call)?.into_inner().messages;
        let services = messages.into_iter().flat_map(|message| message.services);
        Ok(services.collect())
    }

    pub(crate) fn service(&self, id: &str) -> Result<ServiceInfo> {
        let found = self.services()?.into_iter().find(|each| each.id == id);
        found.with_context(|| format!("no service {id}"))
    }

    /// The state that a service says it is in.
    pub(crate) fn state_of(&self, id: &str) -> Result<String> {
        Ok(self.service(id)?.state)
    }

    pub(crate) fn process(&self, name: &str) -> Result<Process> {
        let found = self.native.processes()?;
        let found = found.into_iter().find(|process| process.name == name);
        found.with_context(|| format!("no process {name}"))
    }

    pub(crate) fn wait_for(
        &self,
        what: &str,
        patience: Duration,
        done: impl Fn(&Self) -> bool,
    ) -> Result<()> {
        let end = Instant::now() + patience;
        while !done(self) {
            if Instant::now() >= end {
                bail!("no {what}; the node said:\n{}", self.native.words());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(())
    }
}
