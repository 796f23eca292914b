//! Resources that are known when PID 1 starts, and do not change.

mod boot;
mod files;

use std::fs;
use std::path::Path;

use ichor_efi::Variables;
use ichor_resource::specs::runtime::{
    ApiServiceConfig, BootId, KernelCmdline, PlatformMetadata, Version,
};
use ichor_resource::{Resource, Spec, definition_resources, namespace_resources};
use ichor_state::{State, StateError, StateExt};
use tracing::warn;

use crate::host::{CMDLINE, Host};
use crate::proc::cores;
use crate::service::TAG;
use crate::smbios;

const OWNER: &str = "";
/// Where apid listens on a node without a configuration.
pub(crate) const MAINTENANCE_ADDRESS: &str = ":50000";

/// Writes those that others wait for.
///
/// # Errors
/// Those of the state.
pub(crate) async fn publish(state: &dyn State, host: &Host) -> Result<(), StateError> {
    for definition in definition_resources() {
        state.create(definition.into(), OWNER).await?;
    }
    for namespace in namespace_resources() {
        state.create(namespace.into(), OWNER).await?;
    }
    let version = Version {
        name: "Ichor".into(),
        version: TAG.into(),
    };
    put(state, "version", version).await?;
    let platform = PlatformMetadata {
        platform: host.platform.clone(),
        ..PlatformMetadata::default()
    };
    put(state, "platformmetadata", platform).await?;
    // Without a configuration there is nothing that a caller could be checked against.
    let api = ApiServiceConfig {
        listen_address: MAINTENANCE_ADDRESS.into(),
        node_routing_disabled: true,
        readonly_role_mode: true,
        skip_verifying_client_cert: true,
    };
    put(state, "apid", api).await?;
    if host.is_machine() {
        let line = |path: &str| {
            let bytes = fs::read(path).unwrap_or_default();
            String::from_utf8_lossy(&bytes).trim_end().to_owned()
        };
        let cmdline = line(CMDLINE);
        put(state, "cmdline", KernelCmdline { cmdline }).await?;
        let boot_id = line("/proc/sys/kernel/random/boot_id");
        put(state, "boot-id", BootId { boot_id }).await?;
    }
    for (name, file) in files::load(Path::new("/")) {
        put(state, name, file).await?;
    }
    Ok(())
}

/// Writes what only people and inventories ask for: how the machine was booted, and what it is
/// made of.
///
/// # Errors
/// Those of the state.
pub(crate) async fn publish_inventory(state: &dyn State, host: &Host) -> Result<(), StateError> {
    let cmdline = host.cmdline.clone();
    // Reading a variable calls the firmware, which may take its time.
    let loading = tokio::task::spawn_blocking(move || {
        let variables = Variables::of_machine();
        let security = boot::security(&variables, &cmdline);
        let inventory = smbios::load(Path::new("/sys/firmware/dmi/tables/DMI"));
        (security, boot::entry(&variables), inventory)
    });
    let (security, entry, inventory) = match loading.await {
        Ok(loaded) => loaded,
        Err(error) => {
            warn!(%error, "the inventory cannot be read");
            return Ok(());
        }
    };
    put(state, "securitystate", security).await?;
    if !host.is_machine() {
        return Ok(());
    }
    if let Some(entry) = entry {
        put(state, "bootedentry", entry).await?;
    }
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    for (id, core) in cores::parse(&text) {
        put(state, &id, core).await?;
    }
    let Some(inventory) = inventory else {
        return Ok(());
    };
    put(state, "systeminformation", inventory.system).await?;
    for (id, processor) in inventory.processors {
        put(state, &id, processor).await?;
    }
    for (id, module) in inventory.memory {
        put(state, &id, module).await?;
    }
    Ok(())
}

async fn put<S: Spec>(state: &dyn State, id: &str, spec: S) -> Result<(), StateError> {
    state.upsert(Resource::new(id, spec), OWNER).await?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use ichor_resource::specs::files::EtcFileSpec;
    use ichor_state::{MemoryState, Query};

    use super::*;

    #[tokio::test]
    async fn what_is_known_can_be_read() {
        let state = MemoryState::new();
        let host = Host::detect();
        publish(&state, &host).await.unwrap();
        publish_inventory(&state, &host).await.unwrap();
        // A second pass, as after a failure, changes nothing that could fail.
        publish_inventory(&state, &host).await.unwrap();
        let found = state.list_as::<PlatformMetadata>(&Query::default()).await;
        assert_eq!(found.unwrap()[0].value().platform, host.platform);
        let files = state.list_as::<EtcFileSpec>(&Query::default()).await;
        let files = files.unwrap();
        let names: Vec<_> = files.iter().map(Resource::id).collect();
        assert_eq!(names, ["machine-id", "os-release"]);
    }
}
