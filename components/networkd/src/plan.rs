//! Decisions, without effects.

mod etc_files;
mod layers;
mod node_address;

pub(crate) use etc_files::{hosts, resolv_conf};
pub(crate) use layers::{Layered, merge};
pub(crate) use node_address::{accumulate, carries, current, default};

use ichor_resource::specs::network::{RouteSpec, RouteStatus, RoutingTable};
use std::net::IpAddr;

use ichor_resource::specs::network::Family;
use ipnet::IpNet;

/// The id of a route: `[table/][link/]family/gateway/destination/priority`.
pub(crate) fn route_id(spec: &RouteSpec) -> String {
    id(
        spec.table,
        &spec.out_link_name,
        spec.family,
        spec.gateway,
        spec.destination,
        spec.priority,
    )
}

/// The same for a route in the kernel.
pub(crate) fn route_status_id(status: &RouteStatus) -> String {
    id(
        status.table,
        &status.out_link_name,
        status.family,
        status.gateway,
        status.destination,
        status.priority,
    )
}

fn id(
    table: RoutingTable,
    link: &str,
    family: Family,
    gateway: Option<IpAddr>,
    destination: Option<IpNet>,
    priority: u32,
) -> String {
    let mut id = String::new();
    if table != RoutingTable::MAIN && table != RoutingTable::UNSPEC {
        id.push_str(&format!("{table}/"));
    }
    if !link.is_empty() {
        id.push_str(&format!("{link}/"));
    }
    let gateway = gateway.map(|ip| ip.to_string()).unwrap_or_default();
    let destination = destination.map(|net| net.to_string()).unwrap_or_default();
    format!("{id}{family}/{gateway}/{destination}/{priority}")
}

/// A host name that stays the same on the same hardware, from the first hardware address.
///
/// Two groups of three letters and digits that cannot be mistaken for each other.
pub(crate) fn stable_hostname(hardware_address: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    // FNV-1a: addresses of one vendor differ in few bits, and the name should not.
    let hash = hardware_address
        .iter()
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3)
        });
    let letter = |index: u32| {
        let place = usize::try_from((hash >> (17 + 5 * index)) & 31).unwrap_or_default();
        char::from(LETTERS.get(place).copied().unwrap_or(b'x'))
    };
    let group = |from: u32| (from..from + 3).map(letter).collect::<String>();
    format!("ichor-{}-{}", group(0), group(3))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn route_ids_name_table_and_link_only_when_they_say_something() {
        let spec = RouteSpec {
            gateway: Some([10, 0, 2, 2].into()),
            table: RoutingTable::MAIN,
            priority: 1024,
            ..RouteSpec::default()
        };
        assert_eq!(route_id(&spec), "inet4/10.0.2.2//1024");
        let spec = RouteSpec {
            table: RoutingTable(180),
            out_link_name: "eth0".into(),
            destination: "192.168.0.0/16".parse().ok(),
            gateway: None,
            ..spec
        };
        assert_eq!(route_id(&spec), "180/eth0/inet4//192.168.0.0/16/1024");
    }

    #[test]
    fn host_names_are_stable_and_differ_for_neighbours() {
        let one = stable_hostname(&[0x52, 0x54, 0, 0x12, 0x34, 0x56]);
        let two = stable_hostname(&[0x52, 0x54, 0, 0x12, 0x34, 0x57]);
        assert_eq!(one, stable_hostname(&[0x52, 0x54, 0, 0x12, 0x34, 0x56]));
        assert_ne!(one, two);
        assert_eq!(one.len(), "ichor-abc-def".len());
    }
}
