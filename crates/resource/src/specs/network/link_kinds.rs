//! Settings of the kinds of links.

use std::net::IpAddr;
use std::time::Duration;

use ichor_api::talos::resource::definitions::network as wire;
use ipnet::IpNet;
use serde::Serialize;

use super::RoutingTable;
use crate::specs::text;

text_enum! {
    /// Mode of a bond.
    BondMode {
        BalanceRr = 0 => "balance-rr",
        ActiveBackup = 1 => "active-backup",
        BalanceXor = 2 => "balance-xor",
        Broadcast = 3 => "broadcast",
        Lacp = 4 => "802.3ad",
        BalanceTlb = 5 => "balance-tlb",
        BalanceAlb = 6 => "balance-alb",
    }
}

text_enum! {
    /// What chooses the link of a packet.
    BondXmitHashPolicy {
        Layer2 = 0 => "layer2",
        Layer34 = 1 => "layer3+4",
        Layer23 = 2 => "layer2+3",
        Encap23 = 3 => "encap2+3",
        Encap34 = 4 => "encap3+4",
    }
}

text_enum! {
    /// How often LACP packets are sent.
    LacpRate {
        Slow = 0 => "slow",
        Fast = 1 => "fast",
    }
}

text_enum! {
    /// Which ARP packets are validated.
    ArpValidate {
        None = 0 => "none",
        Active = 1 => "active",
        Backup = 2 => "backup",
        All = 3 => "all",
        Filter = 4 => "filter",
        FilterActive = 5 => "filter-active",
        FilterBackup = 6 => "filter-backup",
    }
}

text_enum! {
    /// Which ARP targets must answer.
    ArpAllTargets {
        Any = 0 => "any",
        All = 1 => "all",
    }
}

text_enum! {
    /// When the preferred link takes over again.
    PrimaryReselect {
        Always = 0 => "always",
        Better = 1 => "better",
        Failure = 2 => "failure",
    }
}

text_enum! {
    /// Which hardware address is used after a failover.
    FailOverMac {
        None = 0 => "none",
        Active = 1 => "active",
        Follow = 2 => "follow",
    }
}

text_enum! {
    /// How an aggregator is chosen.
    AdSelect {
        Stable = 0 => "stable",
        Bandwidth = 1 => "bandwidth",
        Count = 2 => "count",
    }
}

text_enum! {
    /// Whether LACP packets are sent unasked.
    AdLacpActive {
        Off = 0 => "off",
        On = 1 => "on",
    }
}

text_enum! {
    /// Tag protocol of a VLAN, by its EtherType.
    VlanProtocol {
        Dot1Q = 33024 => "802.1q",
        Dot1Ad = 34984 => "802.1ad",
    }
}

/// Settings of a bond.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BondMaster {
    /// Mode of the bond.
    pub mode: BondMode,
    /// What chooses the link of a packet.
    pub xmit_hash_policy: BondXmitHashPolicy,
    /// How often LACP packets are sent.
    pub lacp_rate: LacpRate,
    /// Which ARP packets are validated.
    pub arp_validate: ArpValidate,
    /// Whether one or all ARP targets must answer.
    pub arp_all_targets: ArpAllTargets,
    /// Index of the preferred link.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_index: Option<u32>,
    /// When the preferred link takes over again.
    pub primary_reselect: PrimaryReselect,
    /// Which hardware address is used after a failover.
    pub fail_over_mac: FailOverMac,
    /// How an aggregator is chosen.
    #[serde(skip_serializing_if = "text::unset")]
    pub ad_select: AdSelect,
    /// Interval of link checks in milliseconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub miimon: u32,
    /// Delay before a link is used, in milliseconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub updelay: u32,
    /// Delay before a link is given up, in milliseconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub downdelay: u32,
    /// Interval of ARP checks in milliseconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub arp_interval: u32,
    /// How many IGMP reports are sent after a failover.
    #[serde(skip_serializing_if = "text::unset")]
    pub resend_igmp: u32,
    /// How many links must be up.
    #[serde(skip_serializing_if = "text::unset")]
    pub min_links: u32,
    /// Interval of learning packets in seconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub lp_interval: u32,
    /// Packets sent on one link before the next.
    #[serde(skip_serializing_if = "text::unset")]
    pub packets_per_slave: u32,
    /// How many notices are sent after a failover.
    #[serde(skip_serializing_if = "text::unset")]
    pub num_peer_notif: u8,
    /// Whether load is balanced by hash (1) or by load (0).
    #[serde(skip_serializing_if = "text::unset")]
    pub tlb_logical_lb: u8,
    /// Whether duplicate frames are delivered (1).
    #[serde(skip_serializing_if = "text::unset")]
    pub all_slaves_active: u8,
    /// Whether the carrier of the driver is trusted.
    #[serde(skip_serializing_if = "text::unset")]
    pub use_carrier: bool,
    /// Priority of this system in LACP.
    #[serde(skip_serializing_if = "text::unset")]
    pub ad_actor_sys_prio: u16,
    /// Upper bits of the port key in LACP.
    #[serde(skip_serializing_if = "text::unset")]
    pub ad_user_port_key: u16,
    /// Delay between notices in milliseconds.
    #[serde(skip_serializing_if = "text::unset")]
    pub peer_notify_delay: u32,
    /// IPv4 addresses asked by ARP checks.
    #[serde(skip_serializing_if = "text::unset")]
    pub arp_ip_targets: Vec<IpAddr>,
    /// IPv6 addresses asked by neighbour checks.
    #[serde(skip_serializing_if = "text::unset")]
    pub ns_ip6_targets: Vec<IpAddr>,
    /// Whether LACP packets are sent unasked.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ad_lacp_active: Option<AdLacpActive>,
    /// How many checks may fail.
    #[serde(skip_serializing_if = "text::unset")]
    pub missed_max: u8,
    /// Name of the preferred link.
    #[serde(skip_serializing_if = "text::unset")]
    pub primary: String,
}

message!(BondMaster, wire::BondMasterSpec {
    mode, xmit_hash_policy as hash_policy, lacp_rate, arp_validate, arp_all_targets, primary_index, primary_reselect, fail_over_mac, ad_select, miimon as mii_mon, updelay as up_delay, downdelay as down_delay, arp_interval, resend_igmp, min_links, lp_interval, packets_per_slave, num_peer_notif, tlb_logical_lb as tlb_dynamic_lb, all_slaves_active, use_carrier, ad_actor_sys_prio, ad_user_port_key, peer_notify_delay, arp_ip_targets as arpip_targets, ns_ip6_targets as nsip6_targets, ad_lacp_active as adlacp_active, missed_max, primary
});

/// Membership in a bond.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BondSlave {
    /// Name of the link it belongs to.
    #[serde(skip_serializing_if = "text::unset")]
    pub master_name: String,
    /// Position within the bond.
    #[serde(skip_serializing_if = "text::unset")]
    pub slave_index: i64,
}

message!(
    BondSlave,
    wire::BondSlave {
        master_name,
        slave_index
    }
);

/// Settings of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BridgeMaster {
    /// Spanning tree.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stp: Option<Stp>,
    /// VLAN filtering.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<BridgeVlan>,
}

message!(BridgeMaster, wire::BridgeMasterSpec { stp, vlan });

/// Membership in a bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeSlave {
    /// Name of the link it belongs to.
    #[serde(skip_serializing_if = "text::unset")]
    pub master_name: String,
}

message!(BridgeSlave, wire::BridgeSlave { master_name });

/// VLAN filtering of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BridgeVlan {
    /// Whether the bridge filters by VLAN.
    pub filtering_enabled: bool,
}

message!(BridgeVlan, wire::BridgeVlanSpec { filtering_enabled });

/// Spanning tree of a bridge.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Stp {
    /// Whether the spanning tree protocol runs.
    pub enabled: bool,
}

message!(Stp, wire::StpSpec { enabled });

/// Settings of a VLAN.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Vlan {
    /// Number of the VLAN.
    #[serde(rename = "vlanID")]
    pub vlan_id: u16,
    /// Tag protocol.
    pub vlan_protocol: VlanProtocol,
}

message!(Vlan, wire::VlanSpec {
    vlan_id as vid, vlan_protocol as protocol
});

/// Settings of a VRF.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct VrfMaster {
    /// Routing table of the VRF.
    pub table: RoutingTable,
}

message!(VrfMaster, wire::VrfMasterSpec { table });

/// Membership in a VRF.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct VrfSlave {
    /// Name of the link it belongs to.
    #[serde(skip_serializing_if = "text::unset")]
    pub master_name: String,
}

message!(VrfSlave, wire::VrfSlave { master_name });

/// Settings of a virtual pair.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Veth {
    /// Name of the other end.
    #[serde(skip_serializing_if = "text::unset")]
    pub peer_name: String,
}

message!(Veth, wire::VethSpec { peer_name });

/// Settings of a WireGuard link.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Wireguard {
    /// Private key in base64.
    #[serde(skip_serializing_if = "text::unset")]
    pub private_key: String,
    /// Public key in base64.
    #[serde(skip_serializing_if = "text::unset")]
    pub public_key: String,
    /// UDP port.
    pub listen_port: i64,
    /// Mark of outgoing packets.
    pub firewall_mark: i64,
    /// Peers.
    pub peers: Vec<WireguardPeer>,
}

message!(
    Wireguard,
    wire::WireguardSpec {
        private_key,
        public_key,
        listen_port,
        firewall_mark,
        peers
    }
);

/// A WireGuard peer.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct WireguardPeer {
    /// Public key in base64.
    pub public_key: String,
    /// Preshared key in base64.
    pub preshared_key: String,
    /// Address and port of the peer.
    pub endpoint: String,
    /// Interval of keep-alive packets; zero for none.
    #[serde(serialize_with = "ichor_yaml::duration")]
    pub persistent_keepalive_interval: Duration,
    /// Prefixes reached through the peer.
    #[serde(rename = "allowedIPs")]
    pub allowed_ips: Vec<IpNet>,
}

message!(
    WireguardPeer,
    wire::WireguardPeer {
        public_key,
        preshared_key,
        endpoint,
        persistent_keepalive_interval,
        allowed_ips
    }
);
