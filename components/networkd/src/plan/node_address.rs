//! Lists of the node's addresses.

use std::net::IpAddr;

use ichor_resource::specs::network::{AddressFlags, AddressStatus, Scope};
use ipnet::IpNet;

/// The addresses that others may use for this node, IPv4 first, sorted.
pub(crate) fn current(statuses: &[AddressStatus]) -> Vec<IpNet> {
    let usable = statuses.iter().filter(|status| {
        let unusable = AddressFlags::DADFAILED.0 | AddressFlags::TENTATIVE.0;
        status.scope == Scope::GLOBAL
            && status.flags.0 & unusable == 0
            && !status.address.addr().is_loopback()
            && !status.address.addr().is_unspecified()
    });
    sorted(usable.map(|status| status.address).collect())
}

/// Those of `current` in a subnet, not those of a single host.
pub(crate) fn routed(current: &[IpNet]) -> Vec<IpNet> {
    let routed = |net: &&IpNet| net.prefix_len() < net.max_prefix_len();
    current.iter().filter(routed).copied().collect()
}

/// The address that stands for the node: the same as before while it is there, else the first.
pub(crate) fn default(current: &[IpNet], before: Option<IpNet>) -> Option<IpNet> {
    before
        .filter(|net| current.contains(net))
        .or_else(|| current.first().copied())
}

/// All addresses that the node has had.
pub(crate) fn accumulate(before: &[IpNet], current: &[IpNet]) -> Vec<IpNet> {
    sorted(before.iter().chain(current).copied().collect())
}

fn sorted(mut nets: Vec<IpNet>) -> Vec<IpNet> {
    nets.sort_by_key(|net| {
        let is_six = matches!(net.addr(), IpAddr::V6(_));
        (is_six, net.addr(), net.prefix_len())
    });
    nets.dedup();
    nets
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
        ];
        let current = current(&statuses);
        let text: Vec<_> = current.iter().map(ToString::to_string).collect();
        assert_eq!(text, ["10.0.2.15/24", "10.9.9.9/32", "fd00::5/64"]);
        assert_eq!(routed(&current).len(), 2);
    }

    #[test]
    fn the_default_address_stays_while_it_is_there() {
        let nets: Vec<IpNet> = vec![
            "10.0.0.1/24".parse().unwrap(),
            "10.0.0.2/24".parse().unwrap(),
        ];
        assert_eq!(default(&nets, Some(nets[1])), Some(nets[1]));
        assert_eq!(default(&nets, "10.9.9.9/24".parse().ok()), Some(nets[0]));
        assert_eq!(default(&[], Some(nets[0])), None);
        assert_eq!(accumulate(&nets[1..], &nets[..1]), nets);
    }
}
