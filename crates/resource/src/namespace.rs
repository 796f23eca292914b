//! What namespaces exist.

use crate::Resource;
use crate::specs::meta::Namespace;

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
    NAMESPACES.iter().any(|(known, _)| *known == name)
}
