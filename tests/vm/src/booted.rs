//! A node, looked at through the command line.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_vm::{Accel, Cluster, ClusterSpec, Node, NodeSpec};

/// The port of a node's API.
pub(crate) const API_PORT: u16 = 50000;

/// Under software emulation a node answers after 10 to 20 s; a host that builds meanwhile is slower.
pub(crate) const BOOT_TIME_MAX: Duration = Duration::from_secs(180);

/// A node that has answered once.
#[derive(Debug)]
pub struct Booted {
    cluster: Cluster,
    port: u16,
}

impl Booted {
    /// Boots a node and waits for the first answer of its API.
    ///
    /// # Errors
    /// What could not be started, or the console's end when the node does not answer.
    pub fn start(node: NodeSpec) -> Result<Self> {
        let mut booted = Self::power_on(image()?, node)?;
        booted.wait_for_answer(BOOT_TIME_MAX)?;
        Ok(booted)
    }

    /// Starts a node and waits for nothing.
    ///
    /// # Errors
    /// What could not be started.
    pub fn power_on(image: PathBuf, node: NodeSpec) -> Result<Self> {
        let spec = ClusterSpec {
            name: "test".to_owned(),
            image,
            nodes: 1,
            node,
        };
        let cluster = Cluster::start_temporary(&spec)?;
        let node = cluster.nodes().first().context("a cluster has a node")?;
        let port = node.plan().port(API_PORT).context("the API is forwarded")?;
        Ok(Self { cluster, port })
    }

    /// Turns the node on again after it has gone off, and waits for nothing.
    ///
    /// # Errors
    /// What could not be started.
    pub fn power_on_again(&mut self) -> Result<()> {
        Ok(self.cluster.start_node(0)?)
    }

    /// The machine.
    ///
    /// # Errors
    /// Never, as a cluster has a node.
    pub fn node(&mut self) -> Result<&mut Node> {
        self.cluster
            .nodes_mut()
            .first_mut()
            .context("a cluster has a node")
    }

    /// Whether QEMU emulates the processor, which makes everything ten to thirty times slower.
    pub fn is_emulated(&self) -> bool {
        self.cluster.plan().accel == Accel::Tcg
    }

    /// The fingerprint of the API that the console has shown first.
    ///
    /// # Errors
    /// When it has shown none.
    pub fn shown_fingerprint(&mut self) -> Result<String> {
        let text = self.node()?.console().text()?;
        let (_, shown) = text
            .split_once("fingerprint ")
            .context("the console shows no fingerprint")?;
        let word = shown.split_whitespace().next().unwrap_or_default();
        Ok(word.to_owned())
    }

    /// Runs `ichor` on the node and gives what it prints.
    ///
    /// # Errors
    /// What it says when it fails, and the console's end.
    pub fn ichor(&mut self, arguments: &[&str]) -> Result<String> {
        self.try_ichor(arguments).map_err(|error| {
            let words = self.node().map(Node::last_words).unwrap_or_default();
            error.context(words)
        })
    }

    /// Runs an `ichor` that does not end by itself, for some time, and gives what it printed.
    ///
    /// # Errors
    /// When it cannot be run.
    pub fn ichor_for(&self, duration: Duration, arguments: &[&str]) -> Result<String> {
        let mut child = self
            .command(arguments)?
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .context("run ichor")?;
        thread::sleep(duration);
        child.kill().context("end ichor")?;
        Ok(String::from_utf8(child.wait_with_output()?.stdout)?)
    }

    fn command(&self, arguments: &[&str]) -> Result<Command> {
        ichor(&[self.port], arguments)
    }

    fn try_ichor(&self, arguments: &[&str]) -> Result<String> {
        let output = self.command(arguments)?.output().context("run ichor")?;
        if !output.status.success() {
            let words = String::from_utf8_lossy(&output.stderr);
            bail!("`ichor {}` failed: {words}", arguments.join(" "));
        }
        Ok(String::from_utf8(output.stdout)?)
    }

    /// Waits until the node tells its version.
    ///
    /// # Errors
    /// The last failure and the console's end.
    pub fn wait_for_answer(&mut self, patience: Duration) -> Result<()> {
        self.wait_for(patience, &["version"], |_| true).map(drop)
    }

    /// Runs `ichor` until it succeeds and `accept` holds on what it prints.
    ///
    /// # Errors
    /// The last answer or failure, and the console's end.
    pub fn wait_for(
        &mut self,
        patience: Duration,
        arguments: &[&str],
        accept: impl Fn(&str) -> bool,
    ) -> Result<String> {
        const PAUSE: Duration = Duration::from_millis(250);
        let deadline = Instant::now() + patience;
        loop {
            let failure = match self.try_ichor(arguments) {
                Ok(text) if accept(&text) => return Ok(text),
                Ok(text) => anyhow::anyhow!("`ichor {}` printed:\n{text}", arguments.join(" ")),
                Err(error) => error,
            };
            let node = self.node()?;
            if Instant::now() >= deadline || !node.is_running() {
                return Err(failure.context(node.last_words()));
            }
            thread::sleep(PAUSE);
        }
    }
}

/// An `ichor` for nodes whose APIs are forwarded from these ports.
pub(crate) fn ichor(ports: &[u16], arguments: &[&str]) -> Result<Command> {
    let default = Path::new("../../target/x86_64-unknown-linux-gnu/vm/ichor");
    let nodes: Vec<_> = ports
        .iter()
        .map(|port| format!("127.0.0.1:{port}"))
        .collect();
    let mut command = Command::new(given("ICHOR_CLI", default)?);
    command
        .args(["--insecure", "--nodes", &nodes.join(",")])
        .args(arguments)
        .stdin(Stdio::null());
    Ok(command)
}

/// The disk that ships.
///
/// # Errors
/// When it was not built.
pub fn image() -> Result<PathBuf> {
    given("ICHOR_IMAGE", Path::new("../../out/vm/disk.raw"))
}

/// The same disk as qcow2.
///
/// # Errors
/// When it was not built.
pub fn qcow2() -> Result<PathBuf> {
    given("ICHOR_QCOW2", Path::new("../../out/vm/disk.qcow2"))
}

/// The CD that ships.
///
/// # Errors
/// When it was not built.
pub fn iso() -> Result<PathBuf> {
    const ISO: &str = concat!("../../out/vm/ichor-", env!("CARGO_PKG_VERSION"), ".iso");
    given("ICHOR_ISO", Path::new(ISO))
}

/// The disk that tests look into.
///
/// # Errors
/// When it was not built.
pub fn probe_image() -> Result<PathBuf> {
    let default = Path::new("../../out/vm-probe/disk.raw");
    given("ICHOR_PROBE_IMAGE", default)
}

/// The path in a variable, or one from this crate's directory.
fn given(variable: &str, default: &Path) -> Result<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(default),
    };
    if !path.exists() {
        bail!(
            "{} is not there: run `./x test vm`, or set {variable}",
            path.display()
        );
    }
    Ok(path)
}
