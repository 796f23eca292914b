//! The machine configuration and what follows from it.

use ichor_api::resource::config as wire;
use serde::Serialize;

text_enum! {
    /// Role of a node in its cluster.
    Role {
        Unknown = 0 => "unknown",
        Init = 1 => "init",
        ControlPlane = 2 => "controlplane",
        Worker = 3 => "worker",
    }
}

/// The role of this node; its YAML form is a bare string.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(transparent)]
pub struct MachineType {
    /// Role of the node.
    pub machine_type: Role,
}

message!(MachineType, wire::MachineTypeSpec { machine_type });
spec!(
    MachineType,
    wire::MachineTypeSpec,
    "MachineTypes.config.talos.dev",
    "config"
);
