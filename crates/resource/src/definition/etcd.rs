//! Types of the group `etcd`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "EtcdConfigs.etcd.talos.dev",
        display_type: "EtcdConfig",
        default_namespace: "etcd",
        aliases: &["etcdconfig", "ec", "ecs"],
        columns: &[Column::new("Image", "{.image}")],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "EtcdMembers.etcd.talos.dev",
        display_type: "EtcdMember",
        default_namespace: "etcd",
        aliases: &["etcdmember", "em", "ems"],
        columns: &[Column::new("Member ID", "{.memberID}")],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "PKIStatuses.etcd.talos.dev",
        display_type: "PKIStatus",
        default_namespace: "etcd",
        aliases: &["pkistatus", "pkis"],
        columns: &[
            Column::new("Ready", "{.ready}"),
            Column::new("Secrets Version", "{.version}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "EtcdSpecs.etcd.talos.dev",
        display_type: "EtcdSpec",
        default_namespace: "etcd",
        aliases: &["etcdspec", "es"],
        columns: &[
            Column::new("Name", "{.name}"),
            Column::new("AdvertisedAddresses", "{.advertisedAddresses}"),
            Column::new("ListenPeerAddresses", "{.listenPeerAddresses}"),
            Column::new("ListenClientAddresses", "{.listenClientAddresses}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
