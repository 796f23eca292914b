//! Types of the group `config`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "MachineConfigs.config.talos.dev",
        display_type: "MachineConfig",
        default_namespace: "config",
        aliases: &["machineconfig", "mc", "mcs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "MachineTypes.config.talos.dev",
        display_type: "MachineType",
        default_namespace: "config",
        aliases: &["machinetype", "mt", "mts"],
        columns: &[Column::new("Type", "{@}")],
        sensitivity: Sensitivity::NonSensitive,
    },
];
