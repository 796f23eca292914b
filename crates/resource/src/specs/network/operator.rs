//! Operators: what configures a link by itself.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::network as wire;
use serde::Serialize;

use super::ConfigLayer;
use crate::specs::text;

text_enum! {
    /// Kind of operator.
    Operator {
        Dhcp4 = 0 => "dhcp4",
        Dhcp6 = 1 => "dhcp6",
        Vip = 2 => "vip",
    }
}

text_enum! {
    /// Kind of DHCP client identifier.
    ClientIdentifier {
        None = 0 => "none",
        Mac = 1 => "mac",
        Duid = 2 => "duid",
    }
}

/// An operator to run; its id is `dhcp4/link` or alike.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct OperatorSpec {
    /// What to run.
    pub operator: Operator,
    /// Name of the link.
    pub link_name: String,
    /// Whether it waits for the link to be up.
    pub require_up: bool,
    /// Settings of DHCPv4.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dhcp4: Option<Dhcp4Operator>,
    /// Settings of DHCPv6.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dhcp6: Option<Dhcp6Operator>,
    /// Settings of a shared address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vip: Option<VipOperator>,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
}

message!(OperatorSpec, wire::OperatorSpecSpec {
    operator, link_name, require_up, dhcp4, dhcp6, vip, layer as config_layer
});
spec!(
    OperatorSpec,
    wire::OperatorSpecSpec,
    "OperatorSpecs.net.talos.dev",
    "network"
);

/// Settings of DHCPv4.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dhcp4Operator {
    /// Metric of the routes that it adds.
    pub route_metric: u32,
    /// Whether no host name is asked for.
    #[serde(skip_serializing_if = "text::unset")]
    pub skip_hostname_request: bool,
    /// How the client names itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_identifier: Option<ClientIdentity>,
    /// Whether the routes of the lease are not used.
    #[serde(skip_serializing_if = "text::unset")]
    pub skip_routes: bool,
}

message!(
    Dhcp4Operator,
    wire::Dhcp4OperatorSpec {
        route_metric,
        skip_hostname_request,
        client_identifier,
        skip_routes
    }
);

/// Settings of DHCPv6.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Dhcp6Operator {
    /// Metric of the routes that it adds.
    pub route_metric: u32,
    /// Whether no host name is asked for.
    #[serde(skip_serializing_if = "text::unset")]
    pub skip_hostname_request: bool,
    /// How the client names itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_identifier: Option<ClientIdentity>,
}

message!(
    Dhcp6Operator,
    wire::Dhcp6OperatorSpec {
        route_metric,
        skip_hostname_request,
        client_identifier
    }
);

/// How a DHCP client names itself.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ClientIdentity {
    /// Which kind of identifier is sent.
    pub client_identifier: ClientIdentifier,
    /// The DUID in hexadecimal.
    #[serde(skip_serializing_if = "text::unset")]
    pub duid_raw_hex: String,
}

message!(
    ClientIdentity,
    wire::ClientIdentifierSpec {
        client_identifier,
        duid_raw_hex
    }
);

/// Settings of a shared address.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipOperator {
    /// The shared address.
    pub ip: IpAddr,
    /// Whether neighbours are told when the address moves here.
    #[serde(rename = "gratuitousARP")]
    pub gratuitous_arp: bool,
    /// Equinix Metal API access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub equinix_metal: Option<VipEquinixMetal>,
    /// Hetzner Cloud API access.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hcloud: Option<VipHcloud>,
}

message!(VipOperator, wire::VipOperatorSpec {
    ip, gratuitous_arp, equinix_metal, hcloud as h_cloud
});

/// Moves a shared address by the API of Equinix Metal.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipEquinixMetal {
    /// Project.
    #[serde(rename = "projectID")]
    pub project_id: String,
    /// Device.
    #[serde(rename = "deviceID")]
    pub device_id: String,
    /// Token for the API.
    pub api_token: String,
}

message!(
    VipEquinixMetal,
    wire::VipEquinixMetalSpec {
        project_id,
        device_id,
        api_token
    }
);

/// Moves a shared address by the API of Hetzner Cloud.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VipHcloud {
    /// Device.
    #[serde(rename = "deviceID")]
    pub device_id: i64,
    /// Network.
    #[serde(rename = "networkID")]
    pub network_id: i64,
    /// Token for the API.
    pub api_token: String,
}

message!(
    VipHcloud,
    wire::ViphCloudSpec {
        device_id,
        network_id,
        api_token
    }
);
