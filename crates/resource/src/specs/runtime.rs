//! The running system: kernel, machine, services.

mod controller;
mod kernel;
mod machine;
mod service;

pub use controller::*;
pub use kernel::*;
pub use machine::*;
pub use service::*;
