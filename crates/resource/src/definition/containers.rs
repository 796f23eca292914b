//! Types of the group `containers`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "ContainerSpecs.containers.talos.dev",
        display_type: "ContainerSpec",
        default_namespace: "containers",
        aliases: &["containerspec", "containerspecs", "containerspec", "cs"],
        columns: &[Column::new("Image", "{.image.ref}")],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "ContainerImageStatuses.containers.talos.dev",
        display_type: "ContainerImageStatus",
        default_namespace: "containers",
        aliases: &[
            "containerimagestatus",
            "containerimagestatuses",
            "containerimagestatus",
            "cis",
        ],
        columns: &[
            Column::new("Phase", "{.phase}"),
            Column::new("Digest", "{.digest}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "ContainerInstanceSpecs.containers.talos.dev",
        display_type: "ContainerInstanceSpec",
        default_namespace: "containers",
        aliases: &[
            "containerinstancespec",
            "containerinstancespecs",
            "containerinstancespec",
            "cis",
        ],
        columns: &[
            Column::new("Container", "{.containerID}"),
            Column::new("Generation", "{.generation}"),
            Column::new("Image", "{.image}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
