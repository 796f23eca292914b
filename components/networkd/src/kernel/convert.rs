//! Netlink messages as specs.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ichor_resource::specs::HardwareAddr;
use ichor_resource::specs::network::{
    AddressFlags, AddressStatus, Duplex, Family, LinkFlags, LinkStatus, LinkType, OperationalState,
    Port, RouteFlags, RouteNextHop, RouteProtocol, RouteStatus, RouteType, RoutingTable, Scope,
};
use ipnet::IpNet;
use rtnetlink::packet_route::AddressFamily;
use rtnetlink::packet_route::address::{AddressAttribute, AddressMessage};
use rtnetlink::packet_route::link::{LinkAttribute, LinkInfo, LinkMessage, Prop, State};
use rtnetlink::packet_route::route::{
    self, RouteAddress, RouteAttribute, RouteMessage, RouteMetric,
};

pub(super) fn link(message: &LinkMessage) -> Option<(String, LinkStatus)> {
    let mut name = None;
    let mut status = LinkStatus {
        index: message.header.index,
        link_type: LinkType(message.header.link_layer_type.into()),
        flags: LinkFlags(message.header.flags.bits()),
        port: Port::OTHER,
        duplex: Duplex::UNKNOWN,
        ..LinkStatus::default()
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::IfName(text) => name = Some(text.clone()),
            LinkAttribute::Address(bytes) => status.hardware_addr = HardwareAddr(bytes.clone()),
            LinkAttribute::PermAddress(bytes) => {
                status.permanent_addr = HardwareAddr(bytes.clone());
            }
            LinkAttribute::Broadcast(bytes) => status.broadcast_addr = HardwareAddr(bytes.clone()),
            LinkAttribute::Mtu(mtu) => status.mtu = *mtu,
            LinkAttribute::Qdisc(text) => status.queue_disc.clone_from(text),
            LinkAttribute::Link(index) => status.link_index = *index,
            LinkAttribute::Controller(index) => status.master_index = *index,
            LinkAttribute::OperState(state) => status.operational_state = operational(*state),
            LinkAttribute::Carrier(carrier) => status.link_state = *carrier == 1,
            LinkAttribute::IfAlias(text) => status.alias.clone_from(text),
            LinkAttribute::PropList(props) => status.alt_names = alternative_names(props),
            LinkAttribute::ParentDevName(text) => status.bus_path.clone_from(text),
            LinkAttribute::LinkInfo(infos) => {
                for info in infos {
                    match info {
                        LinkInfo::Kind(kind) => status.kind = kind.to_string(),
                        LinkInfo::PortKind(kind) => status.slave_kind = kind.to_string(),
                        _ => {}
                    }
                }
            }
            _ => {}
        }
    }
    // A link that is down reports the carrier it last had.
    status.link_state &= status.flags.contains(LinkFlags::UP);
    Some((name?, status))
}

/// In the order of the alphabet: the kernel's order may change.
fn alternative_names(props: &[Prop]) -> Vec<String> {
    let names = props.iter().filter_map(|prop| match prop {
        Prop::AltIfName(name) => Some(name.clone()),
        _ => None,
    });
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

fn operational(state: State) -> OperationalState {
    match state {
        State::NotPresent => OperationalState::NotPresent,
        State::Down => OperationalState::Down,
        State::LowerLayerDown => OperationalState::LowerLayerDown,
        State::Testing => OperationalState::Testing,
        State::Dormant => OperationalState::Dormant,
        State::Up => OperationalState::Up,
        _ => OperationalState::Unknown,
    }
}

pub(super) fn address(
    message: &AddressMessage,
    name: impl Fn(u32) -> Option<String>,
) -> Option<AddressStatus> {
    let (mut address, mut local, mut broadcast) = (None, None, None);
    let (mut anycast, mut multicast, mut priority) = (None, None, 0);
    let mut flags = AddressFlags(u32::from(message.header.flags.bits()));
    for attribute in &message.attributes {
        match attribute {
            AddressAttribute::Address(ip) => address = Some(*ip),
            AddressAttribute::Local(ip) => local = Some(*ip),
            AddressAttribute::Broadcast(ip) => broadcast = Some(IpAddr::from(*ip)),
            AddressAttribute::Anycast(ip) => anycast = Some(IpAddr::from(*ip)),
            AddressAttribute::Multicast(ip) => multicast = Some(IpAddr::from(*ip)),
            AddressAttribute::RoutePriority(metric) => priority = *metric,
            AddressAttribute::Flags(all) => flags = AddressFlags(all.bits()),
            _ => {}
        }
    }
    let ip = address.or(local)?;
    Some(AddressStatus {
        address: IpNet::new(ip, message.header.prefix_len).ok()?,
        local,
        broadcast,
        anycast,
        multicast,
        link_index: message.header.index,
        link_name: name(message.header.index)?,
        family: super::family(ip),
        scope: Scope(message.header.scope.into()),
        flags,
        priority,
    })
}

pub(super) fn route(
    message: &RouteMessage,
    name: impl Fn(u32) -> Option<String>,
) -> Option<RouteStatus> {
    let header = &message.header;
    let mut status = RouteStatus {
        family: match header.address_family {
            AddressFamily::Inet => Family::Inet4,
            AddressFamily::Inet6 => Family::Inet6,
            _ => return None,
        },
        table: RoutingTable(u32::from(header.table)),
        scope: Scope(header.scope.into()),
        route_type: RouteType(header.kind.into()),
        flags: RouteFlags(header.flags.bits()),
        protocol: RouteProtocol(header.protocol.into()),
        ..RouteStatus::default()
    };
    for attribute in &message.attributes {
        match attribute {
            RouteAttribute::Destination(to) => {
                let length = header.destination_prefix_length;
                status.destination = IpNet::new(from_ip(to)?, length).ok();
            }
            RouteAttribute::PrefSource(from) => status.source = from_ip(from),
            RouteAttribute::Gateway(via) => status.gateway = from_ip(via),
            RouteAttribute::Oif(index) => {
                status.out_link_index = *index;
                status.out_link_name = name(*index).unwrap_or_default();
            }
            RouteAttribute::MultiPath(hops) => {
                status.next_hops = hops.iter().map(|hop| next_hop(hop, &name)).collect();
            }
            RouteAttribute::Table(table) => status.table = RoutingTable(*table),
            RouteAttribute::Priority(metric) => status.priority = *metric,
            RouteAttribute::Metrics(metrics) => {
                let mtu = metrics.iter().find_map(|metric| match metric {
                    RouteMetric::Mtu(mtu) => Some(*mtu),
                    _ => None,
                });
                status.mtu = mtu.unwrap_or_default();
            }
            _ => {}
        }
    }
    Some(status)
}

fn next_hop(hop: &route::RouteNextHop, name: impl Fn(u32) -> Option<String>) -> RouteNextHop {
    let gateway = hop.attributes.iter().find_map(|attribute| match attribute {
        RouteAttribute::Gateway(via) => from_ip(via),
        _ => None,
    });
    RouteNextHop {
        gateway,
        out_link_name: name(hop.interface_index).unwrap_or_default(),
        // The kernel counts from 0 (`rtnh_hops` in linux/rtnetlink.h).
        weight: u32::from(hop.hops) + 1,
    }
}

fn from_ip(address: &RouteAddress) -> Option<IpAddr> {
    match address {
        RouteAddress::Inet(ip) => Some(Ipv4Addr::into(*ip)),
        RouteAddress::Inet6(ip) => Some(Ipv6Addr::into(*ip)),
        _ => None,
    }
}

pub(super) fn ip(address: IpAddr) -> RouteAddress {
    match address {
        IpAddr::V4(ip) => RouteAddress::Inet(ip),
        IpAddr::V6(ip) => RouteAddress::Inet6(ip),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_of_several_hops_has_them_all() {
        let hop = |index: u8, hops| {
            let mut hop = route::RouteNextHop::default();
            hop.interface_index = u32::from(index);
            hop.hops = hops;
            let gateway = ip([10, 0, index, 1].into());
            hop.attributes = vec![RouteAttribute::Gateway(gateway)];
            hop
        };
        let mut message = RouteMessage::default();
        message.header.address_family = AddressFamily::Inet;
        message.attributes = vec![RouteAttribute::MultiPath(vec![hop(2, 0), hop(3, 4)])];
        let status = super::route(&message, |index| Some(format!("eth{index}"))).unwrap();
        let expected = |index: u8, weight| RouteNextHop {
            gateway: Some([10, 0, index, 1].into()),
            out_link_name: format!("eth{index}"),
            weight,
        };
        assert_eq!(status.next_hops, [expected(2, 1), expected(3, 5)]);
    }
}
