//! The way down: services, mounts, disks, power.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use ichor_sys::kmsg::{self, Level};
use ichor_sys::power::{self, Power};
use ichor_sys::{mount, process, wait};
use rustix::process::Signal;

/// How long processes that are no services may take to end.
const TERM_PATIENCE: Duration = Duration::from_secs(2);
/// How long the kernel may take to remove what was killed; one that waits for a dead disk stays.
const KILL_PATIENCE: Duration = Duration::from_secs(2);

/// How PID 1 ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// Someone asked for it.
    Asked(Power),
    /// Something failed that PID 1 cannot live without.
    Failed {
        /// How long a person may read what went wrong; `None` for ever.
        pause: Option<Duration>,
    },
}

/// What a container ends with: PID 1 returns, and with it all its processes end. Mounts, disks and
/// power belong to the host.
pub(crate) fn leave_container(outcome: Outcome) -> ExitCode {
    match outcome {
        Outcome::Asked(power) => {
            kmsg::write(Level::Info, &format!("end of the container: {power:?}"));
            ExitCode::SUCCESS
        }
        Outcome::Failed { .. } => ExitCode::FAILURE,
    }
}

/// Ends the machine. Returns only when the kernel refuses.
pub(crate) fn perform(outcome: Outcome) {
    let power = match outcome {
        Outcome::Asked(power) => power,
        Outcome::Failed { pause: None } => {
            kmsg::write(Level::Error, "panic=0: the machine stays as it is");
            loop {
                std::thread::park();
            }
        }
        Outcome::Failed { pause: Some(pause) } => {
            let text = format!("the machine restarts in {} s", pause.as_secs());
            kmsg::write(Level::Error, &text);
            std::thread::sleep(pause);
            Power::Restart
        }
    };
    end_processes();
    unmount_all();
    power::sync();
    kmsg::write(Level::Info, "everything is written to the disks");
    kmsg::write(Level::Info, &format!("end of the machine: {power:?}"));
    if let Err(error) = power::end(power) {
        kmsg::write(Level::Error, &format!("{power:?}: {error}"));
    }
}

/// Services have ended by now; others that are left would keep file systems in use.
fn end_processes() {
    // Elsewhere than at the top of a tree of processes, "all" would be those of others.
    if std::process::id() != 1 {
        return;
    }
    for (signal, patience) in [(Signal::TERM, TERM_PATIENCE), (Signal::KILL, KILL_PATIENCE)] {
        if let Err(error) = process::signal_all(signal) {
            kmsg::write(Level::Warning, &format!("end what is left: {error}"));
        }
        if wait::all(patience) {
            return;
        }
    }
    kmsg::write(Level::Warning, "some processes do not end");
}

/// Unmounts what lies on disks; what is still in use becomes read-only, so that it is consistent.
fn unmount_all() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for target in on_disks(&mounts).iter().rev() {
        match mount::detach_if_idle(target) {
            Ok(()) => kmsg::write(Level::Info, &format!("unmounted {}", target.display())),
            Err(error) => {
                kmsg::write(Level::Warning, &format!("{error}: making it read-only"));
                if let Err(error) = mount::remount_read_only(target) {
                    kmsg::write(Level::Error, &error.to_string());
                }
            }
        }
    }
}

/// Mount points of file systems on block devices, and of overlays, which keep such in use; but for
/// the root, in the order of mounting.
///
/// Source: proc_pid_mountinfo(5).
pub(crate) fn on_disks(mountinfo: &str) -> Vec<PathBuf> {
    let targets = mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let (fstype, right) = right.split_once(' ')?;
        let source = right.split(' ').next()?;
        let target = left.split(' ').nth(4)?;
        let counts = source.starts_with("/dev/") || fstype == "overlay";
        (counts && target != "/").then(|| Path::new(target).to_owned())
    });
    targets.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_file_systems_on_disks_but_not_the_root() {
        let text = "22 1 254:0 / / ro shared:1 - squashfs /dev/dm-0 ro\n\
                    23 22 0:5 / /dev rw - devtmpfs devtmpfs rw\n\
                    24 22 254:1 / /var rw,nosuid - xfs /dev/vda4 rw\n\
                    25 24 254:1 /x /var/lib rw - xfs /dev/vda4 rw\nbroken\n\
                    26 22 0:41 / /opt rw - overlay overlay rw,lowerdir=/opt\n";
        let expected = ["/var", "/var/lib", "/opt"].map(Path::new);
        assert_eq!(on_disks(text), expected);
    }
}
