//! Types of the group `kubespan`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "KubeSpanConfigs.kubespan.talos.dev",
        display_type: "KubeSpanConfig",
        default_namespace: "config",
        aliases: &["kubespanconfig", "ksc", "kscs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "KubeSpanEndpoints.kubespan.talos.dev",
        display_type: "KubeSpanEndpoint",
        default_namespace: "kubespan",
        aliases: &["kubespanendpoint", "kse", "kses"],
        columns: &[
            Column::new("Endpoint", "{.endpoint}"),
            Column::new("Affiliate ID", "{.affiliateID}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "KubeSpanIdentities.kubespan.talos.dev",
        display_type: "KubeSpanIdentity",
        default_namespace: "kubespan",
        aliases: &["kubespanidentity", "ksi", "ksis"],
        columns: &[
            Column::new("Address", "{.address}"),
            Column::new("PublicKey", "{.publicKey}"),
        ],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "KubeSpanPeerSpecs.kubespan.talos.dev",
        display_type: "KubeSpanPeerSpec",
        default_namespace: "kubespan",
        aliases: &["kubespanpeerspec", "ksps"],
        columns: &[
            Column::new("Label", "{.label}"),
            Column::new("Endpoints", "{.endpoints}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "KubeSpanPeerStatuses.kubespan.talos.dev",
        display_type: "KubeSpanPeerStatus",
        default_namespace: "kubespan",
        aliases: &["kubespanpeerstatus", "ksps"],
        columns: &[
            Column::new("Label", "{.label}"),
            Column::new("Endpoint", "{.endpoint}"),
            Column::new("State", "{.state}"),
            Column::new("Rx", "{.receiveBytes}"),
            Column::new("Tx", "{.transmitBytes}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
