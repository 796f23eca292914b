//! Lists of the node's addresses.

use std::net::IpAddr;

use ichor_resource::specs::network::{
    AddressFlags, AddressStatus, LinkStatus, OperationalState, Scope,
};
use ipnet::IpNet;

/// Whether packets go through a link: it is up and has a carrier.
///
/// The operational state alone would come up to a second later, so it only tells of links that wait
/// for something else.
pub(crate) fn carries(link: &LinkStatus) -> bool {
    let waits = matches!(
        link.operational_state,
        OperationalState::Dormant | OperationalState::Testing
    );
    link.link_state && !waits
}

/// The addresses that others may use for this node, IPv4 first, sorted.
pub(crate) fn current(statuses: &[AddressStatus]) -> Vec<IpNet> {
    let usable = statuses.iter().filter(|status| is_usable(status));
    sorted(usable.map(|status| status.address).collect())
}

fn is_usable(status: &AddressStatus) -> bool {
    let unusable = AddressFlags::DADFAILED.0 | AddressFlags::TENTATIVE.0;
    let ip = status.address.addr();
    let is_local = match ip {
        IpAddr::V4(ip) => ip.is_link_local(),
        IpAddr::V6(ip) => ip.is_unicast_link_local(),
    };
    status.scope.0 < Scope::LINK.0
        && status.flags.0 & unusable == 0
        && !is_local
        && !ip.is_loopback()
        && !ip.is_multicast()
        && !ip.is_unspecified()
}

/// The address that stands for the node: the same as before while it is there, else the smallest
/// of the first link by name.
pub(crate) fn default(statuses: &[AddressStatus], before: Option<IpNet>) -> Option<IpNet> {
    let usable = || statuses.iter().filter(|status| is_usable(status));
    let kept = before.filter(|net| usable().any(|status| status.address == *net));
    kept.or_else(|| {
        let first = usable().min_by_key(|status| (&status.link_name, order(&status.address)));
        first.map(|status| status.address)
    })
}

/// All addresses that the node has had.
pub(crate) fn accumulate(before: &[IpNet], current: &[IpNet]) -> Vec<IpNet> {
    sorted(before.iter().chain(current).copied().collect())
}

fn sorted(mut nets: Vec<IpNet>) -> Vec<IpNet> {
    nets.sort_by_key(order);
    nets.dedup();
    nets
}

/// IPv4 first: so the addresses themselves are ordered.
fn order(net: &IpNet) -> (IpAddr, u8) {
    (net.addr(), net.prefix_len())
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_resource::specs::network::Family;

    fn status(address: &str, scope: Scope, flags: AddressFlags) -> AddressStatus {
        AddressStatus {
            address: address.parse().unwrap(),
            local: None,
            broadcast: None,
            anycast: None,
            multicast: None,
            link_index: 2,
            link_name: "eth0".into(),
            family: Family::Inet4,
            scope,
            flags,
            priority: 0,
        }
    }

    #[test]
    fn only_global_addresses_that_work_count() {
        let none = AddressFlags::default();
        let statuses = [
            status("fd00::5/64", Scope::GLOBAL, none),
            status("10.0.2.15/24", Scope::GLOBAL, none),
            status("127.0.0.1/8", Scope::HOST, none),
            status("fe80::1/64", Scope::LINK, none),
            status("fd00::6/64", Scope::GLOBAL, AddressFlags::TENTATIVE),
            status("10.9.9.9/32", Scope::GLOBAL, none),
            status("169.254.7.7/16", Scope::GLOBAL, none),
            status("224.0.0.9/32", Scope::GLOBAL, none),
            status("fec0::7/64", Scope(200), none),
        ];
        let current = current(&statuses);
        let text: Vec<_> = current.iter().map(ToString::to_string).collect();
        assert_eq!(
            text,
            ["10.0.2.15/24", "10.9.9.9/32", "fd00::5/64", "fec0::7/64"]
        );
    }

    #[test]
    fn the_default_address_stays_while_it_is_there() {
        let on = |link: &str, address: &str| AddressStatus {
            link_name: link.into(),
            ..status(address, Scope::GLOBAL, AddressFlags::default())
        };
        let statuses = [
            on("eth1", "10.0.0.1/24"),
            on("eth0", "10.0.0.3/24"),
            on("eth0", "10.0.0.2/24"),
            on("eth0", "fd00::5/64"),
        ];
        let [other, large, small, _] = statuses.clone().map(|status| status.address);
        for kept in [other, large] {
            assert_eq!(default(&statuses, Some(kept)), Some(kept));
        }
        let gone = "10.9.9.9/24".parse().ok();
        assert_eq!(default(&statuses, gone), Some(small));
        assert_eq!(default(&[], Some(other)), None);
        assert_eq!(accumulate(&[large], &[other]), [other, large]);
    }

    #[test]
    fn links_count_as_soon_as_they_have_a_carrier() {
        let link = |link_state, operational_state| LinkStatus {
            link_state,
            operational_state,
            ..LinkStatus::default()
        };
        // The kernel sets the state later than the carrier.
        assert!(carries(&link(true, OperationalState::Down)));
        assert!(carries(&link(true, OperationalState::Unknown)));
        assert!(!carries(&link(false, OperationalState::Down)));
        assert!(!carries(&link(true, OperationalState::Dormant)));
    }
}
