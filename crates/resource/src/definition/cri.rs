//! Types of the group `cri`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "BaseRuntimeSpecConfigs.cri.talos.dev",
        display_type: "BaseRuntimeSpecConfig",
        default_namespace: "cri",
        aliases: &["baseruntimespecconfig", "brsc", "brscs"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "CustomizationConfigs.cri.talos.dev",
        display_type: "CustomizationConfig",
        default_namespace: "cri",
        aliases: &["customizationconfig", "cc", "ccs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "ImageCacheConfigs.cri.talos.dev",
        display_type: "ImageCacheConfig",
        default_namespace: "cri",
        aliases: &["imagecacheconfig", "icc", "iccs"],
        columns: &[
            Column::new("Status", "{.status}"),
            Column::new("CopyStatus", "{.copyStatus}"),
            Column::new("Roots", "{.roots}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "RegistryConfigs.cri.talos.dev",
        display_type: "RegistryConfig",
        default_namespace: "cri",
        aliases: &["registryconfig", "rc", "rcs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "SeccompProfiles.cri.talos.dev",
        display_type: "SeccompProfile",
        default_namespace: "cri",
        aliases: &["seccompprofile", "sp", "sps"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
];
