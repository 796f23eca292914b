//! A node in namespaces of this computer, without a virtual machine: container mode, as a container
//! engine would start it.
//!
//! Needs root, unshare(1), nsenter(1), mount(8), and a kernel with squashfs and loop devices.

mod accounts;
mod start;

use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command};
use std::time::Instant;

use anyhow::Result;

pub use accounts::{Process, Usage};

/// The port of a node's API, which is reached from inside the node's network ([`Native::enter`]).
pub const API_PORT: u16 = 50000;

/// A node. Dropping it ends all its processes and removes its mounts.
#[derive(Debug)]
pub struct Native {
    outer: Child,
    /// The process that becomes PID 1 of the node.
    init: u32,
    go: Option<ChildStdin>,
    directory: tempfile::TempDir,
}

impl Native {
    /// Runs the root file system up to the moment before PID 1 is executed; [`Native::go`] executes
    /// it.
    ///
    /// # Errors
    /// What could not be made, with what the tools said.
    pub fn prepare(squashfs: &std::path::Path) -> Result<Self> {
        start::prepare(squashfs)
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
        anyhow::bail!("the node runs already")
    }

    /// A command that will run in the node's network.
    #[must_use]
    pub fn enter(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new("nsenter");
        command
            .arg(format!("--net=/proc/{}/ns/net", self.init))
            .arg("--")
            .arg(program);
        command
    }

    /// The processes of the node, PID 1 first.
    ///
    /// # Errors
    /// When /proc cannot be read.
    pub fn processes(&self) -> Result<Vec<Process>> {
        accounts::processes(self.init)
    }

    /// What the node has written to its standard output.
    #[must_use]
    pub fn words(&self) -> String {
        std::fs::read_to_string(self.log()).unwrap_or_default()
    }

    fn log(&self) -> PathBuf {
        self.directory.path().join("log")
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
