//! IPv6 addresses and routes that the kernel makes from advertisements of a real router.
//!
//! Needs root, `ip` and `dnsmasq` (Debian's dnsmasq-base).

use std::net::{IpAddr, Ipv6Addr};
use std::sync::Arc;

use ichor_resource::Resource;
use ichor_resource::specs::network::{
    AddressFlags, AddressStatus, ConfigLayer, Family, LinkSpec, LinkType, NetworkStatus,
    NodeAddress, RouteProtocol, RouteStatus, RouteType, RoutingTable, Scope,
};
use ichor_state::{MemoryState, Query, StateExt};
use ipnet::{IpNet, Ipv6Net};

use crate::dnsmasq::Dnsmasq;
use crate::support::{Cable, Namespace, appears, disappears, with_networkd};

const PREFIX: &str = "fd77::/64";
/// Metric of what the kernel makes from an advertisement (`IP6_RT_PRIO_USER`).
const METRIC: u32 = 1024;

/// A cable whose client is set as PID 1 sets a node: it forwards, and listens to routers all the same.
fn cable() -> Cable {
    let client = Namespace::new("client");
    client.set("ipv6/conf/default/forwarding", "1");
    client.set("ipv6/conf/default/accept_ra", "2");
    let server = Namespace::new("server");
    // The router has its address also after its link was down.
    server.set("ipv6/conf/all/keep_addr_on_down", "1");
    let cable = Cable::between(client, server);
    let address = ["address", "add", "fd77::1/64", "dev", "server0", "nodad"];
    cable.server.ip(&address);
    cable
}

/// Advertises itself as a router for so many seconds, and the prefix; `lifetime` is that of addresses.
fn router(cable: &Cable, seconds: u32, lifetime: &str) -> Dnsmasq {
    let range = format!("--dhcp-range=fd77::,ra-only,64,{lifetime}");
    let router = format!("--ra-param=server0,4,{seconds}");
    let arguments = ["--enable-ra", &range, &router];
    Dnsmasq::start(&cable.server, &arguments, "router advertisement on")
}

async fn set_link(state: &MemoryState, up: bool) {
    let link = LinkSpec {
        name: "client0".into(),
        up,
        link_type: LinkType::ETHER,
        layer: ConfigLayer::Configuration,
        ..LinkSpec::default()
    };
    let link = Resource::new("configuration/client0", link).in_namespace("network-config");
    state.upsert(link, "").await.expect("link");
}

/// The address that a link gives itself, from its hardware address (RFC 4291, appendix A).
fn own_address(prefix: &str, hardware_address: [u8; 6]) -> IpNet {
    let prefix: Ipv6Net = prefix.parse().expect("a prefix");
    let mut bytes = prefix.addr().octets();
    let [a, b, c, d, e, f] = hardware_address;
    bytes[8..].copy_from_slice(&[a ^ 2, b, c, 0xff, 0xfe, d, e, f]);
    IpNet::new(Ipv6Addr::from(bytes).into(), 64).expect("64 bits")
}

fn hardware_address(namespace: &Namespace, link: &str) -> [u8; 6] {
    let shown = namespace.ip(&["-brief", "link", "show", "dev", link]);
    let address = shown.split_whitespace().nth(2).expect("three columns");
    let bytes = address.split(':');
    let bytes: Vec<u8> = bytes
        .map(|byte| u8::from_str_radix(byte, 16).expect("hexadecimal"))
        .collect();
    bytes.try_into().expect("six bytes")
}

/// What has to come from an advertisement.
struct Expected {
    address: IpNet,
    /// Id of the address.
    id: String,
    gateway: IpAddr,
    /// Id of the default route.
    route: String,
}

impl Expected {
    fn of(cable: &Cable) -> Self {
        let address = own_address(PREFIX, hardware_address(&cable.client, "client0"));
        let gateway = own_address("fe80::/64", hardware_address(&cable.server, "server0")).addr();
        Self {
            address,
            id: format!("client0/{address}"),
            gateway,
            route: format!("client0/inet6/{gateway}//{METRIC}"),
        }
    }
}

async fn addresses_of_prefix(state: &MemoryState) -> Vec<IpNet> {
    let prefix: IpNet = PREFIX.parse().expect("a prefix");
    let all = state
        .list_as::<AddressStatus>(&Query::default())
        .await
        .expect("readable");
    let all = all.iter().map(|status| status.value().address);
    all.filter(|net| prefix.contains(&net.addr())).collect()
}

async fn current_is(state: &MemoryState, wanted: &[IpNet]) {
    appears::<NodeAddress>(state, "current", |node| node.addresses == wanted).await;
}

async fn advertised(state: &MemoryState, cable: &Cable) {
    let expected = Expected::of(cable);
    let with_route = router(cable, 600, "1h");
    set_link(state, true).await;
    let works = |status: &AddressStatus| !status.flags.contains(AddressFlags::TENTATIVE);
    let address = appears::<AddressStatus>(state, &expected.id, works).await;
    assert_eq!(address.flags, AddressFlags::MNGMTMPADDR);
    assert_eq!(address.scope, Scope::GLOBAL);
    assert_eq!(address.family, Family::Inet6);
    let local = own_address("fe80::/64", hardware_address(&cable.client, "client0"));
    let local = appears::<AddressStatus>(state, &format!("client0/{local}"), |_| true).await;
    assert_eq!(local.flags, AddressFlags::PERMANENT);
    assert_eq!(local.scope, Scope::LINK);

    let route = appears::<RouteStatus>(state, &expected.route, |_| true).await;
    assert_eq!(route.gateway, Some(expected.gateway));
    assert_eq!(route.destination, None);
    assert_eq!(route.protocol, RouteProtocol::RA);
    assert_eq!(route.route_type, RouteType::UNICAST);
    assert_eq!(route.table, RoutingTable::MAIN);
    let on_link = format!("client0/inet6//{PREFIX}/256");
    appears::<RouteStatus>(state, &on_link, |_| true).await;
    current_is(state, &[expected.address]).await;
    let node = appears::<NodeAddress>(state, "default", |_| true).await;
    assert_eq!(node.addresses, [expected.address]);
    appears::<NetworkStatus>(state, "status", |status| {
        status.address_ready && status.connectivity_ready
    })
    .await;
    // No temporary address stands beside it: a node is found by one that stays.
    assert_eq!(addresses_of_prefix(state).await, [expected.address]);

    // A router that retires takes its route, not the addresses.
    drop(with_route);
    let retired = router(cable, 0, "1h");
    disappears::<RouteStatus>(state, &expected.route).await;
    appears::<NetworkStatus>(state, "status", |status| !status.connectivity_ready).await;
    current_is(state, &[expected.address]).await;
    drop(retired);

    // A prefix that is not to be used any more is still that of connections.
    let _deprecating = router(cable, 600, "deprecated");
    appears::<RouteStatus>(state, &expected.route, |_| true).await;
    appears::<AddressStatus>(state, &expected.id, |status| {
        status.flags.contains(AddressFlags::DEPRECATED)
    })
    .await;
}

#[test]
fn netns_an_advertisement_gives_an_address_and_a_route_until_the_router_retires() {
    let cable = cable();
    let checked = &cable;
    with_networkd(&cable.client, |state: Arc<MemoryState>| async move {
        advertised(&state, checked).await;
    });
}

async fn link_goes_and_comes(state: &MemoryState, cable: &Cable) {
    let expected = Expected::of(cable);
    let _router = router(cable, 600, "1h");
    set_link(state, true).await;
    current_is(state, &[expected.address]).await;
    appears::<RouteStatus>(state, &expected.route, |_| true).await;

    // Without a carrier the address stands, but nobody reaches it.
    cable.server.ip(&["link", "set", "server0", "down"]);
    current_is(state, &[]).await;
    appears::<AddressStatus>(state, &expected.id, |_| true).await;
    cable.server.ip(&["link", "set", "server0", "up"]);
    current_is(state, &[expected.address]).await;

    // A link that is set down loses what the kernel made for it.
    set_link(state, false).await;
    disappears::<AddressStatus>(state, &expected.id).await;
    disappears::<RouteStatus>(state, &expected.route).await;
    current_is(state, &[]).await;
    set_link(state, true).await;
    appears::<RouteStatus>(state, &expected.route, |_| true).await;
    current_is(state, &[expected.address]).await;
}

#[test]
fn netns_what_a_router_gave_goes_and_comes_back_with_the_link() {
    let cable = cable();
    let checked = &cable;
    with_networkd(&cable.client, |state: Arc<MemoryState>| async move {
        link_goes_and_comes(&state, checked).await;
    });
}
