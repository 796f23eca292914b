//! Types of the group `meta`: what describes the others.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "Namespaces.meta.cosi.dev",
        display_type: "Namespace",
        default_namespace: "meta",
        aliases: &["ns", "namespace"],
        columns: &[],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "ResourceDefinitions.meta.cosi.dev",
        display_type: "ResourceDefinition",
        default_namespace: "meta",
        aliases: &["api-resources", "resourcedefinition", "rd", "rds"],
        columns: &[Column::new("Aliases", "{.aliases[:]}")],
        sensitivity: Sensitivity::NonSensitive,
    },
];
