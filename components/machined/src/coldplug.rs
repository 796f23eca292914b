//! Devices that were there before udevd: it is told of each as if it had just come.
//!
//! udevd hears of a device when the kernel tells of it, so what was there before has no links below
//! `/dev`. An `add` that is written to the `uevent` file of a device goes through the kernel to
//! udevd, and udevd tells when its rules have run, with the identity that was written along. So the
//! end is known without asking.
//!
//! Devices with a node and network interfaces are shown: for others the rules of the image do
//! nothing that lasts. Virtual consoles are left out: there are dozens, and nobody is at them.

use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use ichor_controller::Waker;
use ichor_sys::socket::{DeviceEvents, device_events};
use ichor_uevent::{EVENT_BYTES_MAX, Event};
use tokio::io::unix::AsyncFd;
use tracing::{info, warn};

use crate::readable::readable;
use crate::supervisor::board::Board;
use crate::timeline::{Kind, Timeline};

const UDEVD: &str = "udevd";
/// Directories of links to devices. Disks and links first: something waits for them.
const SHOWN: &[&str] = &["dev/block", "class/net", "dev/char"];
/// Where virtual consoles are.
const CONSOLES: &[&str] = &["/virtual/tty/", "/virtual/vc/"];
/// An event that has not come back after this time does not come any more.
const PATIENCE: Duration = Duration::from_secs(30);

/// Whether udevd has seen all devices. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settled {
    seen: Arc<AtomicBool>,
    /// Wakes whoever reports it.
    pub(crate) waker: Waker,
}

impl Settled {
    pub(crate) fn get(&self) -> bool {
        self.seen.load(Ordering::Relaxed)
    }

    /// Once seen, devices stay known: what udevd has made stays when it ends.
    pub(crate) fn enter(&self) {
        self.seen.store(true, Ordering::Relaxed);
        self.waker.wake();
    }
}

/// Shows udevd all devices whenever it has started, for as long as the process lives.
pub(crate) async fn follow(board: Board, settled: Settled, timeline: Arc<Timeline>) {
    loop {
        board.wait_up(UDEVD).await;
        timeline.begin(Kind::Task, "settleDevices");
        tokio::select! {
            shown = show(PathBuf::from("/sys")) => match shown {
                Ok(devices) => info!(devices, "udevd has seen the devices"),
                Err(error) => warn!(%error, "udevd may not have seen all devices"),
            },
            () = board.wait_down(UDEVD) => continue,
        }
        timeline.end(Kind::Task, "settleDevices");
        settled.enter();
        board.wait_down(UDEVD).await;
    }
}

/// Shows the devices of a sysfs, and returns their number when udevd has seen the last.
async fn show(sysfs: PathBuf) -> io::Result<usize> {
    // Before the first is shown, so that none is missed.
    let events = readable(device_events(&[DeviceEvents::Udev])?)?;
    let identity = fs::read_to_string("/proc/sys/kernel/random/uuid")?;
    let identity = identity.trim_end().to_owned();
    let text = format!("add {identity}");
    let mut showing = tokio::task::spawn_blocking(move || write_all(&devices(&sysfs), &text));
    let (mut shown, mut seen) = (None, 0);
    while shown.is_none_or(|shown| seen < shown) {
        tokio::select! {
            written = &mut showing, if shown.is_none() => shown = Some(written?),
            came = come(&events, &identity) => seen += came?,
            () = tokio::time::sleep(PATIENCE) => {
                let text = format!("{seen} of {} came back", shown.unwrap_or_default());
                return Err(io::Error::new(io::ErrorKind::TimedOut, text));
            }
        }
    }
    Ok(seen)
}

/// How many of the events that wait to be read have an identity. Waits for the first of any.
async fn come(events: &AsyncFd<OwnedFd>, identity: &str) -> io::Result<usize> {
    let mut guard = events.readable().await?;
    let mut buffer = vec![0; EVENT_BYTES_MAX];
    let mut found = 0;
    loop {
        match rustix::io::read(guard.get_inner(), &mut *buffer) {
            Ok(length) => {
                let event = Event::parse(buffer.get(..length).unwrap_or_default());
                let is_ours = |event: Event<'_>| event.get("SYNTH_UUID") == Some(identity);
                found += usize::from(event.is_some_and(is_ours));
            }
            Err(rustix::io::Errno::AGAIN) => break,
            // Some are lost, and nobody knows which: the patience ends the wait.
            Err(rustix::io::Errno::NOBUFS) => {}
            Err(error) => return Err(error.into()),
        }
    }
    guard.clear_ready();
    Ok(found)
}

/// The `uevent` files of the devices that are shown, in the order in which they are.
fn devices(sysfs: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for directory in SHOWN {
        let Ok(entries) = fs::read_dir(sysfs.join(directory)) else {
            continue;
        };
        for entry in entries.flatten() {
            let target = fs::read_link(entry.path()).unwrap_or_default();
            let target = target.to_string_lossy();
            if !CONSOLES.iter().any(|place| target.contains(place)) {
                found.push(entry.path().join("uevent"));
            }
        }
    }
    found
}

/// Writes a text to existing files, and returns to how many. A device may go meanwhile.
fn write_all(files: &[PathBuf], text: &str) -> usize {
    let write = |path: &&PathBuf| -> io::Result<()> {
        let mut file = fs::File::options().write(true).open(path)?;
        io::Write::write_all(&mut file, text.as_bytes())
    };
    files.iter().filter(|path| write(path).is_ok()).count()
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn devices_with_nodes_and_links_are_shown() {
        let name = format!("ichor-coldplug-{}", std::process::id());
        let sysfs = std::env::temp_dir().join(name);
        let devices_of = [
            ("dev/block/254:0", "devices/pci0000:00/virtio1/block/vda"),
            ("dev/char/4:64", "devices/pnp0/00:00/tty/ttyS0"),
            ("dev/char/4:1", "devices/virtual/tty/tty1"),
            ("dev/char/7:1", "devices/virtual/vc/vcs1"),
            ("class/net/eth0", "devices/pci0000:00/virtio0/net/eth0"),
            ("class/net/gone", "devices/pci0000:00/virtio9/net/gone"),
        ];
        for (link, device) in devices_of {
            let link = sysfs.join(link);
            fs::create_dir_all(link.parent().unwrap()).unwrap();
            symlink(Path::new("../..").join(device), &link).unwrap();
            if !device.ends_with("gone") {
                fs::create_dir_all(sysfs.join(device)).unwrap();
                fs::write(sysfs.join(device).join("uevent"), "").unwrap();
            }
        }
        let mut files = devices(&sysfs);
        assert_eq!(files[0], sysfs.join("dev/block/254:0/uevent"));
        files.sort();
        let names = [
            "class/net/eth0",
            "class/net/gone",
            "dev/block/254:0",
            "dev/char/4:64",
        ];
        assert_eq!(files, names.map(|name| sysfs.join(name).join("uevent")));
        assert_eq!(write_all(&files, "add x"), 3);
        let written = fs::read_to_string(sysfs.join(devices_of[1].1).join("uevent"));
        assert_eq!(written.unwrap(), "add x");
        fs::remove_dir_all(&sysfs).unwrap();
        assert!(devices(&sysfs).is_empty());
    }
}
