//! System calls: the only crate with `unsafe`.
//!
//! Thin and typed: each module wraps one group of calls, takes and returns owned or borrowed
//! descriptors, and names the path or device in its errors. Decisions are made by the callers.
#![expect(unsafe_code, reason = "system calls")]

pub mod acpi;
pub mod dm;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
pub mod handover;
pub mod kmsg;
pub mod loopdev;
pub mod memory;
pub mod module;
pub mod mount;
pub mod netlink;
pub mod packet;
pub mod power;
pub mod process;
pub mod restrict;
pub mod signals;
pub mod socket;
pub mod wait;
