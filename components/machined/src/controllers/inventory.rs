//! Lists what comes and goes by itself: kernel modules, and devices on PCI.
//!
//! Both begin when udevd runs: before, nothing is complete, and the way to the API's first answer is
//! not for inventories.

use std::path::Path;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::hardware::PciDevice;
use ichor_resource::specs::runtime::{KernelModuleStatus, LoadedKernelModule};
use ichor_resource::specs::v1alpha1::Service;

use crate::proc::{modules, pci};

const UDEVD: &str = "udevd";

/// Loaded modules. Those that are built in are left out: they never change, and would take more
/// memory than all the others.
#[derive(Default)]
pub(crate) struct KernelModuleController {
    pub(crate) waker: Waker,
    begun: Begun,
}

impl Controller for KernelModuleController {
    const NAME: &'static str = "runtime.KernelModuleStatusController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<Service>().id(UDEVD)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::exclusive::<KernelModuleStatus>(),
            Output::exclusive::<LoadedKernelModule>(),
        ]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        if !self.begun.check(cx).await? {
            return Ok(());
        }
        // A kernel without modules has no such file.
        let text = std::fs::read_to_string("/proc/modules").unwrap_or_default();
        for (name, status) in modules::parse(&text) {
            let older = LoadedKernelModule {
                size: status.size,
                reference_count: status.reference_count,
                dependencies: status.dependencies.clone(),
                state: in_words(&status),
                address: status.address.clone(),
            };
            cx.upsert(&name, older).await?;
            cx.upsert(&name, status).await?;
        }
        Ok(())
    }
}

/// Whether udevd has run once: when it is restarted later, lists stay as they are.
#[derive(Default)]
struct Begun(bool);

impl Begun {
    async fn check(&mut self, cx: &Ctx) -> Result<bool, ReconcileError> {
        if !self.0 {
            let udevd = cx.get::<Service>(UDEVD).await?;
            self.0 = udevd.is_some_and(|udevd| udevd.value().running);
        }
        Ok(self.0)
    }
}

/// The older form has the kernel's own word.
fn in_words(status: &KernelModuleStatus) -> String {
    let word = status.state.as_str();
    let (first, rest) = word.split_at_checked(1).unwrap_or_default();
    first.to_uppercase() + rest
}

/// Devices on PCI.
#[derive(Default)]
pub(crate) struct PciDeviceController {
    pub(crate) waker: Waker,
    begun: Begun,
}

impl Controller for PciDeviceController {
    const NAME: &'static str = "hardware.PCIDevicesController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<Service>().id(UDEVD)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<PciDevice>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        if !self.begun.check(cx).await? {
            return Ok(());
        }
        for (address, device) in pci::list(Path::new("/sys/bus/pci/devices")) {
            cx.upsert(address, device).await?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_has_the_word_of_the_kernel() {
        assert_eq!(in_words(&KernelModuleStatus::default()), "Live");
    }
}
