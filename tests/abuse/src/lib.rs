//! Abuse of a node's API, and what a well-behaved caller notices of it.
//!
//! Attackers run in processes of their own, one or more as their number of descriptors demands;
//! so does apid, so that its memory can be told apart. All of it stays on the loopback interface,
//! where each attacker has an address of its own.

pub mod attack;
pub mod caller;
pub mod component;
pub mod process;
pub mod random;
pub mod wire;
