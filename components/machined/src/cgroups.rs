//! The control groups of PID 1 and of the services.
//!
//! ```text
//! ROOT            controllers enabled, no process
//! ├── init        PID 1
//! └── system      what a service needs is in its row of the rights table
//!     └── apid …
//! ```

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ichor_rights::Limits;

/// Where the kernel shows the control groups.
pub(crate) const MOUNT: &str = "/sys/fs/cgroup";

/// Controllers that limits and accounting need.
const CONTROLLERS: &[&str] = &["cpuset", "cpu", "io", "memory", "pids"];

/// Controllers without which no limit can be set.
const LIMITING: &[&str] = &["memory", "pids"];

/// A control group could not be made or set.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CgroupError {
    #[error("make control group {}", path.display())]
    Make { path: PathBuf, source: io::Error },
    #[error("write {value:?} to {}", path.display())]
    Write {
        path: PathBuf,
        value: String,
        source: io::Error,
    },
    #[error("read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
}

/// Control groups below one directory; cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Cgroups {
    root: PathBuf,
}

impl Cgroups {
    /// Uses the hierarchy that is mounted at `root`.
    pub(crate) fn new(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }

    /// Whether there is a version 2 hierarchy with all that limits need; a container may have none,
    /// or one without controllers.
    pub(crate) fn is_available(&self) -> bool {
        let offered = fs::read_to_string(self.root.join("cgroup.controllers"));
        let offered = offered.unwrap_or_default();
        let offers = |name: &&str| offered.split_whitespace().any(|offered| offered == *name);
        LIMITING.iter().all(offers)
    }

    /// Moves PID 1 out of the root, which may have no processes once controllers are enabled,
    /// then enables for `system` what the kernel offers.
    ///
    /// # Errors
    /// [`CgroupError`] with the file that could not be written.
    pub(crate) fn prepare(&self) -> Result<(), CgroupError> {
        let init = self.make("init")?;
        write(&init.join("cgroup.procs"), "0")?;
        let system = self.make("system")?;
        enable(&self.root)?;
        enable(&system)?;
        limit(&init, &ichor_rights::PID_1)?;
        limit(&system, &ichor_rights::all_services())
    }

    /// Makes a group, such as `system/apid`, and sets its limits (file name, value).
    ///
    /// # Errors
    /// [`CgroupError`]. A limit whose controller the kernel lacks is an error too.
    pub(crate) fn make_limited(
        &self,
        name: &str,
        limits: &[(&str, String)],
    ) -> Result<PathBuf, CgroupError> {
        let path = self.make(name)?;
        for (file, value) in limits {
            write(&path.join(file), value)?;
        }
        Ok(path)
    }

    /// Kills every process of a group.
    ///
    /// # Errors
    /// [`CgroupError::Write`].
    pub(crate) fn kill(&self, name: &str) -> Result<(), CgroupError> {
        write(&self.root.join(name).join("cgroup.kill"), "1")
    }

    fn make(&self, name: &str) -> Result<PathBuf, CgroupError> {
        let path = self.root.join(name);
        match fs::create_dir_all(&path) {
            Ok(()) => Ok(path),
            Err(source) => Err(CgroupError::Make { path, source }),
        }
    }
}

/// Sets what the controllers that are there can set.
fn limit(group: &Path, limits: &Limits) -> Result<(), CgroupError> {
    let mut settings = limits.settings().into_iter();
    settings.try_for_each(|(file, value)| {
        let path = group.join(file);
        match path.exists() {
            true => write(&path, &value),
            false => Ok(()),
        }
    })
}

/// Enables what is there of [`CONTROLLERS`] for the children of a group.
fn enable(group: &Path) -> Result<(), CgroupError> {
    let path = group.join("cgroup.controllers");
    let offered = fs::read_to_string(&path).map_err(|source| CgroupError::Read { path, source })?;
    let wanted: Vec<String> = offered
        .split_whitespace()
        .filter(|name| CONTROLLERS.contains(name))
        .map(|name| format!("+{name}"))
        .collect();
    if wanted.is_empty() {
        return Ok(());
    }
    write(&group.join("cgroup.subtree_control"), &wanted.join(" "))
}

fn write(path: &Path, value: &str) -> Result<(), CgroupError> {
    fs::write(path, value).map_err(|source| CgroupError::Write {
        path: path.to_owned(),
        value: value.to_owned(),
        source,
    })
}

#[cfg(test)]
mod tests;
