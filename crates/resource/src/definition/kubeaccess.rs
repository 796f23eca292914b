//! Types of the group `kubeaccess`.

use super::{Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[Definition {
    type_name: "KubernetesAccessConfigs.cluster.talos.dev",
    display_type: "KubernetesAccessConfig",
    default_namespace: "config",
    aliases: &["kubernetesaccessconfig", "kac", "kacs"],
    columns: &[],
    sensitivity: Sensitivity::NonSensitive,
}];
