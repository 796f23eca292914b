//! What namespaces exist.

use std::borrow::Cow;

use crate::specs::meta::Namespace;
use crate::{Kind, Resource, find_definition};

/// Names and descriptions, sorted by name.
const NAMESPACES: &[(&str, &str)] = &[
    ("cluster", "Cluster members and discovery"),
    ("cluster-raw", "Cluster members as each source tells them"),
    ("config", "Machine configuration and what follows from it"),
    ("containers", "Containers of the system"),
    ("controlplane", "Kubernetes control plane"),
    ("cri", "Container runtime"),
    ("etcd", "etcd"),
    ("files", "Files written at run time"),
    ("hardware", "Hardware inventory"),
    ("k8s", "Kubernetes on every node"),
    ("kubespan", "WireGuard mesh of the cluster"),
    ("meta", "Resource types and namespaces"),
    ("network", "Network, merged from all sources"),
    ("network-config", "Network as each source wants it"),
    ("perf", "Counters of the kernel"),
    ("runtime", "The running system"),
    ("secrets", "Certificates, keys and tokens"),
    ("security", "Image verification"),
    ("storage", "Logical volumes and arrays"),
];

/// A resource for each namespace, to be stored at the start.
pub fn namespace_resources() -> Vec<Resource<Namespace>> {
    let resource = |(name, description): &(&str, &str)| {
        let description = (*description).to_owned();
        Resource::new(*name, Namespace { description })
    };
    NAMESPACES.iter().map(resource).collect()
}

/// Whether a namespace is one of those that the system uses.
pub fn is_namespace(name: &str) -> bool {
    known_namespace(name).is_some()
}

fn known_namespace(name: &str) -> Option<&'static str> {
    let found = NAMESPACES.iter().find(|(known, _)| *known == name);
    found.map(|(known, _)| *known)
}

impl Kind {
    /// A kind by its names; those that the system knows take no memory of their own.
    pub fn named(namespace: &str, type_name: &str) -> Self {
        let owned = |name: &str| Cow::Owned(name.to_owned());
        let namespace = known_namespace(namespace).map_or_else(|| owned(namespace), Cow::Borrowed);
        let type_name = find_definition(type_name)
            .map_or_else(|| owned(type_name), |known| Cow::Borrowed(known.type_name));
        Self {
            namespace,
            type_name,
        }
    }
}
