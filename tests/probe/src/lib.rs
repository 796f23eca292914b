//! A probe: it lets tests look inside a booted machine, and act there as root.
//!
//! It exists only in images that are built for tests. There its program takes the place of
//! `/sbin/init`: it starts itself once more in the background and then becomes PID 1 of the OS, which
//! knows nothing of it. The one in the background serves requests on a virtio serial port, one JSON
//! object per line; [`Probe`] is the other end.

#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod guest;
mod host;
mod protocol;

pub use guest::main;
pub use host::{Probe, ProbeError};
pub use protocol::{Ended, Entry, Kind, MountCall, Process, Run, Stream};

/// The name of the serial port.
pub const PORT: &str = "ichor.probe";
