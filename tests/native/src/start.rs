//! Making the namespaces and mounts.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use crate::{Native, Setup, cgroup};

/// Runs as the first process of the new namespaces, and becomes PID 1 of the node: its arguments are
/// the rest of the way there.
///
/// The mounts are those that a container engine makes; they go with the mount namespace.
const SCRIPT: &str = r#"
set -e
mount --make-rprivate /
if [ -d "$IMAGE" ]; then
    mount --bind "$IMAGE" "$ROOT"
    mount -o remount,bind,ro "$ROOT"
else
    mount -o loop,ro "$IMAGE" "$ROOT"
fi
for place in dev run system tmp var; do
    mount -t tmpfs -o mode=755 tmpfs "$ROOT/$place"
done
mount -t proc proc "$ROOT/proc"
mount -t sysfs -o ro sysfs "$ROOT/sys"
[ -z "$CGROUPS" ] || mount -t cgroup2 cgroup2 "$ROOT/sys/fs/cgroup"
for device in null zero full random urandom tty; do
    : > "$ROOT/dev/$device"
    mount --bind "/dev/$device" "$ROOT/dev/$device"
done
echo ready >&3
read -r go
exec 3>&-
exec "$@"
"#;

/// What engines set where an image does not.
const PATH: &str = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

pub(crate) fn prepare(setup: &Setup) -> Result<Native> {
    let image = setup
        .root
        .canonicalize()
        .with_context(|| format!("find {}", setup.root.display()))?;
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
    let cgroup = match setup.has_cgroups {
        true => Some(cgroup::Own::make()?),
        false => None,
    };
    let output = log.try_clone()?;
    let mut outer = ichor_tether::spawn("sh", |shell| {
        if let Some(own) = &cgroup {
            // It has to be in its group before that becomes the root of a namespace.
            own.enter(shell);
            shell.arg("sh");
        }
        arguments(shell, setup);
        shell
            .arg("chroot")
            .arg(&root)
            .args(&setup.entry_point)
            .env("READY", &ready)
            .env("IMAGE", &image)
            .env("ROOT", &root)
            .stdin(Stdio::piped())
            .stdout(output)
            .stderr(log);
    })
    .context("run setpriv")?;
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
        _cgroup: cgroup,
    })
}

/// The way of a shell to what is executed in the namespaces.
fn arguments(shell: &mut Command, setup: &Setup) {
    // Opened first of all, and closed by the end of whatever fails.
    shell.args(["-c", "exec 3>\"$READY\"; exec unshare \"$@\"", "sh"]);
    if setup.has_cgroups {
        shell.arg("--cgroup").env("CGROUPS", "yes");
    }
    shell
        .args(["--pid", "--mount", "--net", "--uts", "--ipc", "--fork"])
        .args(["--kill-child=SIGKILL", "sh", "-c"])
        .arg(SCRIPT)
        .arg("sh");
    if !setup.may_raise_limits {
        let capability = "-sys_resource";
        shell
            .arg("setpriv")
            .args(["--bounding-set", capability, "--inh-caps", capability]);
    }
    shell.args(["env", "-i", PATH]).args(&setup.environment);
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
