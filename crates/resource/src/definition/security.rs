//! Types of the group `security`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "ImageVerificationRules.security.talos.dev",
        display_type: "ImageVerificationRule",
        default_namespace: "security",
        aliases: &["imageverificationrule", "ivr", "ivrs"],
        columns: &[
            Column::new("Pattern", "{.imagePattern}"),
            Column::new("Skip", "{.skip}"),
            Column::new("Deny", "{.deny}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "TUFTrustedRoots.security.talos.dev",
        display_type: "TUFTrustedRoot",
        default_namespace: "security",
        aliases: &["tuftrustedroot", "tuftr", "tuftrs"],
        columns: &[Column::new("Last Refresh", "{.lastRefreshTime}")],
        sensitivity: Sensitivity::NonSensitive,
    },
];
