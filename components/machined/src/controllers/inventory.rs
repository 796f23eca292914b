//! Lists what comes and goes by itself: kernel modules, and devices on PCI.
//!
//! Both begin when udevd runs: before, nothing is complete, and the way to the API's first answer is
//! not for inventories.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_hwdb::Database;
use ichor_resource::specs::hardware::PciDevice;
use ichor_resource::specs::runtime::{KernelModuleStatus, LoadedKernelModule};
use ichor_resource::specs::v1alpha1::Service;
use tracing::warn;

use crate::aside;
use crate::proc::{modules, pci};

const UDEVD: &str = "udevd";
/// What vendors, devices and classes are called.
const DATABASE: &str = "/usr/lib/udev/hwdb.bin";

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
    /// Of each alias that was seen.
    names: BTreeMap<String, Names>,
}

/// By the keys of udev's database.
type Names = BTreeMap<String, String>;

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
        let found = pci::list(Path::new("/sys/bus/pci/devices"));
        let aliases = found.iter().map(|found| found.alias.clone());
        // Many ports of one card have one alias.
        let new: BTreeSet<_> = aliases
            .filter(|alias| !self.names.contains_key(alias))
            .collect();
        if !new.is_empty() {
            // The database is packed, and nobody waits for it.
            let names = aside::run(|| names(Path::new(DATABASE), new)).await;
            self.names.extend(names.map_err(ReconcileError::other)?);
        }
        for found in found {
            let device = named(found.device, self.names.get(&found.alias));
            cx.upsert(found.address, device).await?;
        }
        Ok(())
    }
}

/// What a database says. What it does not know, or cannot be read, has no names.
fn names(database: &Path, aliases: BTreeSet<String>) -> Vec<(String, Names)> {
    let database = Database::open(database)
        .inspect_err(|error| warn!(%error, "devices have no names without their database"));
    let names = |alias: String| {
        let found = database.as_ref().ok().map(|database| database.find(&alias));
        let names = found.unwrap_or_else(|| Ok(Names::new()));
        let names = names.unwrap_or_else(|error| {
            warn!(alias, %error, "the names of a device cannot be read");
            Names::new()
        });
        (alias, names)
    };
    aliases.into_iter().map(names).collect()
}

fn named(device: PciDevice, names: Option<&Names>) -> PciDevice {
    let name = |key: &str| {
        let name = names.and_then(|names| names.get(key));
        name.cloned().unwrap_or_default()
    };
    PciDevice {
        class: name("ID_PCI_CLASS_FROM_DATABASE"),
        subclass: name("ID_PCI_SUBCLASS_FROM_DATABASE"),
        vendor: name("ID_VENDOR_FROM_DATABASE"),
        product: name("ID_MODEL_FROM_DATABASE"),
        ..device
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_older_form_has_the_word_of_the_kernel() {
        assert_eq!(in_words(&KernelModuleStatus::default()), "Live");
    }

    #[test]
    fn a_device_has_the_names_that_the_database_knows() {
        let mut trie = ichor_hwdb::Trie::default();
        trie.add(
            "pci.hwdb",
            "pci:v00001AF4*\n ID_VENDOR_FROM_DATABASE=Red Hat, Inc.\n\n\
             pci:v*d*sv*sd*bc02*\n ID_PCI_CLASS_FROM_DATABASE=Network controller\n",
        );
        let path = std::env::temp_dir().join(format!("ichor-names-{}", std::process::id()));
        std::fs::write(&path, trie.write()).unwrap();
        let alias = "pci:v00001AF4d00001041sv00001AF4sd00001100bc02sc00i00";
        let found = names(&path, BTreeSet::from([alias, "pci:x"].map(String::from)));
        std::fs::remove_file(&path).unwrap();
        let device = named(PciDevice::default(), Some(&found[0].1));
        assert_eq!(device.vendor, "Red Hat, Inc.");
        assert_eq!(device.class, "Network controller");
        assert_eq!((&*device.product, &*device.subclass), ("", ""));
        assert_eq!(found[1].1, Names::new());
        let none = names(
            Path::new("/there/is/none"),
            BTreeSet::from([alias.to_owned()]),
        );
        assert_eq!(none[0].1, Names::new());
    }
}
