//! Links.

use ichor_api::talos::resource::definitions::network as wire;
use serde::Serialize;

use super::{
    BondMaster, BondSlave, BridgeMaster, BridgeSlave, ConfigLayer, Duplex, LinkFlags, LinkType,
    OperationalState, Port, Veth, Vlan, VrfMaster, VrfSlave, Wireguard,
};
use crate::specs::HardwareAddr;
use crate::specs::text;

/// A wanted link: for each layer in `network-config`, merged in `network`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkSpec {
    /// Name of the link.
    pub name: String,
    /// Whether the link is created, such as a bond, not found.
    pub logical: bool,
    /// Whether the link is set up.
    pub up: bool,
    /// Largest packet in bytes; 0 leaves it as it is.
    pub mtu: u32,
    /// Kind in the kernel, such as `vlan`; empty for physical links.
    pub kind: String,
    /// Hardware type in the kernel.
    #[serde(rename = "type")]
    pub link_type: LinkType,
    /// Wanted hardware address; empty leaves it as it is.
    #[serde(skip_serializing_if = "text::unset")]
    pub hardware_addr: HardwareAddr,
    /// Name of the link below this one.
    #[serde(skip_serializing_if = "text::unset")]
    pub parent_name: String,
    /// Membership in a bond.
    #[serde(flatten)]
    pub bond_slave: Option<BondSlave>,
    /// Membership in a bridge.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge_slave: Option<BridgeSlave>,
    /// Membership in a VRF.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_slave: Option<VrfSlave>,
    /// VLAN settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// Bond settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond_master: Option<BondMaster>,
    /// Bridge settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge_master: Option<BridgeMaster>,
    /// VRF settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_master: Option<VrfMaster>,
    /// WireGuard settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wireguard: Option<Wireguard>,
    /// Settings of a virtual pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub veth: Option<Veth>,
    /// Where it comes from; a later layer wins.
    pub layer: ConfigLayer,
    /// Whether the link takes part in multicast; unset leaves it as it is.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub multicast: Option<bool>,
}

message!(LinkSpec, wire::LinkSpecSpec {
    name, logical, up, mtu, kind, link_type as r#type, hardware_addr as hardware_address, parent_name, bond_slave, bridge_slave, vrf_slave, vlan, bond_master, bridge_master, vrf_master, wireguard, veth, layer as config_layer, multicast
});
spec!(
    LinkSpec,
    wire::LinkSpecSpec,
    "LinkSpecs.net.talos.dev",
    "network"
);

/// A link in the kernel; its id is its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LinkStatus {
    /// Alias that configuration gave the link.
    #[serde(skip_serializing_if = "text::unset")]
    pub alias: String,
    /// Alternative names in the kernel.
    #[serde(skip_serializing_if = "text::unset")]
    pub alt_names: Vec<String>,
    /// Index in the kernel.
    pub index: u32,
    /// Hardware type in the kernel.
    #[serde(rename = "type")]
    pub link_type: LinkType,
    /// Index of the link below this one.
    pub link_index: u32,
    /// Flags of the kernel.
    pub flags: LinkFlags,
    /// Hardware address.
    pub hardware_addr: HardwareAddr,
    /// Address burnt into the device.
    pub permanent_addr: HardwareAddr,
    /// Link-layer broadcast address.
    pub broadcast_addr: HardwareAddr,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Queueing discipline.
    pub queue_disc: String,
    /// Index of the bond, bridge or VRF that the link belongs to.
    #[serde(skip_serializing_if = "text::unset")]
    pub master_index: u32,
    /// State by RFC 2863.
    pub operational_state: OperationalState,
    /// Kind in the kernel, such as `vlan`; empty for physical links.
    pub kind: String,
    /// Kind of the membership, such as `bond`.
    pub slave_kind: String,
    /// Address on its bus.
    #[serde(skip_serializing_if = "text::unset")]
    pub bus_path: String,
    /// PCI vendor and product.
    #[serde(rename = "pciID", skip_serializing_if = "text::unset")]
    pub pci_id: String,
    /// Kernel driver.
    #[serde(skip_serializing_if = "text::unset")]
    pub driver: String,
    /// Version of the driver.
    #[serde(skip_serializing_if = "text::unset")]
    pub driver_version: String,
    /// Version of the firmware.
    #[serde(skip_serializing_if = "text::unset")]
    pub firmware_version: String,
    /// PCI product number.
    #[serde(rename = "productID", skip_serializing_if = "text::unset")]
    pub product_id: String,
    /// PCI vendor number.
    #[serde(rename = "vendorID", skip_serializing_if = "text::unset")]
    pub vendor_id: String,
    /// Product name.
    #[serde(skip_serializing_if = "text::unset")]
    pub product: String,
    /// Vendor name.
    #[serde(skip_serializing_if = "text::unset")]
    pub vendor: String,
    /// Whether there is a carrier.
    pub link_state: bool,
    /// Speed in megabits per second; 0 when unknown.
    #[serde(skip_serializing_if = "text::unset")]
    pub speed_mbit: i64,
    /// Kind of connector.
    pub port: Port,
    /// Duplex mode.
    pub duplex: Duplex,
    /// VLAN settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vlan: Option<Vlan>,
    /// Bridge settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bridge_master: Option<BridgeMaster>,
    /// Bond settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bond_master: Option<BondMaster>,
    /// VRF settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub vrf_master: Option<VrfMaster>,
    /// WireGuard settings.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wireguard: Option<Wireguard>,
    /// Settings of a virtual pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub veth: Option<Veth>,
}

message!(LinkStatus, wire::LinkStatusSpec {
    alias, alt_names, index, link_type as r#type, link_index, flags, hardware_addr, permanent_addr, broadcast_addr, mtu, queue_disc, master_index, operational_state, kind, slave_kind, bus_path, pci_id as pciid, driver, driver_version, firmware_version, product_id, vendor_id, product, vendor, link_state, speed_mbit as speed_megabits, port, duplex, vlan, bridge_master, bond_master, vrf_master, wireguard, veth
});
spec!(
    LinkStatus,
    wire::LinkStatusSpec,
    "LinkStatuses.net.talos.dev",
    "network"
);

/// Asks for a new look at the links.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct LinkRefresh {
    /// Raised for each refresh asked for.
    pub generation: i64,
}

message!(LinkRefresh, wire::LinkRefreshSpec { generation });
spec!(
    LinkRefresh,
    wire::LinkRefreshSpec,
    "LinkRefreshes.net.talos.dev",
    "network"
);
