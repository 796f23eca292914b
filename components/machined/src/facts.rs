//! Resources that are known when PID 1 starts, and do not change.

use std::fs;

use ichor_resource::specs::runtime::{BootId, KernelCmdline, Version};
use ichor_resource::{Resource, definition_resources, namespace_resources};
use ichor_state::{State, StateError, StateExt};

use crate::host::Host;
use crate::service::TAG;

const OWNER: &str = "";

/// Writes them.
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
    state
        .upsert(Resource::new("version", version), OWNER)
        .await?;
    if host.is_machine() {
        let cmdline = fs::read_to_string("/proc/cmdline").unwrap_or_default();
        let cmdline = cmdline.trim_end().to_owned();
        let resource = Resource::new("cmdline", KernelCmdline { cmdline });
        state.upsert(resource, OWNER).await?;
        let id = fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap_or_default();
        let boot_id = id.trim_end().to_owned();
        state
            .upsert(Resource::new("boot-id", BootId { boot_id }), OWNER)
            .await?;
    }
    Ok(())
}
