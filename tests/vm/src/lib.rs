//! What tests in virtual machines share: one booted node per test program, looked at through the
//! command line, as people do, or from the inside, by the probe.
//!
//! `./x test vm` builds the images first. By hand, `ICHOR_IMAGE`, `ICHOR_QCOW2`, `ICHOR_ISO`,
//! `ICHOR_PROBE_IMAGE` and `ICHOR_CLI` name the images and the program; without them they are where
//! that puts them.

mod booted;
mod mounts;
mod probed;
mod several;
mod shared;

pub use booted::{Booted, image, iso, probe_image, qcow2};
pub use mounts::{MountPoint, parse_mounts};
pub use probed::Probed;
pub use several::Several;
pub use shared::{shared, shared_with_probe};
