//! Typed specs, one module for each group of types.
//!
//! A spec is plain data. Field order and serde names are its YAML form; the binary form is the
//! message of `talos.resource.definitions` that [`wire`] names beside it.

#[macro_use]
mod wire;
#[macro_use]
mod enums;
mod text;

pub mod block;
pub mod cluster;
pub mod config;
pub mod files;
pub mod hardware;
pub mod meta;
pub mod network;
pub mod perf;
pub mod runtime;
pub mod secrets;
pub mod time;
pub mod v1alpha1;

pub use enums::UnknownValue;
pub use text::HardwareAddr;

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
