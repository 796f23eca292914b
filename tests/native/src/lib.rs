//! A node in namespaces of this computer, without a virtual machine: container mode, as a container
//! engine would start it.
//!
//! Needs root, unshare(1), nsenter(1), setpriv(1), mount(8), and a kernel with loop devices and
//! squashfs for roots that are images.

mod accounts;
mod cgroup;
mod image;
mod start;

use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitStatus};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

pub use accounts::{Process, Usage};
pub use image::Image;

/// The port of a node's API, which is reached from inside the node's network ([`Native::within`]).
pub const API_PORT: u16 = 50000;

/// How a container engine starts a node.
#[derive(Clone, Debug)]
pub struct Setup {
    /// A squashfs image, or a directory.
    pub root: PathBuf,
    /// The program and its arguments.
    pub entry_point: Vec<String>,
    /// `NAME=VALUE`.
    pub environment: Vec<String>,
    /// Whether limits of the computer may be raised (`CAP_SYS_RESOURCE`).
    pub may_raise_limits: bool,
    /// Whether it has a control group hierarchy of its own.
    pub has_cgroups: bool,
}

impl Setup {
    /// As the bench and most tests start a node.
    #[must_use]
    pub fn of(root: &Path) -> Self {
        Self {
            root: root.to_owned(),
            entry_point: vec!["/sbin/init".to_owned()],
            environment: vec!["PLATFORM=container".to_owned()],
            may_raise_limits: true,
            has_cgroups: false,
        }
    }
}

/// A node. Dropping it ends all its processes and removes its mounts.
#[derive(Debug)]
pub struct Native {
    outer: Child,
    /// The process that becomes PID 1 of the node.
    init: u32,
    go: Option<ChildStdin>,
    directory: tempfile::TempDir,
    /// Removed when its processes are gone.
    _cgroup: Option<cgroup::Own>,
}

impl Native {
    /// Makes everything up to the moment before PID 1 is executed; [`Native::go`] executes it.
    ///
    /// # Errors
    /// What could not be made, with what the tools said.
    pub fn prepare(setup: &Setup) -> Result<Self> {
        start::prepare(setup)
    }

    /// Executes PID 1, and tells when.
    ///
    /// # Errors
    /// When the waiting process has gone.
    pub fn go(&mut self) -> Result<Instant> {
        use std::io::Write;
        if let Some(mut go) = self.go.take() {
            let now = Instant::now();
            go.write_all(b"go\n")?;
            return Ok(now);
        }
        bail!("the node runs already")
    }

    /// A command that will run in the node's network.
    #[must_use]
    pub fn enter(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net={}", self.network()))
            .arg("--")
            .arg(program);
        command
    }

    /// Does something in the node's network, on a thread of its own.
    ///
    /// # Errors
    /// When the network cannot be entered; and those of the work.
    pub fn within<T: Send>(&self, work: impl FnOnce() -> Result<T> + Send) -> Result<T> {
        let path = self.network();
        let network = std::fs::File::open(&path).with_context(|| format!("open {path}"))?;
        let inside = move || {
            use std::os::fd::AsFd;
            let kind = Some(LinkNameSpaceType::Network);
            move_into_link_name_space(network.as_fd(), kind).context("enter the network")?;
            work()
        };
        let done = std::thread::scope(|scope| scope.spawn(inside).join());
        done.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// The processes of the node, PID 1 first.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn processes(&self) -> Result<Vec<Process>> {
        accounts::processes(self.init)
    }

    /// Sends a signal to PID 1, as a container engine does.
    ///
    /// # Errors
    /// When it has gone.
    pub fn signal(&self, signal: Signal) -> Result<()> {
        let init = i32::try_from(self.init).ok().and_then(Pid::from_raw);
        let init = init.context("PID 1 has an id")?;
        rustix::process::kill_process(init, signal).context("signal PID 1")
    }

    /// Waits until PID 1 has ended, and tells how.
    ///
    /// # Errors
    /// When it has not in that time.
    pub fn wait(&mut self, patience: Duration) -> Result<ExitStatus> {
        let end = Instant::now() + patience;
        while Instant::now() < end {
            if let Some(status) = self.outer.try_wait()? {
                return Ok(status);
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        bail!("the node does not end; it said:\n{}", self.words())
    }

    /// What the node has written to its standard output and error.
    #[must_use]
    pub fn words(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
    }

    fn network(&self) -> String {
        format!("/proc/{}/ns/net", self.init)
    }
}

impl Drop for Native {
    fn drop(&mut self) {
        // Its death is the end of the namespaces: unshare(1) was told so.
        if let Err(error) = self.outer.kill().and_then(|()| self.outer.wait().map(drop)) {
            eprintln!("end the node: {error}");
        }
    }
}
