//! What tests in virtual machines share: one booted node per test program, looked at through the
//! command line, as people do.
//!
//! `./x test vm` builds the image first. By hand, `ICHOR_IMAGE` and `ICHOR_CLI` name the disk and the
//! program; without them they are where `./x image` puts them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_vm::{Cluster, ClusterSpec, Node, NodeSpec};

/// The port of a node's API.
const API_PORT: u16 = 50000;

/// Under software emulation a node answers after 10 to 20 s; a host that builds meanwhile is slower.
const BOOT_TIME_MAX: Duration = Duration::from_secs(180);

/// A node that has answered once.
#[derive(Debug)]
pub struct Booted {
    cluster: Cluster,
    port: u16,
}

/// The node that all tests of a program share. It ends with the program.
///
/// A test that changes the node holds the guard meanwhile, and leaves the node as it was.
pub fn shared() -> Result<MutexGuard<'static, Booted>> {
    static SHARED: OnceLock<Result<Mutex<Booted>, String>> = OnceLock::new();
    let shared = SHARED.get_or_init(|| {
        let booted = Booted::start(NodeSpec::default());
        booted.map(Mutex::new).map_err(|error| format!("{error:#}"))
    });
    match shared {
        // A test that failed has not broken the node for the others.
        Ok(booted) => Ok(booted.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(error) => bail!("{error}"),
    }
}

impl Booted {
    /// Boots a node and waits for the first answer of its API.
    ///
    /// # Errors
    /// What could not be started, or the console's end when the node does not answer.
    pub fn start(node: NodeSpec) -> Result<Self> {
        let spec = ClusterSpec {
            name: "test".to_owned(),
            image: given("ICHOR_IMAGE", Path::new("../../out/vm/disk.raw"))?,
            nodes: 1,
            node,
        };
        let cluster = Cluster::start_temporary(&spec)?;
        let node = cluster.nodes().first().context("a cluster has a node")?;
        let port = node.plan().port(API_PORT).context("the API is forwarded")?;
        let mut booted = Self { cluster, port };
        booted.wait_for_answer(BOOT_TIME_MAX)?;
        Ok(booted)
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

    fn try_ichor(&self, arguments: &[&str]) -> Result<String> {
        let default = Path::new("../../target/x86_64-unknown-linux-gnu/vm/ichor");
        let cli = given("ICHOR_CLI", default)?;
        let output = Command::new(&cli)
            .args(["--insecure", "--nodes", &format!("127.0.0.1:{}", self.port)])
            .args(arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("run {}", cli.display()))?;
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

/// The path in a variable, or one from this crate's directory.
fn given(variable: &str, default: &Path) -> Result<PathBuf> {
    let path = match std::env::var_os(variable) {
        Some(path) => PathBuf::from(path),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join(default),
    };
    if !path.exists() {
        bail!(
            "{} is not there: run `./x image`, or set {variable}",
            path.display()
        );
    }
    Ok(path)
}
