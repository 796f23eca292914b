//! Drivers for the devices that are there: each device names itself by an alias, and the index of
//! the image says which module serves it.

use std::collections::BTreeSet;
use std::fs;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use ichor_kmod::Modules;
use ichor_sys::netlink;
use ichor_sys::socket::{DeviceEvents, device_events};
use ichor_uevent::{EVENT_BYTES_MAX, Event};
use tokio::io::unix::AsyncFd;
use tokio::sync::oneshot;
use tracing::{info, warn};

use crate::readable::readable;
use crate::timeline::{Kind, Timeline};

/// Reads the indices of the running kernel's modules.
pub(crate) fn modules() -> Option<Arc<Modules>> {
    let release = rustix::system::uname()
        .release()
        .to_string_lossy()
        .into_owned();
    let directory = PathBuf::from("/usr/lib/modules").join(release);
    match Modules::load(&directory) {
        Ok(modules) => Some(Arc::new(modules)),
        Err(error) => {
            warn!(%error, "no kernel modules can be loaded");
            None
        }
    }
}

/// Drivers that are being loaded on a thread of their own.
pub(crate) struct Loading {
    /// The modules of the image, before the first is loaded. Gives none when it has none.
    pub(crate) modules: oneshot::Receiver<Arc<Modules>>,
    /// The end of it. A driver that hangs in the kernel keeps it from coming.
    pub(crate) end: oneshot::Receiver<()>,
}

impl Loading {
    /// Begins with those of the network cards that are there, as early as can be: everybody waits for
    /// the network.
    pub(crate) fn of_network(timeline: Arc<Timeline>) -> Self {
        let (read, modules) = oneshot::channel();
        let (loaded, end) = oneshot::channel();
        thread::spawn(move || {
            timeline.begin(Kind::Task, "loadNetworkDrivers");
            let Some(known) = self::modules() else {
                return;
            };
            // Nobody waits when the machine goes down.
            let _unheard = read.send(Arc::clone(&known));
            load_present(&known, &|alias| Urgency::of(alias) == Urgency::Network);
            timeline.end(Kind::Task, "loadNetworkDrivers");
            let _unheard = loaded.send(());
        });
        Self { modules, end }
    }
}

/// Loads drivers for all that is there already.
pub(crate) fn load_all(modules: &Modules) {
    load_present(modules, &|_| true);
}

/// The same but for network cards.
pub(crate) fn load_others(modules: &Modules) {
    load_present(modules, &|alias| Urgency::of(alias) != Urgency::Network);
}

fn load_present(modules: &Modules, wanted: &dyn Fn(&str) -> bool) {
    // Drivers bring devices of their own: a virtio card on PCI becomes a virtio device.
    let mut seen = BTreeSet::new();
    loop {
        let aliases = present_aliases();
        let new = aliases.difference(&seen).filter(|alias| wanted(alias));
        let mut new: Vec<_> = new.cloned().collect();
        if new.is_empty() {
            info!(devices = seen.len(), "drivers loaded");
            return;
        }
        new.sort_by_key(|alias| Urgency::of(alias));
        for alias in new {
            request(modules, &alias);
            seen.insert(alias);
        }
    }
}

/// What the node waits for comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Urgency {
    Network,
    Disk,
    Rest,
}

impl Urgency {
    /// PCI aliases name the class of the device (`bc02`: network, `bc01`: storage), virtio aliases
    /// its number (1 and 2).
    fn of(alias: &str) -> Self {
        let is_class = |class: &str| alias.starts_with("pci:") && alias.contains(class);
        if alias.starts_with("virtio:d00000001") || is_class("bc02") {
            Self::Network
        } else if alias.starts_with("virtio:d00000002") || is_class("bc01") {
            Self::Disk
        } else {
            Self::Rest
        }
    }
}

/// What the kernel tells of devices, from now on.
pub(crate) fn events() -> Option<AsyncFd<OwnedFd>> {
    match device_events(&[DeviceEvents::Kernel]).and_then(readable) {
        Ok(events) => Some(events),
        Err(error) => {
            warn!(%error, "devices that are plugged in later get no driver");
            None
        }
    }
}

/// Loads drivers for what comes.
pub(crate) async fn follow(modules: Arc<Modules>, events: AsyncFd<OwnedFd>) {
    let mut buffer = vec![0; EVENT_BYTES_MAX];
    loop {
        let Ok(mut guard) = events.readable().await else {
            return;
        };
        match netlink::receive(guard.get_inner(), &mut buffer) {
            Ok(event) => {
                if let Some(alias) = added_alias(event) {
                    let (modules, alias) = (Arc::clone(&modules), alias.to_owned());
                    let loading = tokio::task::spawn_blocking(move || request(&modules, &alias));
                    if let Err(error) = loading.await {
                        warn!(%error, "loading a driver failed");
                    }
                }
            }
            Err(rustix::io::Errno::AGAIN) => guard.clear_ready(),
            // The kernel has dropped events because they came too fast.
            Err(rustix::io::Errno::NOBUFS) => {
                let modules = Arc::clone(&modules);
                let all = tokio::task::spawn_blocking(move || load_all(&modules));
                if let Err(error) = all.await {
                    warn!(%error, "loading drivers failed");
                }
            }
            Err(error) => {
                warn!(%error, "reading device events failed");
                return;
            }
        }
    }
}

fn request(modules: &Modules, alias: &str) {
    if let Err(error) = modules.request(alias) {
        let cause = std::error::Error::source(&error).map(ToString::to_string);
        warn!(%error, cause, alias, "a driver was refused");
    }
}

/// The alias of a device that was added.
pub(crate) fn added_alias(event: &[u8]) -> Option<&str> {
    let event = Event::parse(event)?;
    (event.action == "add").then(|| event.get("MODALIAS"))?
}

/// The aliases of all devices on all buses.
fn present_aliases() -> BTreeSet<String> {
    let mut aliases = BTreeSet::new();
    for bus in entries(Path::new("/sys/bus")) {
        for device in entries(&bus.join("devices")) {
            if let Ok(alias) = fs::read_to_string(device.join("modalias")) {
                aliases.insert(alias.trim_end().to_owned());
            }
        }
    }
    aliases
}

/// What is in a directory; devices may go while this runs, so an error is nothing.
fn entries(directory: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::{Urgency, added_alias};

    #[test]
    fn the_network_comes_before_disks_and_those_before_the_rest() {
        let nic = "pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00";
        let disk = "pci:v00008086d00002922sv00001AF4sd00001100bc01sc06i01";
        assert_eq!(Urgency::of(nic), Urgency::Network);
        assert_eq!(Urgency::of("virtio:d00000001v00001AF4"), Urgency::Network);
        assert_eq!(Urgency::of(disk), Urgency::Disk);
        assert_eq!(Urgency::of("acpi:PNP0A08:bc02"), Urgency::Rest);
        assert!(Urgency::Network < Urgency::Disk && Urgency::Disk < Urgency::Rest);
    }

    #[test]
    fn finds_the_alias_of_an_added_device() {
        let event = b"add@/devices/pci0/0000:00:02.0\0ACTION=add\0MODALIAS=pci:v1AF4\0SEQNUM=1\0";
        assert_eq!(added_alias(event), Some("pci:v1AF4"));
        assert_eq!(
            added_alias(b"remove@/devices/x\0MODALIAS=pci:v1AF4\0"),
            None
        );
        assert_eq!(added_alias(b"add@/devices/x\0"), None);
        assert_eq!(added_alias(b""), None);
    }
}
