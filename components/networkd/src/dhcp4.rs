//! A DHCPv4 client (RFC 2131): a pure state machine, packets, and a task that joins them to a link.

mod client;
#[cfg(feature = "fuzzing")]
pub(crate) mod fuzzing;
mod ip;
mod machine;
mod packet;
mod record;

pub(crate) use client::{Client, Settings, since_start};
pub(crate) use packet::Lease;
pub(crate) use record::Granted;
