//! All controllers of storaged.
//!
//! Each looks at sysfs itself when an event says so. Following the resources of the others instead
//! would cost a pass, and a list from PID 1, for each device that comes.

mod devices;
mod disks;
mod growth;
mod symlinks;
mod system_disk;

use std::sync::Arc;

use ichor_controller::{RegisterError, Runtime};
use ichor_state::State;

use crate::events::Changes;
use crate::sysfs::Tree;

pub(crate) fn runtime(
    state: Arc<dyn State>,
    tree: &Tree,
    changes: &Changes,
) -> Result<Runtime, RegisterError> {
    let mut runtime = Runtime::new(state).reported_as("storaged");
    let tree = || tree.clone();
    let devices = devices::DevicesController::new(tree(), changes.clone());
    let links = symlinks::SymlinksController::new(tree(), changes.links.clone());
    let disks = disks::DisksController::new(tree(), changes.disks.clone());
    let system = system_disk::SystemDiskController::new(tree(), changes.system_disk.clone());
    let growth = growth::GrowthController::new(tree(), changes.growth.clone());
    runtime
        .register(devices)?
        .register(links)?
        .register(disks)?
        .register(system)?
        .register(growth)?;
    Ok(runtime)
}
