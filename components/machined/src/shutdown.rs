//! The way down: services, mounts, disks, power.

use std::fs;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use ichor_sys::kmsg::{self, Level};
use ichor_sys::power::{self, Power};
use ichor_sys::{mount, process, wait};
use rustix::process::Signal;

use crate::proc::paths::unescape;

/// How long processes that are no services may take to end.
const TERM_PATIENCE: Duration = Duration::from_secs(2);
/// How long the kernel may take to remove what was killed; one that waits for a dead disk stays.
const KILL_PATIENCE: Duration = Duration::from_secs(2);
/// How long disks may take to write what the kernel holds for them, each time they are asked; one
/// that is dead never does.
const DISK_PATIENCE: Duration = Duration::from_secs(30);

const MOUNTS: &str = "/proc/self/mountinfo";

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
                thread::park();
            }
        }
        Outcome::Failed { pause: Some(pause) } => {
            let text = format!("the machine restarts in {} s", pause.as_secs());
            kmsg::write(Level::Error, &text);
            thread::sleep(pause);
            Power::Restart
        }
    };
    end_processes();
    // Two threads: a disk that keeps one from being unmounted does not keep others from being written.
    if !within(DISK_PATIENCE, unmount_all) {
        kmsg::write(Level::Error, "going on: a file system is not unmounted");
    }
    match within(DISK_PATIENCE, power::sync) {
        true => kmsg::write(Level::Info, "everything is written to the disks"),
        false => kmsg::write(
            Level::Error,
            "going on: not everything is written to the disks",
        ),
    }
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

/// Does what may block on a thread of its own. `false` when it has not ended after `patience`; it is
/// left alone then.
fn within(patience: Duration, work: impl FnOnce() + Send + 'static) -> bool {
    let (done, end) = mpsc::channel();
    let started = thread::Builder::new().name("disks".into()).spawn(move || {
        work();
        // Nobody waits any more when it took too long.
        let _unheard = done.send(());
    });
    match started {
        Ok(_thread) => end.recv_timeout(patience).is_ok(),
        Err(error) => {
            kmsg::write(Level::Error, &format!("start a thread: {error}"));
            false
        }
    }
}

/// Unmounts what lies on disks; what is still in use becomes read-only, so that it is consistent.
fn unmount_all() {
    let mounts = match fs::read(MOUNTS) {
        Ok(mounts) => mounts,
        Err(error) => {
            let text = format!("nothing is unmounted: read {MOUNTS}: {error}");
            return kmsg::write(Level::Error, &text);
        }
    };
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
pub(crate) fn on_disks(mountinfo: &[u8]) -> Vec<PathBuf> {
    let targets = mountinfo.split(|byte| *byte == b'\n').filter_map(|line| {
        let mut words = line.split(|byte| *byte == b' ');
        let target = words.nth(4)?;
        // Before the separator there are options, as many as there are.
        words.find(|word| *word == b"-")?;
        let (fstype, source) = (words.next()?, words.next()?);
        let counts = source.starts_with(b"/dev/") || fstype == b"overlay";
        (counts && target != b"/").then(|| unescape(target))
    });
    targets.collect()
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
    use std::path::Path;

    use super::*;

    #[test]
    fn a_disk_that_does_not_answer_is_waited_for_no_longer_than_said() {
        let (_never, answer) = mpsc::channel::<()>();
        let wait = move || assert!(answer.recv().is_err());
        assert!(!within(Duration::from_millis(10), wait));
        assert!(within(Duration::MAX, || {}));
    }

    #[test]
    fn finds_file_systems_on_disks_but_not_the_root() {
        let text = b"22 1 254:0 / / ro shared:1 - squashfs /dev/dm-0 ro\n\
                    23 22 0:5 / /dev rw - devtmpfs devtmpfs rw\n\
                    24 22 254:1 / /var rw,nosuid - xfs /dev/vda4 rw\n\
                    25 24 254:1 /x /var/lib rw - xfs /dev/vda4 rw\nbroken\n\
                    26 22 0:41 / /opt rw - overlay overlay rw,lowerdir=/opt\n\
                    27 24 8:1 / /var/mnt/a\\040b\xff rw - vfat /dev/sda1 rw\n";
        let expected: [&[u8]; 4] = [b"/var", b"/var/lib", b"/opt", b"/var/mnt/a b\xff"];
        let expected = expected.map(|path| Path::new(OsStr::from_bytes(path)));
        assert_eq!(on_disks(text), expected);
    }
}
