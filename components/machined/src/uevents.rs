//! Wakes whoever lists devices or modules when the kernel says that some have come or gone.

use std::time::Duration;

use ichor_controller::Waker;
use ichor_sys::netlink;
use ichor_sys::socket::{DeviceEvents, device_events};
use ichor_uevent::{EVENT_BYTES_MAX, Event};
use tracing::warn;

use crate::readable::readable;

/// Changes come in bursts: a driver that is loaded brings dozens of them.
const PAUSE: Duration = Duration::from_secs(1);

/// Wakes each of `wakers` soon after an event of its subsystem, for as long as the process lives.
pub(crate) async fn follow(wakers: Vec<(&'static str, Waker)>) {
    let events = match device_events(&[DeviceEvents::Kernel]).and_then(readable) {
        Ok(events) => events,
        Err(error) => {
            warn!(%error, "devices and modules that come later are not listed");
            return;
        }
    };
    let mut buffer = vec![0; EVENT_BYTES_MAX];
    loop {
        let Ok(mut guard) = events.readable().await else {
            return;
        };
        let mut due = Vec::new();
        loop {
            match netlink::receive(guard.get_inner(), &mut buffer) {
                Ok(event) => due.extend(subsystem(event)),
                Err(rustix::io::Errno::AGAIN) => break,
                // The kernel has dropped events, of any subsystem.
                Err(rustix::io::Errno::NOBUFS) => {
                    due.extend(wakers.iter().map(|(name, _)| (*name).to_owned()));
                }
                Err(error) => {
                    warn!(%error, "reading device events failed");
                    return;
                }
            }
        }
        guard.clear_ready();
        drop(guard);
        let concerned = |name: &str| due.iter().any(|each| each == name);
        if !wakers.iter().any(|(name, _)| concerned(name)) {
            continue;
        }
        tokio::time::sleep(PAUSE).await;
        for (name, waker) in &wakers {
            if concerned(name) {
                waker.wake();
            }
        }
    }
}

/// The subsystem of an event that adds or removes something.
pub(crate) fn subsystem(event: &[u8]) -> Option<String> {
    let event = Event::parse(event)?;
    if !matches!(event.action, "add" | "remove" | "bind" | "unbind") {
        return None;
    }
    event.get("SUBSYSTEM").map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::subsystem;

    #[test]
    fn events_name_their_subsystem() {
        let event =
            b"add@/module/xfs\0ACTION=add\0DEVPATH=/module/xfs\0SUBSYSTEM=module\0SEQNUM=9\0";
        assert_eq!(subsystem(event).as_deref(), Some("module"));
        assert_eq!(subsystem(b"change@/x\0SUBSYSTEM=module\0"), None);
        assert_eq!(subsystem(b"libudev\0SUBSYSTEM=module\0"), None);
        assert_eq!(subsystem(b"add@/x\0"), None);
        assert_eq!(subsystem(b""), None);
    }
}
