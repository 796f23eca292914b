//! The whole component against the kernel and a real DHCP server, in network namespaces.
//!
//! Needs root, `ip` and `dnsmasq` (Debian's dnsmasq-base).

use std::time::{Duration, Instant};

use ichor_resource::specs::files::EtcFileSpec;
use ichor_resource::specs::network::{
    AddressSpec, AddressStatus, ConfigLayer, Dhcp4Operator, LinkSpec, LinkType, NetworkStatus,
    NodeAddress, Operator, OperatorSpec, ResolverStatus, RouteStatus, TimeServerStatus,
};
use ichor_resource::{Pointer, Resource};
use ichor_state::{MemoryState, StateExt};

use crate::dnsmasq::Dnsmasq;
use crate::support::{Cable, PATIENCE, appears, disappears, with_networkd};

const CONFIG: &str = "network-config";
const ADDRESS: &str = "client0/10.77.0.50/24";

/// A server that knows one address, and much to say beside it.
fn server(cable: &Cable) -> Dnsmasq {
    let arguments = [
        "--dhcp-authoritative",
        "--no-ping",
        "--dhcp-range=10.77.0.50,10.77.0.50,255.255.255.0,2m",
        "--dhcp-option=option:dns-server,10.77.0.3,10.77.0.4",
        "--dhcp-option=option:ntp-server,10.77.0.5",
        "--dhcp-option=option:mtu,1400",
        "--dhcp-option=option:domain-search,a.test,b.test",
        "--dhcp-option=option:classless-static-route,0.0.0.0/0,10.77.0.1,172.16.0.0/12,10.77.0.9",
        "--domain=example.test",
    ];
    let address = ["address", "add", "10.77.0.1/24", "dev", "server0"];
    cable.server.ip(&address);
    // What the client sends before is lost, and it waits seconds before it repeats itself.
    Dnsmasq::start(&cable.server, &arguments, "sockets bound")
}

fn addresses(cable: &Cable) -> String {
    cable.client.ip(&["address", "show"])
}

async fn configure(state: &MemoryState) {
    // A virtual cable is no network card, so it is not configured by default.
    let link = LinkSpec {
        name: "client0".into(),
        up: true,
        link_type: LinkType::ETHER,
        layer: ConfigLayer::Configuration,
        ..LinkSpec::default()
    };
    let link = Resource::new("configuration/client0", link).in_namespace(CONFIG);
    state.create_as(link, "").await.expect("link");
    let operator = OperatorSpec {
        operator: Operator::Dhcp4,
        link_name: "client0".into(),
        require_up: true,
        dhcp4: Some(Dhcp4Operator {
            route_metric: 1024,
            ..Dhcp4Operator::default()
        }),
        layer: ConfigLayer::Configuration,
        ..OperatorSpec::default()
    };
    let operator = Resource::new("configuration/dhcp4/client0", operator).in_namespace(CONFIG);
    state.create_as(operator, "").await.expect("operator");
}

async fn lease_arrives_and_goes(state: &MemoryState, cable: &Cable) {
    let started = Instant::now();
    configure(state).await;
    appears::<AddressStatus>(state, ADDRESS, |_| true).await;
    eprintln!("address after {:?}", started.elapsed());
    let is_emulated = std::env::var_os("ICHOR_EMULATED").is_some();
    assert!(is_emulated || started.elapsed() < Duration::from_secs(3));
    assert!(addresses(cable).contains("inet 10.77.0.50/24 brd 10.77.0.255 scope global client0"));

    appears::<AddressStatus>(state, "lo/127.0.0.1/8", |_| true).await;
    let default = "client0/inet4/10.77.0.1//1024";
    appears::<RouteStatus>(state, default, |_| true).await;
    let classless = "client0/inet4/10.77.0.9/172.16.0.0/12/1024";
    appears::<RouteStatus>(state, classless, |_| true).await;
    let node = appears::<NodeAddress>(state, "default", |_| true).await;
    assert_eq!(node.addresses, ["10.77.0.50/24".parse().unwrap()]);
    let resolvers = appears::<ResolverStatus>(state, "resolvers", |status| {
        status.dns_servers.contains(&[10, 77, 0, 3].into())
    });
    let resolvers = resolvers.await;
    assert_eq!(resolvers.dns_servers.len(), 2);
    let domains: &[String] = &resolvers.search_domains;
    assert_eq!(domains.first().map(String::as_str), Some("a.test"));
    appears::<TimeServerStatus>(state, "timeservers", |status| {
        status.time_servers == ["10.77.0.5"]
    })
    .await;
    appears::<EtcFileSpec>(state, "resolv.conf", |file| {
        file.contents
            .starts_with(b"nameserver 10.77.0.3\nnameserver 10.77.0.4\nsearch a.test b.test")
    })
    .await;
    appears::<NetworkStatus>(state, "status", |status| {
        status.address_ready && status.connectivity_ready && !status.etc_files_ready
    })
    .await;
    let links = cable.client.ip(&["link", "show", "client0"]);
    assert!(links.contains("mtu 1400"), "{links}");

    // An address that someone removes comes back.
    let address = ["address", "delete", "10.77.0.50/24", "dev", "client0"];
    cable.client.ip(&address);
    disappears_and_returns(state, cable).await;

    let operator = Pointer {
        kind: Resource::new("", OperatorSpec::default())
            .in_namespace(CONFIG)
            .metadata
            .kind
            .clone(),
        id: "configuration/dhcp4/client0".into(),
    };
    state
        .teardown_and_destroy(&operator, "")
        .await
        .expect("remove the operator");
    disappears::<AddressSpec>(state, ADDRESS).await;
    disappears::<AddressStatus>(state, ADDRESS).await;
    disappears::<RouteStatus>(state, default).await;
    assert!(!addresses(cable).contains("10.77.0.50"));
}

async fn disappears_and_returns(state: &MemoryState, cable: &Cable) {
    let deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        if addresses(cable).contains("10.77.0.50/24") {
            appears::<AddressStatus>(state, ADDRESS, |_| true).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the address does not come back");
}

#[test]
fn netns_a_lease_configures_the_node_and_its_end_undoes_that() {
    let cable = Cable::new();
    let server = server(&cable);
    let checked = &cable;
    with_networkd(&cable.client, |state| async move {
        lease_arrives_and_goes(&state, checked).await;
    });
    drop(server);
}
