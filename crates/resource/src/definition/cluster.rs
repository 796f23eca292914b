//! Types of the group `cluster`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "Affiliates.cluster.talos.dev",
        display_type: "Affiliate",
        default_namespace: "cluster",
        aliases: &["affiliate"],
        columns: &[
            Column::new("Hostname", "{.hostname}"),
            Column::new("Machine Type", "{.machineType}"),
            Column::new("Addresses", "{.addresses}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "DiscoveryConfigs.cluster.talos.dev",
        display_type: "DiscoveryConfig",
        default_namespace: "config",
        aliases: &["discoveryconfig", "dc", "dcs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "Identities.cluster.talos.dev",
        display_type: "Identity",
        default_namespace: "cluster",
        aliases: &["identity"],
        columns: &[Column::new("ID", "{.nodeId}")],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "Infos.cluster.talos.dev",
        display_type: "Info",
        default_namespace: "cluster",
        aliases: &["info"],
        columns: &[
            Column::new("Cluster ID", "{.clusterId}"),
            Column::new("Cluster Name", "{.clusterName}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "Members.cluster.talos.dev",
        display_type: "Member",
        default_namespace: "cluster",
        aliases: &["member"],
        columns: &[
            Column::new("Hostname", "{.hostname}"),
            Column::new("Machine Type", "{.machineType}"),
            Column::new("OS", "{.operatingSystem}"),
            Column::new("Addresses", "{.addresses}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
