//! A control group for a node, below that of the computer.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};

/// A group that is removed when it is dropped.
#[derive(Debug)]
pub(crate) struct Own {
    path: PathBuf,
}

impl Own {
    pub(crate) fn make() -> Result<Self> {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let name = format!("ichor-native-{}-{number}", std::process::id());
        let path = hierarchy()?.join(name);
        fs::create_dir(&path).with_context(|| format!("make {}", path.display()))?;
        Ok(Self { path })
    }

    /// Makes a shell without arguments enter the group and execute what is added to its arguments.
    pub(crate) fn enter(&self, shell: &mut Command) {
        shell
            .args([
                "-c",
                "echo 0 > \"$GROUP\" && unset GROUP && exec \"$@\"",
                "sh",
            ])
            .env("GROUP", self.path.join("cgroup.procs"));
    }
}

/// Where the second version of control groups is mounted.
fn hierarchy() -> Result<PathBuf> {
    let mounts = fs::read_to_string("/proc/mounts").context("read /proc/mounts")?;
    let found = mounts.lines().find_map(|line| {
        let mut words = line.split(' ').skip(1);
        let (target, kind) = (words.next()?, words.next()?);
        (kind == "cgroup2").then(|| PathBuf::from(target))
    });
    found.context("this computer has no control groups of version 2 mounted")
}

impl Drop for Own {
    fn drop(&mut self) {
        // The last processes may take a moment.
        for _ in 0..50 {
            if remove(&self.path).is_ok() {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        eprintln!("the control group {} remains", self.path.display());
    }
}

/// Removes a group and those below it; its files go with it.
fn remove(path: &Path) -> std::io::Result<()> {
    for entry in fs::read_dir(path)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            remove(&entry.path())?;
        }
    }
    fs::remove_dir(path)
}
