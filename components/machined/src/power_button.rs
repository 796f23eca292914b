//! The power button, which asks the machine to end.

use ichor_sys::acpi::AcpiEvents;
use rustix::io::Errno;
use tokio::io::unix::AsyncFd;
use tracing::warn;

use crate::readable::readable;

/// How the kernel names the kind of device.
const CLASS: &str = "button/power";

/// The power button of this machine.
pub(crate) struct PowerButton {
    /// `None` where nothing tells of it.
    events: Option<AsyncFd<AcpiEvents>>,
}

impl PowerButton {
    /// Begins to listen.
    pub(crate) fn of_machine() -> Self {
        let events = AcpiEvents::open().and_then(readable);
        let events = events.inspect_err(|error| warn!(%error, "the power button has no effect"));
        Self {
            events: events.ok(),
        }
    }

    /// A button that nobody presses.
    pub(crate) const fn none() -> Self {
        Self { events: None }
    }

    /// Returns when it has been pressed.
    pub(crate) async fn pressed(&self) {
        let Some(events) = &self.events else {
            return std::future::pending().await;
        };
        loop {
            let mut guard = match events.readable().await {
                Ok(guard) => guard,
                Err(error) => {
                    warn!(%error, "the power button has no effect any more");
                    return std::future::pending().await;
                }
            };
            match guard.get_inner().drain() {
                Ok(new) if new.iter().any(|event| event.class == CLASS) => return,
                Ok(_) => guard.clear_ready(),
                // They came too fast; what is left is read next.
                Err(error) if Errno::from_io_error(&error) == Some(Errno::NOBUFS) => {
                    warn!("events of devices were lost");
                }
                Err(error) => {
                    warn!(%error, "the power button has no effect any more");
                    return std::future::pending().await;
                }
            }
        }
    }
}
