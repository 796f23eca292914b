//! The running system: kernel, machine, services.

mod kernel;
mod machine;
mod service;

pub use kernel::*;
pub use machine::*;
pub use service::*;
