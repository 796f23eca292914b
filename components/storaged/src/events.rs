//! What the kernel and udev tell of block devices.
//!
//! An event is a hint to look: what is said of a device comes from sysfs. So it does not matter that
//! several become one, and lost events mean to look at everything.

use std::collections::BTreeSet;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ichor_controller::Waker;
use ichor_uevent::{EVENT_BYTES_MAX, Event, Teller};
use tokio::io::unix::AsyncFd;

/// Events come in bursts: after the first, the others of a burst are one.
const PAUSE: Duration = Duration::from_millis(250);
/// Events that are read before others may run.
const AT_ONCE_MAX: usize = 256;

/// Devices that the kernel has told of.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Told {
    /// By their names below `/dev`.
    pub(crate) names: BTreeSet<String>,
    /// Whether it may have been any.
    pub(crate) any: bool,
}

/// What has changed since somebody looked. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Changes {
    told: Arc<Mutex<Told>>,
    /// Woken when the kernel has told of a device.
    pub(crate) devices: Waker,
    /// Woken when udev may have made or removed links.
    pub(crate) links: Waker,
    /// Woken with either.
    pub(crate) disks: Waker,
    /// Woken with either.
    pub(crate) system_disk: Waker,
    /// Woken with either.
    pub(crate) growth: Waker,
}

impl Told {
    pub(crate) fn add(&mut self, other: Self) {
        self.names.extend(other.names);
        self.any |= other.any;
    }

    pub(crate) fn contains(&self, name: &str) -> bool {
        self.any || self.names.contains(name)
    }

    fn is_empty(&self) -> bool {
        !self.any && self.names.is_empty()
    }
}

impl Changes {
    /// Takes what has been told since the last call.
    pub(crate) fn take(&self) -> Told {
        std::mem::take(&mut *self.told.lock().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn tell(&self, told: Told, links: bool) {
        if !told.is_empty() || links {
            self.disks.wake();
            self.system_disk.wake();
            self.growth.wake();
        }
        if !told.is_empty() {
            let mut shared = self.told.lock().unwrap_or_else(PoisonError::into_inner);
            shared.add(told);
            drop(shared);
            self.devices.wake();
        }
        if links {
            self.links.wake();
        }
    }
}

/// Reads events for as long as that is possible.
///
/// # Errors
/// Those of the socket.
pub(crate) async fn follow(socket: OwnedFd, changes: Changes) -> io::Result<()> {
    let events = readable(socket)?;
    let mut buffer = vec![0; EVENT_BYTES_MAX];
    loop {
        let mut guard = events.readable().await?;
        let (mut told, mut links) = (Told::default(), false);
        for _ in 0..AT_ONCE_MAX {
            match rustix::io::read(guard.get_inner(), &mut *buffer) {
                Ok(length) => match parse(buffer.get(..length).unwrap_or_default()) {
                    Some((Teller::Kernel, name)) => drop(told.names.insert(name)),
                    Some((Teller::Udev, _)) => links = true,
                    None => {}
                },
                Err(rustix::io::Errno::AGAIN) => {
                    guard.clear_ready();
                    break;
                }
                // The socket was full.
                Err(rustix::io::Errno::NOBUFS) => (told.any, links) = (true, true),
                Err(error) => return Err(error.into()),
            }
        }
        drop(guard);
        let has_news = !told.is_empty() || links;
        changes.tell(told, links);
        if has_news {
            tokio::time::sleep(PAUSE).await;
        }
    }
}

/// The block device that an event tells of, by its name below `/dev`.
pub(crate) fn parse(bytes: &[u8]) -> Option<(Teller, String)> {
    let event = Event::parse(bytes)?;
    if event.get("SUBSYSTEM") != Some("block") {
        return None;
    }
    let name = event.get("DEVNAME")?;
    let name = name.strip_prefix("/dev/").unwrap_or(name);
    Some((event.teller, name.to_owned()))
}

/// Lets a task wait until a descriptor of ours is readable.
#[expect(
    deprecated,
    reason = "the successor is unsafe for types whose descriptor may change; ours own theirs"
)]
fn readable<T: AsRawFd>(descriptor: T) -> io::Result<AsyncFd<T>> {
    AsyncFd::new(descriptor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_block_devices_count() {
        let disk = b"change@/devices/x/block/sda\0SUBSYSTEM=block\0DEVNAME=sda\0";
        assert_eq!(parse(disk), Some((Teller::Kernel, "sda".to_owned())));
        let link = b"add@/devices/x/net/eth0\0SUBSYSTEM=net\0INTERFACE=eth0\0";
        assert_eq!(parse(link), None);
        assert_eq!(parse(b"add@/x\0SUBSYSTEM=block\0"), None);
        assert_eq!(parse(b""), None);
    }

    #[tokio::test]
    async fn a_burst_is_one_wake_up() {
        let (ours, theirs) = std::os::unix::net::UnixDatagram::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let changes = Changes::default();
        for name in ["sda", "sda1", "sda2"] {
            let text = format!("add@/block/{name}\0SUBSYSTEM=block\0DEVNAME={name}\0");
            theirs.send(text.as_bytes()).unwrap();
        }
        theirs.send(b"nonsense").unwrap();
        let following = follow(ours.into(), changes.clone());
        let ended = tokio::time::timeout(Duration::from_millis(100), following).await;
        assert!(ended.is_err(), "{ended:?}");
        assert_eq!((changes.devices.count(), changes.links.count()), (1, 0));
        let told = changes.take();
        assert!(told.contains("sda1") && !told.contains("sdb"));
        assert_eq!(told.names.len(), 3);
        assert_eq!(changes.take(), Told::default());
    }

    #[test]
    fn lost_events_may_have_told_of_any_device() {
        let changes = Changes::default();
        let lost = Told {
            any: true,
            ..Told::default()
        };
        changes.tell(lost, true);
        assert!(changes.take().contains("sda"));
        assert_eq!((changes.devices.count(), changes.links.count()), (1, 1));
    }
}
