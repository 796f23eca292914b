//! Making the namespaces and mounts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::Native;

/// Runs as the first process of the new namespaces, and becomes PID 1 of the node.
///
/// The mounts are those that a container engine makes; they go with the mount namespace.
const SCRIPT: &str = r#"
set -e
mount --make-rprivate /
mount -o loop,ro "$IMAGE" "$ROOT"
for place in dev run system tmp var; do
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/$place"
done
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys"
for device in null zero full random urandom tty; do
    : > "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
done
echo ready >&3
read -r go
exec 3>&-
exec env -i PLATFORM=container PATH=/usr/sbin:/usr/bin:/sbin:/bin chroot "$ROOT" /sbin/init
"#;

pub(crate) fn prepare(squashfs: &Path) -> Result<Native> {
    let squashfs = squashfs
        .canonicalize()
        .with_context(|| format!("find {}", squashfs.display()))?;
    let directory = tempfile::Builder::new()
        .prefix("ichor-native-")
        .tempdir()
        .context("make a directory")?;
    let root = directory.path().join("root");
    std::fs::create_dir(&root).context("make the root")?;
    let log_path = directory.path().join("log");
    let log = File::create(&log_path).context("make the log")?;
    let ready = directory.path().join("ready");
    rustix::fs::mkfifoat(rustix::fs::CWD, &ready, rustix::fs::Mode::RWXU).context("make a pipe")?;
    let mut outer = Command::new("unshare")
        .args(["--pid", "--mount", "--net", "--uts", "--ipc", "--fork"])
        .args(["--kill-child=SIGKILL", "sh", "-c"])
        .arg(format!("exec 3>{}\n{SCRIPT}", ready.display()))
        .env("IMAGE", &squashfs)
        .env("ROOT", &root)
        .stdin(Stdio::piped())
        .stdout(log.try_clone()?)
        .stderr(log)
        .spawn()
        .context("run unshare")?;
    // The other end opens it first thing; when the script fails, reading ends.
    let mut answer = String::new();
    BufReader::new(File::open(&ready)?).read_line(&mut answer)?;
    let words = || std::fs::read_to_string(&log_path).unwrap_or_default();
    if answer.trim() != "ready" {
        outer.kill()?;
        outer.wait()?;
        bail!("the namespaces could not be made: {}", words().trim());
    }
    let init = child_of(outer.id())?;
    Ok(Native {
        go: outer.stdin.take(),
        outer,
        init,
        directory,
    })
}

fn child_of(pid: u32) -> Result<u32> {
    let path = format!("/proc/{pid}/task/{pid}/children");
    let children = std::fs::read_to_string(&path).with_context(|| format!("read {path}"))?;
    let first = children.split_whitespace().next();
    first
        .with_context(|| format!("process {pid} has no child"))?
        .parse()
        .with_context(|| format!("parse {path}"))
}
