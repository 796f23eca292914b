//! Whether KVM runs a guest here, or QEMU has to emulate.
//!
//! A `/dev/kvm` that opens proves nothing: in a nested machine it may run a few instructions and
//! then hang or abort in the firmware. So the probe runs the firmware that the machines will run,
//! and believes in KVM when it writes to its console in time.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::Firmware;
use crate::process::QEMU;

/// What executes the guest's instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Accel {
    /// The processor, through /dev/kvm.
    Kvm,
    /// QEMU's translator: ten to thirty times slower, works everywhere.
    Tcg,
}

/// Overrides the probe: `kvm` or `tcg`.
const OVERRIDE: &str = "ICHOR_ACCEL";

/// Firmware says its first word after half a second under KVM.
const PROBE_TIME_MAX: Duration = Duration::from_secs(3);

impl Accel {
    /// What QEMU is told.
    pub fn arguments(self) -> &'static [&'static str] {
        match self {
            Self::Kvm => &["-accel", "kvm", "-cpu", "host"],
            // Emulated string instructions move one byte at a time; without their fast forms the kernel
            // uses loops of words, and is up a quarter earlier. Each level of page tables is walked by
            // software; four are enough for what nodes have.
            Self::Tcg => &[
                "-accel",
                "tcg,thread=multi",
                "-cpu",
                "max,-erms,-fsrm,-la57",
            ],
        }
    }

    fn name(self) -> &'static str {
        match self {
            Self::Kvm => "kvm",
            Self::Tcg => "tcg",
        }
    }

    fn parse(name: &str) -> Option<Self> {
        [Self::Kvm, Self::Tcg]
            .into_iter()
            .find(|accel| accel.name() == name.trim())
    }
}

/// KVM when a guest runs under it, else emulation. The verdict is kept until the next boot of the
/// host, and `ICHOR_ACCEL` overrides it.
pub fn choose(firmware: &Firmware) -> Accel {
    if let Some(accel) = std::env::var(OVERRIDE)
        .ok()
        .and_then(|name| Accel::parse(&name))
    {
        return accel;
    }
    let opens = fs::File::options()
        .read(true)
        .write(true)
        .open("/dev/kvm")
        .is_ok();
    if !opens {
        return Accel::Tcg;
    }
    decide(cache_file().as_deref(), || probe(firmware))
}

/// The verdict that is kept, or a new one. Who comes meanwhile waits for it: two probes at once would
/// share their files, and be slower.
fn decide(cache: Option<&Path>, probe: impl FnOnce() -> bool) -> Accel {
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    // It guards no data that a panic could leave half done.
    let _turn = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(accel) = cache.and_then(load) {
        return accel;
    }
    let accel = match probe() {
        true => Accel::Kvm,
        false => Accel::Tcg,
    };
    if let Some(cache) = cache {
        save(cache, accel);
    }
    accel
}

/// One file per boot of the host: what KVM can do changes with its kernel and its own host.
fn cache_file() -> Option<PathBuf> {
    let boot = fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?;
    let base = match std::env::var_os("XDG_CACHE_HOME") {
        Some(directory) => PathBuf::from(directory),
        None => PathBuf::from(std::env::var_os("HOME")?).join(".cache"),
    };
    Some(base.join("ichor").join(format!("accel-{}", boot.trim())))
}

fn load(cache: &Path) -> Option<Accel> {
    Accel::parse(&fs::read_to_string(cache).ok()?)
}

/// Without the file the next call probes again, so a failure costs time and nothing else.
fn save(cache: &Path, accel: Accel) {
    if let Some(directory) = cache.parent() {
        fs::create_dir_all(directory).ok();
    }
    fs::write(cache, accel.name()).ok();
}

fn probe(firmware: &Firmware) -> bool {
    let directory = std::env::temp_dir().join(format!("ichor-kvm-probe-{}", std::process::id()));
    let console = directory.join("console");
    let spoke = fs::create_dir_all(&directory)
        .and_then(|()| spawn_probe(firmware, &console))
        .is_ok_and(|guest| speaks(guest, &console));
    fs::remove_dir_all(&directory).ok();
    spoke
}

fn spawn_probe(firmware: &Firmware, console: &Path) -> std::io::Result<Child> {
    let flash = |path: &Path| format!("if=pflash,format=raw,snapshot=on,file={}", path.display());
    ichor_tether::spawn(QEMU, |command| {
        command
            .args(["-machine", "q35", "-m", "256", "-nodefaults"])
            .args(["-display", "none"])
            .args(Accel::Kvm.arguments())
            .args(["-drive", &format!("{},readonly=on", flash(&firmware.code))])
            .args(["-drive", &flash(&firmware.vars)])
            .arg("-serial")
            .arg(format!("file:{}", console.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
    })
}

fn speaks(mut guest: Child, console: &Path) -> bool {
    let deadline = Instant::now() + PROBE_TIME_MAX;
    let mut spoke = false;
    while !spoke && Instant::now() < deadline && matches!(guest.try_wait(), Ok(None)) {
        std::thread::sleep(Duration::from_millis(20));
        spoke = fs::metadata(console).is_ok_and(|file| file.len() > 0);
    }
    // It may have ended by itself; `wait` reaps it in either case.
    guest.kill().ok();
    guest.wait().ok();
    spoke
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn verdict_survives_its_file() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("below/accel");
        assert_eq!(load(&cache), None);
        for accel in [Accel::Kvm, Accel::Tcg] {
            save(&cache, accel);
            assert_eq!(load(&cache), Some(accel));
        }
        fs::write(&cache, "warp").unwrap();
        assert_eq!(load(&cache), None);
    }

    #[test]
    fn there_is_one_probe_at_a_time_and_the_others_take_its_verdict() {
        let directory = tempfile::tempdir().unwrap();
        let cache = directory.path().join("accel");
        let (running, count) = (AtomicUsize::new(0), AtomicUsize::new(0));
        let probe = || {
            assert_eq!(running.fetch_add(1, Ordering::SeqCst), 0);
            count.fetch_add(1, Ordering::SeqCst);
            std::thread::sleep(Duration::from_millis(50));
            running.fetch_sub(1, Ordering::SeqCst);
            true
        };
        std::thread::scope(|scope| {
            for kept in [Some(cache.as_path()), Some(&cache), None, None] {
                let probe = &probe;
                scope.spawn(move || assert_eq!(decide(kept, probe), Accel::Kvm));
            }
        });
        // One for both that keep it, and one each for those that cannot.
        assert_eq!(count.load(Ordering::SeqCst), 3);
    }
}
