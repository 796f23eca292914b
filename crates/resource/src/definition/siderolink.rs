//! Types of the group `siderolink`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "SiderolinkConfigs.siderolink.talos.dev",
        display_type: "SiderolinkConfig",
        default_namespace: "config",
        aliases: &["siderolinkconfig", "sc", "scs"],
        columns: &[
            Column::new("API Endpoint", "{.apiEndpoint}"),
            Column::new("Tunnel", "{.tunnel}"),
        ],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "SiderolinkStatuses.siderolink.talos.dev",
        display_type: "SiderolinkStatus",
        default_namespace: "config",
        aliases: &["siderolinkstatus", "ss"],
        columns: &[
            Column::new("Host", "{.host}"),
            Column::new("Connected", "{.connected}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "SiderolinkTunnels.siderolink.talos.dev",
        display_type: "SiderolinkTunnel",
        default_namespace: "config",
        aliases: &["siderolinktunnel", "st", "sts"],
        columns: &[
            Column::new("API Endpoint", "{.apiEndpoint}"),
            Column::new("Link name", "{.linkName}"),
            Column::new("MTU", "{.mtu}"),
            Column::new("Node address", "{.nodeAddress}"),
        ],
        sensitivity: Sensitivity::Sensitive,
    },
];
