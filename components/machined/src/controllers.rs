//! The controllers of PID 1: those whose effect only PID 1 may have.

mod etc_file;
mod hostname;

use std::sync::Arc;

use ichor_controller::{RegisterError, Runtime};
use ichor_state::State;

use crate::etc::Etc;
use crate::host::Host;
use etc_file::EtcFileController;
use hostname::{HostnameController, Kernel};

/// Registers all controllers.
///
/// # Errors
/// [`RegisterError`] when two claim the same output, which is a mistake of this program.
pub(crate) fn runtime(state: Arc<dyn State>, host: &Host) -> Result<Runtime, RegisterError> {
    let mut runtime = Runtime::new(state).reported_as("machined");
    runtime.register(EtcFileController::new(Etc::new(host.is_machine())))?;
    runtime.register(HostnameController::new(Kernel))?;
    Ok(runtime)
}
