//! The cluster and its members.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::cluster as wire;
use serde::Serialize;

/// The id of this node in its cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Identity {
    /// Id of the node.
    pub node_id: String,
}

message!(Identity, wire::IdentitySpec { node_id });
spec!(
    Identity,
    wire::IdentitySpec,
    "Identities.cluster.talos.dev",
    "cluster"
);

/// A member of the cluster.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Member {
    /// Id of the node.
    pub node_id: String,
    /// Addresses of the node.
    pub addresses: Vec<IpAddr>,
    /// Host name.
    pub hostname: String,
    /// Role of the node.
    pub machine_type: super::config::Role,
    /// Name and version of the system.
    pub operating_system: String,
    /// Set on control plane nodes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub control_plane: Option<ControlPlane>,
}

message!(
    Member,
    wire::MemberSpec {
        node_id,
        addresses,
        hostname,
        machine_type,
        operating_system,
        control_plane
    }
);
spec!(
    Member,
    wire::MemberSpec,
    "Members.cluster.talos.dev",
    "cluster"
);

/// What control plane nodes have besides.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControlPlane {
    /// Port of the Kubernetes API server.
    pub port: i64,
}

message!(ControlPlane, wire::ControlPlane {
    port as api_server_port
});
