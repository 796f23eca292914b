//! Types of the group `v1alpha1`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "AcquireConfigSpecs.v1alpha1.talos.dev",
        display_type: "AcquireConfigSpec",
        default_namespace: "runtime",
        aliases: &["acquireconfigspec", "acs"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "AcquireConfigStatuses.v1alpha1.talos.dev",
        display_type: "AcquireConfigStatus",
        default_namespace: "runtime",
        aliases: &["acquireconfigstatus", "acs"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "Services.v1alpha1.talos.dev",
        display_type: "Service",
        default_namespace: "runtime",
        aliases: &["svc", "service"],
        columns: &[
            Column::new("Running", "{.running}"),
            Column::new("Healthy", "{.healthy}"),
            Column::new("Health Unknown", "{.unknown}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
