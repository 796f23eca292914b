//! The controllers of PID 1: those whose effect only PID 1 may have.

mod address_event;
mod devices_status;
mod etc_file;
mod hostname;
mod inventory;
mod kernel_param;
mod machine_status;

use std::sync::Arc;

use ichor_controller::{RegisterError, Runtime, Transform, Waker};
use ichor_resource::Resource;
use ichor_resource::specs::network::NodeAddress;
use ichor_resource::specs::runtime::MaintenanceServiceConfig;
use ichor_state::State;

use crate::coldplug::Settled;
use crate::etc::Etc;
use crate::events::Events;
use crate::facts::MAINTENANCE_ADDRESS;
use crate::host::Host;
use crate::stage::Stage;
use address_event::AddressEventController;
use devices_status::DevicesStatusController;
use etc_file::EtcFileController;
use hostname::{HostnameController, Kernel};
use inventory::{KernelModuleController, PciDeviceController};
use kernel_param::{Files, KernelParamController, KernelParamDefaultsController};
use machine_status::MachineStatusController;

/// Controllers, and who has to be woken by the kernel's events: subsystem and controller.
pub(crate) struct Controllers {
    pub(crate) runtime: Runtime,
    pub(crate) wakers: Vec<(&'static str, Waker)>,
}

/// Registers all controllers.
///
/// # Errors
/// [`RegisterError`] when two claim the same output, which is a mistake of this program.
pub(crate) fn register(
    state: Arc<dyn State>,
    host: &Host,
    stage: Stage,
    settled: Settled,
    events: Events,
) -> Result<Controllers, RegisterError> {
    let mut runtime = Runtime::new(state).reported_as("machined");
    let mut wakers = Vec::new();
    runtime
        .register(EtcFileController::new(Etc::new(host.is_machine())))?
        .register(HostnameController::new(Kernel))?
        .register(MachineStatusController::new(stage, events.clone()))?
        .register(AddressEventController::new(events))?
        .register(DevicesStatusController::new(settled))?
        .register_transform(Transform::new(
            "runtime.MaintenanceConfigController",
            maintenance,
        ))?;
    // The kernel of a container belongs to its host.
    if host.is_machine() {
        let modules = KernelModuleController::default();
        let devices = PciDeviceController::default();
        wakers.push(("module", modules.waker.clone()));
        wakers.push(("pci", devices.waker.clone()));
        let params = KernelParamController::new(Files);
        wakers.push(("module", params.waker.clone()));
        runtime
            .register(KernelParamDefaultsController)?
            .register(params)?
            .register(modules)?
            .register(devices)?;
    }
    Ok(Controllers { runtime, wakers })
}

/// Where people reach the API of a machine without a configuration.
fn maintenance(addresses: &Resource<NodeAddress>) -> Option<(String, MaintenanceServiceConfig)> {
    if addresses.id() != "current" {
        return None;
    }
    let all = addresses.value().addresses.iter();
    let config = MaintenanceServiceConfig {
        listen_address: MAINTENANCE_ADDRESS.into(),
        reachable_addresses: all.map(ipnet::IpNet::addr).collect(),
    };
    Some(("maintenance".to_owned(), config))
}
