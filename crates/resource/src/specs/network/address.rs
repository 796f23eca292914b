//! Addresses.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::network as wire;
use ipnet::IpNet;
use serde::Serialize;

use crate::specs::HardwareAddr;
use crate::specs::text;

text_enum! {
    /// Address family, by its number in Linux.
    Family {
        Inet4 = 2 => "inet4",
        Inet6 = 10 => "inet6",
    }
}

text_number! {
    /// Where an address or a route is valid.
    Scope(u8) {
        GLOBAL = 0 => "global",
        SITE = 200 => "site",
        LINK = 253 => "link",
        HOST = 254 => "host",
        NOWHERE = 255 => "nowhere",
    }
}

text_flags! {
    /// Flags of an address (`IFA_F_*`).
    AddressFlags {
        TEMPORARY = 1 => "temporary",
        NODAD = 2 => "nodad",
        OPTIMISTIC = 4 => "optimistic",
        DADFAILED = 8 => "dadfailed",
        HOMEADDRESS = 16 => "homeaddress",
        DEPRECATED = 32 => "deprecated",
        TENTATIVE = 64 => "tentative",
        PERMANENT = 128 => "permanent",
        MNGMTMPADDR = 256 => "mngmtmpaddr",
        NOPREFIXROUTE = 512 => "noprefixroute",
        MCAUTOJOIN = 1024 => "mcautojoin",
        STABLEPRIVACY = 2048 => "stableprivacy",
    }
}

text_enum! {
    /// How lists of addresses are sorted.
    AddressSortAlgorithm {
        V1 = 0 => "v1",
        V2 = 1 => "v2",
    }
}

text_enum! {
    /// Where a piece of network configuration comes from; later layers win.
    ConfigLayer {
        Default = 0 => "default",
        Cmdline = 1 => "cmdline",
        Platform = 2 => "platform",
        Operator = 3 => "operator",
        Configuration = 4 => "configuration",
    }
}

/// A wanted address: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressSpec {
    /// Address with its prefix length.
    pub address: IpNet,
    /// Name of the link.
    pub link_name: String,
    /// Address family.
    pub family: Family,
    /// How far it is valid.
    pub scope: Scope,
    /// Flags of the kernel.
    pub flags: AddressFlags,
    /// Whether neighbours are told when the address appears.
    #[serde(rename = "announceWithARP", skip_serializing_if = "text::unset")]
    pub announce_with_arp: bool,
    /// Metric of the prefix route; 0 lets the kernel choose.
    #[serde(skip_serializing_if = "text::unset")]
    pub priority: u32,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
}

message!(AddressSpec, wire::AddressSpecSpec {
    address, link_name, family, scope, flags, announce_with_arp, priority, layer as config_layer
});
spec!(
    AddressSpec,
    wire::AddressSpecSpec,
    "AddressSpecs.net.talos.dev",
    "network"
);

/// An address in the kernel; its id is `link/prefix`.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AddressStatus {
    /// Address with its prefix length.
    pub address: IpNet,
    /// Local address of a point-to-point link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<IpAddr>,
    /// Broadcast address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub broadcast: Option<IpAddr>,
    /// Anycast address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub anycast: Option<IpAddr>,
    /// Multicast address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multicast: Option<IpAddr>,
    /// Index of the link in the kernel.
    pub link_index: u32,
    /// Name of the link.
    pub link_name: String,
    /// Address family.
    pub family: Family,
    /// How far it is valid.
    pub scope: Scope,
    /// Flags of the kernel.
    pub flags: AddressFlags,
    /// Metric of the prefix route.
    pub priority: u32,
}

message!(
    AddressStatus,
    wire::AddressStatusSpec {
        address,
        local,
        broadcast,
        anycast,
        multicast,
        link_index,
        link_name,
        family,
        scope,
        flags,
        priority
    }
);
spec!(
    AddressStatus,
    wire::AddressStatusSpec,
    "AddressStatuses.net.talos.dev",
    "network"
);

/// A list of the addresses of the node.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct NodeAddress {
    /// Addresses with their prefix lengths.
    pub addresses: Vec<IpNet>,
    /// How the list is sorted.
    pub sort_algorithm: AddressSortAlgorithm,
}

message!(
    NodeAddress,
    wire::NodeAddressSpec {
        addresses,
        sort_algorithm
    }
);
spec!(
    NodeAddress,
    wire::NodeAddressSpec,
    "NodeAddresses.net.talos.dev",
    "network"
);

/// How the lists of addresses are sorted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct NodeAddressSortAlgorithm {
    /// How addresses are sorted.
    pub algorithm: AddressSortAlgorithm,
}

message!(
    NodeAddressSortAlgorithm,
    wire::NodeAddressSortAlgorithmSpec { algorithm }
);
spec!(
    NodeAddressSortAlgorithm,
    wire::NodeAddressSortAlgorithmSpec,
    "NodeAddressSortAlgorithms.net.talos.dev",
    "network"
);

/// The hardware address of a physical link; the id `first` stands for the first one.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct HardwareAddress {
    /// Name of the link.
    pub name: String,
    /// Hardware address.
    pub hardware_addr: HardwareAddr,
}

message!(
    HardwareAddress,
    wire::HardwareAddrSpec {
        name,
        hardware_addr
    }
);
spec!(
    HardwareAddress,
    wire::HardwareAddrSpec,
    "HardwareAddresses.net.talos.dev",
    "network"
);
