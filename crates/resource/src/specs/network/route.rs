//! Routes.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::network as wire;
use ipnet::IpNet;
use serde::Serialize;

use super::{ConfigLayer, Family, Scope};
use crate::specs::text;

text_number! {
    @type
    /// Routing table: named, or a number from 1 to 252 as text.
    RoutingTable(u32) {
        UNSPEC = 0 => "unspec",
        DEFAULT = 253 => "default",
        MAIN = 254 => "main",
        LOCAL = 255 => "local"
    }
}

impl std::fmt::Display for RoutingTable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.name() {
            Some(name) => f.write_str(name),
            None => self.0.fmt(f),
        }
    }
}

text_number! {
    /// Kind of route (`RTN_*`).
    RouteType(u8) {
        UNSPEC = 0 => "unspec",
        UNICAST = 1 => "unicast",
        LOCAL = 2 => "local",
        BROADCAST = 3 => "broadcast",
        ANYCAST = 4 => "anycast",
        MULTICAST = 5 => "multicast",
        BLACKHOLE = 6 => "blackhole",
        UNREACHABLE = 7 => "unreachable",
        PROHIBIT = 8 => "prohibit",
        THROW = 9 => "throw",
        NAT = 10 => "nat",
        XRESOLVE = 11 => "xresolve",
    }
}

text_number! {
    /// Who made a route (`RTPROT_*`).
    RouteProtocol(u8) {
        UNSPEC = 0 => "unspec",
        REDIRECT = 1 => "redirect",
        KERNEL = 2 => "kernel",
        BOOT = 3 => "boot",
        STATIC = 4 => "static",
        RA = 9 => "ra",
        MRT = 10 => "mrt",
        ZEBRA = 11 => "zebra",
        BIRD = 12 => "bird",
        DNROUTED = 13 => "dnrouted",
        XORP = 14 => "xorp",
        NTK = 15 => "ntk",
        DHCP = 16 => "dhcp",
        MRTD = 17 => "mrtd",
        KEEPALIVED = 18 => "keepalived",
        BABEL = 42 => "babel",
        OPENR = 99 => "openr",
        BGP = 186 => "bgp",
        ISIS = 187 => "isis",
        OSPF = 188 => "ospf",
        RIP = 189 => "rip",
        EIGRP = 192 => "eigrp",
    }
}

text_flags! {
    /// Flags of a route (`RTM_F_*`).
    RouteFlags {
        NOTIFY = 256 => "notify",
        CLONED = 512 => "cloned",
        EQUALIZE = 1024 => "equalize",
        PREFIX = 2048 => "prefix",
        LOOKUP_TABLE = 4096 => "lookup_table",
        FIB_MATCH = 8192 => "fib_match",
        OFFLOAD = 16384 => "offload",
        TRAP = 32768 => "trap",
    }
}

/// A wanted route: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteSpec {
    /// Address family.
    pub family: Family,
    /// Destination; unset for the default route.
    #[serde(rename = "dst", serialize_with = "text::or_empty")]
    pub destination: Option<IpNet>,
    /// Preferred source address.
    #[serde(rename = "src", serialize_with = "text::or_empty")]
    pub source: Option<IpAddr>,
    /// Next hop.
    #[serde(serialize_with = "text::or_empty")]
    pub gateway: Option<IpAddr>,
    /// Name of the outgoing link.
    #[serde(skip_serializing_if = "text::unset")]
    pub out_link_name: String,
    /// Routing table.
    pub table: RoutingTable,
    /// Metric; lower wins.
    #[serde(skip_serializing_if = "text::unset")]
    pub priority: u32,
    /// How far it is valid.
    pub scope: Scope,
    /// Kind of route.
    #[serde(rename = "type")]
    pub route_type: RouteType,
    /// Flags of the kernel.
    pub flags: RouteFlags,
    /// Who made the route.
    pub protocol: RouteProtocol,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
    /// Largest packet in bytes; 0 for that of the link.
    #[serde(skip_serializing_if = "text::unset")]
    pub mtu: u32,
    /// Next hops of a route with several.
    #[serde(skip_serializing_if = "text::unset")]
    pub next_hops: Vec<RouteNextHop>,
}

message!(RouteSpec, wire::RouteSpecSpec {
    family, destination, source, gateway, out_link_name, table, priority, scope, route_type as r#type, flags, protocol, layer as config_layer, mtu, next_hops
});
spec!(
    RouteSpec,
    wire::RouteSpecSpec,
    "RouteSpecs.net.talos.dev",
    "network"
);

/// A route in the kernel; its id is `[table/][link/]family/gateway/destination/priority`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteStatus {
    /// Address family.
    pub family: Family,
    /// Destination; unset for the default route.
    #[serde(rename = "dst", serialize_with = "text::or_empty")]
    pub destination: Option<IpNet>,
    /// Preferred source address.
    #[serde(rename = "src", serialize_with = "text::or_empty")]
    pub source: Option<IpAddr>,
    /// Next hop.
    #[serde(serialize_with = "text::or_empty")]
    pub gateway: Option<IpAddr>,
    /// Index of the outgoing link.
    #[serde(skip_serializing_if = "text::unset")]
    pub out_link_index: u32,
    /// Name of the outgoing link.
    #[serde(skip_serializing_if = "text::unset")]
    pub out_link_name: String,
    /// Routing table.
    pub table: RoutingTable,
    /// Metric; lower wins.
    pub priority: u32,
    /// How far it is valid.
    pub scope: Scope,
    /// Kind of route.
    #[serde(rename = "type")]
    pub route_type: RouteType,
    /// Flags of the kernel.
    pub flags: RouteFlags,
    /// Who made the route.
    pub protocol: RouteProtocol,
    /// Largest packet in bytes; 0 for that of the link.
    #[serde(skip_serializing_if = "text::unset")]
    pub mtu: u32,
    /// Next hops of a route with several.
    #[serde(skip_serializing_if = "text::unset")]
    pub next_hops: Vec<RouteNextHop>,
}

message!(RouteStatus, wire::RouteStatusSpec {
    family, destination, source, gateway, out_link_index, out_link_name, table, priority, scope, route_type as r#type, flags, protocol, mtu, next_hops
});
spec!(
    RouteStatus,
    wire::RouteStatusSpec,
    "RouteStatuses.net.talos.dev",
    "network"
);

/// One next hop of a route with several.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct RouteNextHop {
    /// Next hop.
    #[serde(serialize_with = "text::or_empty")]
    pub gateway: Option<IpAddr>,
    /// Name of the outgoing link.
    #[serde(skip_serializing_if = "text::unset")]
    pub out_link_name: String,
    /// Relative share of the traffic.
    #[serde(skip_serializing_if = "text::unset")]
    pub weight: u32,
}

message!(
    RouteNextHop,
    wire::RouteNextHop {
        gateway,
        out_link_name,
        weight
    }
);
