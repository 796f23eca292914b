//! The way down: services, mounts, disks, power.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ichor_sys::kmsg::{self, Level};
use ichor_sys::mount;
use ichor_sys::power::{self, Power};

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

/// Ends the machine. Returns only where that is not possible, as in some containers.
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
    unmount_all();
    power::sync();
    kmsg::write(Level::Info, &format!("end of the machine: {power:?}"));
    if let Err(error) = power::end(power) {
        kmsg::write(Level::Error, &format!("{power:?}: {error}"));
    }
}

/// Unmounts what lies on disks; what is still in use becomes read-only, so that it is consistent.
fn unmount_all() {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    for target in on_disks(&mounts).iter().rev() {
        let Err(error) = mount::detach_if_idle(target) else {
            continue;
        };
        kmsg::write(Level::Warning, &format!("{error}: making it read-only"));
        if let Err(error) = mount::remount_read_only(target) {
            kmsg::write(Level::Error, &error.to_string());
        }
    }
}

/// Mount points of file systems on block devices, but for the root, in the order of mounting.
///
/// Source: proc_pid_mountinfo(5).
fn on_disks(mountinfo: &str) -> Vec<PathBuf> {
    let targets = mountinfo.lines().filter_map(|line| {
        let (left, right) = line.split_once(" - ")?;
        let source = right.split(' ').nth(1)?;
        let target = left.split(' ').nth(4)?;
        (source.starts_with("/dev/") && target != "/").then(|| Path::new(target).to_owned())
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
                    25 24 254:1 /x /var/lib rw - xfs /dev/vda4 rw\nbroken\n";
        assert_eq!(on_disks(text), [Path::new("/var"), Path::new("/var/lib")]);
    }
}
