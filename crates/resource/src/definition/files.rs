//! Types of the group `files`.

use super::{Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "EtcFileSpecs.files.talos.dev",
        display_type: "EtcFileSpec",
        default_namespace: "files",
        aliases: &["etcfilespec", "efs"],
        columns: &[],
        sensitivity: Sensitivity::Sensitive,
    },
    Definition {
        type_name: "EtcFileStatuses.files.talos.dev",
        display_type: "EtcFileStatus",
        default_namespace: "files",
        aliases: &["etcfilestatus", "efs"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
];
