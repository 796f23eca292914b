//! Images of the operating system, made from a lock file of Debian packages and our binaries.
//!
//! ```text
//! packages ─┐
//! binaries ─┼─► root tree ─► squashfs + verity ─► initramfs ─► UKI ─► disk
//! skeleton ─┘
//! ```
//!
//! The same inputs give the same bytes: no clock, no random number and no order of a directory
//! gets into a file.

pub mod apt;
pub mod build;
pub mod command;
mod cpio;
mod disk;
mod efi;
mod elf;
mod error;
mod fat;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod hwdb;
pub mod initramfs;
pub mod inspect;
mod iso;
pub mod keys;
mod loader;
pub mod lock;
mod modules;
mod oci;
pub mod packages;
pub mod progress;
mod qcow2;
mod rootfs;
pub mod sbom;
pub mod sizes;
mod source;
mod sources;
pub mod squashfs;
mod tree;
mod unused;

pub use error::ImageError;
pub use ichor_authenticode::Signer;
