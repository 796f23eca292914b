//! The whole component against the kernel and a real DHCP server, in network namespaces.
//!
//! Needs root, `ip` and `dnsmasq` (Debian's dnsmasq-base).

use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use ichor_networkd::run;
use ichor_resource::specs::files::EtcFileSpec;
use ichor_resource::specs::network::{
    AddressSpec, AddressStatus, ConfigLayer, Dhcp4Operator, LinkSpec, LinkType, NetworkStatus,
    NodeAddress, Operator, OperatorSpec, ResolverStatus, RouteStatus, TimeServerStatus,
};
use ichor_resource::{Pointer, Resource, Spec};
use ichor_state::{MemoryState, RemoteState, StateExt, StateServer};
use tokio_util::sync::CancellationToken;

const CONFIG: &str = "network-config";
const ADDRESS: &str = "client0/10.77.0.50/24";

/// Two namespaces with a cable between them; gone when dropped.
struct Cable {
    client: String,
    server: String,
}

impl Cable {
    fn new() -> Self {
        let names = ["client", "server"].map(|end| format!("ichor-{end}-{}", std::process::id()));
        let [client, server] = names;
        let cable = Self { client, server };
        let (client, server) = (cable.client.as_str(), cable.server.as_str());
        ip(&["netns", "add", client]);
        ip(&["netns", "add", server]);
        let pair = ["type", "veth", "peer", "name", "server0", "netns", server];
        ip(&[&["-n", client, "link", "add", "client0"], pair.as_slice()].concat());
        ip(&[
            "-n",
            server,
            "address",
            "add",
            "10.77.0.1/24",
            "dev",
            "server0",
        ]);
        ip(&["-n", server, "link", "set", "server0", "up"]);
        cable
    }

    fn addresses(&self) -> String {
        ip(&["-n", &self.client, "address", "show"])
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        for name in [&self.client, &self.server] {
            drop(Command::new("ip").args(["netns", "delete", name]).status());
        }
    }
}

struct Server(Child);

impl Server {
    fn start(cable: &Cable) -> Self {
        let arguments = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--port=0",
            "--interface=server0",
            "--bind-interfaces",
            "--no-ping",
            "--dhcp-authoritative",
            "--leasefile-ro",
            "--pid-file",
            "--user=root",
            "--dhcp-range=10.77.0.50,10.77.0.50,255.255.255.0,2m",
            "--dhcp-option=option:dns-server,10.77.0.3,10.77.0.4",
            "--dhcp-option=option:ntp-server,10.77.0.5",
            "--dhcp-option=option:mtu,1400",
            "--dhcp-option=option:domain-search,a.test,b.test",
            "--dhcp-option=option:classless-static-route,0.0.0.0/0,10.77.0.1,172.16.0.0/12,10.77.0.9",
            "--domain=example.test",
        ];
        let child = Command::new("ip")
            .args(["netns", "exec", &cable.server, "dnsmasq"])
            .args(arguments)
            .stdin(Stdio::null())
            .spawn()
            .expect("start dnsmasq");
        Self(child)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

fn ip(arguments: &[&str]) -> String {
    let output = Command::new("ip").args(arguments).output().expect("run ip");
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "ip {arguments:?}: {error}");
    String::from_utf8(output.stdout).expect("ip prints text")
}

fn pointer<S: Spec>(id: &str) -> Pointer {
    Pointer {
        kind: S::kind(),
        id: id.to_owned(),
    }
}

async fn appears<S: Spec>(
    state: &MemoryState,
    id: &str,
    wanted: impl FnMut(&S) -> bool + Send,
) -> S {
    let found = tokio::time::timeout(Duration::from_secs(20), state.wait_for_as::<S>(id, wanted));
    let found = found
        .await
        .unwrap_or_else(|_| panic!("{} {id} does not come", S::TYPE));
    found.expect("readable").into_value()
}

async fn disappears<S: Spec>(state: &MemoryState, id: &str) {
    let pointer = pointer::<S>(id);
    let gone = state.wait_for(&pointer, |any| any.is_none());
    let gone = tokio::time::timeout(Duration::from_secs(20), gone).await;
    gone.unwrap_or_else(|_| panic!("{pointer} stays"))
        .expect("readable");
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
    assert!(started.elapsed() < Duration::from_secs(3));
    assert!(
        cable
            .addresses()
            .contains("inet 10.77.0.50/24 brd 10.77.0.255 scope global client0")
    );

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
    let links = ip(&["-n", &cable.client, "link", "show", "client0"]);
    assert!(links.contains("mtu 1400"), "{links}");

    // An address that someone removes comes back.
    ip(&[
        "-n",
        &cable.client,
        "address",
        "delete",
        "10.77.0.50/24",
        "dev",
        "client0",
    ]);
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
    assert!(!cable.addresses().contains("10.77.0.50"));
}

async fn disappears_and_returns(state: &MemoryState, cable: &Cable) {
    for _ in 0..200 {
        if cable.addresses().contains("10.77.0.50/24") {
            appears::<AddressStatus>(state, ADDRESS, |_| true).await;
            return;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    panic!("the address does not come back");
}

fn socket() -> PathBuf {
    std::env::temp_dir().join(format!("ichor-state-{}.sock", std::process::id()))
}

/// The state as the component sees it on a node: over gRPC on a unix socket.
fn served(state: Arc<MemoryState>) -> RemoteState {
    let path = socket();
    drop(std::fs::remove_file(&path));
    let listener = tokio::net::UnixListener::bind(&path).expect("listen");
    let incoming = tokio_stream::wrappers::UnixListenerStream::new(listener);
    let service = StateServer::new(state).into_service();
    let router = tonic::transport::Server::builder().add_service(service);
    // Ends with the runtime.
    tokio::spawn(router.serve_with_incoming(incoming));
    RemoteState::unix(path)
}

#[test]
fn netns_a_lease_configures_the_node_and_its_end_undoes_that() {
    let cable = Cable::new();
    let server = Server::start(&cable);
    std::thread::sleep(Duration::from_millis(300));
    let namespace = File::open(format!("/run/netns/{}", cable.client)).expect("namespace");
    // setns(2) moves one thread: the component runs on one, with all its tasks.
    let inside = std::thread::spawn(move || {
        let kind = Some(rustix::thread::LinkNameSpaceType::Network);
        rustix::thread::move_into_link_name_space(std::os::fd::AsFd::as_fd(&namespace), kind)
            .expect("enter the namespace");
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        runtime.expect("runtime").block_on(async move {
            let state = Arc::new(MemoryState::new());
            let shutdown = CancellationToken::new();
            let remote = served(Arc::clone(&state));
            let running = run(Arc::new(remote), shutdown.clone());
            let checked = async {
                lease_arrives_and_goes(&state, &cable).await;
                shutdown.cancel();
            };
            let (ran, ()) = tokio::join!(running, checked);
            ran.expect("networkd");
        });
    });
    let outcome = inside.join();
    drop(server);
    drop(std::fs::remove_file(socket()));
    if let Err(panic) = outcome {
        std::panic::resume_unwind(panic);
    }
}
