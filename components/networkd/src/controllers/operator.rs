//! Runs a DHCP client for each operator, and turns leases into wanted configuration.
//!
//! Each lease stands whole in the annotations of its address: the client of a later process begins
//! with it, so that nothing of it goes while nobody has refused it.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::network::{
    AddressFlags, AddressSpec, ConfigLayer, Family, HostnameSpec, HostnameStatus, LinkFlags,
    LinkSpec, LinkStatus, LinkType, OperationalState, Operator, OperatorSpec, ResolverSpec,
    RouteProtocol, RouteSpec, RouteType, RoutingTable, Scope, TimeServerSpec,
};
use ichor_resource::{Phase, Resource};
use ipnet::{IpNet, Ipv4Net};
use tokio::time::Instant;

use super::CONFIG;
use crate::dhcp4::{Client, Granted, Lease, Settings, since_start};
use crate::plan::route_id;

/// So long routes stay without a carrier: one that goes for a moment ends no connection.
const CARRIER_GRACE: Duration = Duration::from_secs(5);

/// One client for each link; they live here and nowhere else.
#[derive(Default)]
pub(super) struct OperatorController {
    waker: Waker,
    clients: BTreeMap<String, Running>,
}

struct Running {
    client: Client,
    /// Whether the link was active when it began: otherwise its first packet may be lost.
    began_active: bool,
    /// Since when there is no carrier; kept until the link is active again.
    carrier_lost: Option<Instant>,
}

impl Running {
    fn follow(&mut self, status: &LinkStatus) {
        if !status.link_state {
            self.carrier_lost.get_or_insert_with(Instant::now);
        } else if is_active(status) && self.carrier_lost.take().is_some() {
            self.client.carrier_returned();
        }
    }

    /// For how long routes may still stand; `None` with a carrier.
    fn grace(&self, status: &LinkStatus) -> Option<Duration> {
        let lost = self.carrier_lost.filter(|_| !status.link_state)?;
        Some(CARRIER_GRACE.saturating_sub(lost.elapsed()))
    }
}

impl Controller for OperatorController {
    const NAME: &'static str = "network.OperatorSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<OperatorSpec>(),
            Input::weak::<LinkStatus>(),
            Input::weak::<HostnameStatus>().id("hostname"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::shared::<AddressSpec>().namespace(CONFIG),
            Output::shared::<LinkSpec>().namespace(CONFIG),
            Output::shared::<RouteSpec>().namespace(CONFIG),
            Output::shared::<HostnameSpec>().namespace(CONFIG),
            Output::shared::<ResolverSpec>().namespace(CONFIG),
            Output::shared::<TimeServerSpec>().namespace(CONFIG),
        ]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let specs = cx.list::<OperatorSpec>().await?;
        let wanted: BTreeMap<&str, (&OperatorSpec, &LinkStatus)> = specs
            .iter()
            .filter(|spec| spec.phase() == Phase::Running)
            .filter(|spec| spec.value().operator == Operator::Dhcp4)
            .filter_map(|spec| {
                let link = links
                    .iter()
                    .find(|link| link.id() == spec.value().link_name)?;
                Some((link.id(), (spec.value(), link.value())))
            })
            .collect();
        self.remove_ended()?;
        let is_new = |link: &&str| !self.clients.contains_key(*link);
        let earlier = match wanted.keys().any(is_new) {
            true => earlier_leases(cx).await?,
            false => BTreeMap::new(),
        };
        self.run_clients(&wanted, earlier);
        for (link, running) in &self.clients {
            if let (Some(lease), Some((spec, status))) =
                (running.client.lease(), wanted.get(link.as_str()))
            {
                let grace = running.grace(status);
                if let Some(left) = grace.filter(|left| !left.is_zero()) {
                    cx.wake_after(left);
                }
                cx.upsert_resource(address_resource(link, &lease)).await?;
                let leads_nowhere = grace.is_some_and(|left| left.is_zero());
                if !leads_nowhere {
                    write_routes(cx, link, spec, &lease.lease).await?;
                }
                write(cx, link, status.link_type, spec, &lease.lease).await?;
            }
        }
        // Last, so that no lease waits for it: a name that comes late is told with the next question.
        if !self.clients.is_empty() {
            let name = cx.get::<HostnameStatus>("hostname").await?;
            let name = name.map(|name| name.into_value().hostname);
            for Running { client, .. } in self.clients.values() {
                let lease = client.lease().map(|granted| granted.lease);
                let told = told_hostname(name.as_deref(), client.hostname(), lease.as_ref());
                client.set_hostname(told);
            }
        }
        Ok(())
    }
}

/// The node's name for the server, unless the name is the server's. One that the server was told may
/// come back with the lease and is the node's all the same.
fn told_hostname(
    name: Option<&str>,
    told: Option<String>,
    lease: Option<&Lease>,
) -> Option<String> {
    let name = name.filter(|name| !name.is_empty())?;
    let is_leased = lease
        .and_then(hostname_spec)
        .is_some_and(|leased| leased.hostname == name);
    let is_told = told.as_deref() == Some(name);
    (is_told || !is_leased).then(|| name.to_owned())
}

impl OperatorController {
    /// The next pass, after a pause, starts new ones.
    fn remove_ended(&mut self) -> Result<(), ReconcileError> {
        let before = self.clients.len();
        self.clients
            .retain(|_, running| !running.client.has_ended());
        match self.clients.len() == before {
            true => Ok(()),
            false => Err(ReconcileError::other("a DHCP client has panicked")),
        }
    }

    /// A client starts with the carrier or an earlier lease, and keeps its lease when the carrier
    /// goes for a while.
    fn run_clients(
        &mut self,
        wanted: &BTreeMap<&str, (&OperatorSpec, &LinkStatus)>,
        mut earlier: BTreeMap<String, Granted>,
    ) {
        let settings = |link: &str| {
            let (_, status) = wanted.get(link)?;
            Some(Settings {
                link_index: status.index,
                hardware_address: status.hardware_addr.0.as_slice().try_into().ok()?,
            })
        };
        self.clients.retain(|link, running| {
            let fits = settings(link).as_ref() == Some(running.client.settings());
            if !fits {
                // A lease belongs to its hardware address.
                earlier.remove(link);
            }
            fits
        });
        for (link, (_, status)) in wanted {
            let is_active = is_active(status);
            let waits_needlessly = |running: &Running| {
                is_active && !running.began_active && running.client.lease().is_none()
            };
            let known = self.clients.get(*link);
            let earlier = earlier.remove(*link);
            let may_start = status.link_state || earlier.is_some();
            if !may_start || known.is_some_and(|running| !waits_needlessly(running)) {
                continue;
            }
            if let Some(settings) = settings(link) {
                let seed = RandomState::new().build_hasher().finish();
                let running = Running {
                    client: Client::start(settings, earlier, seed, self.waker.clone()),
                    began_active: is_active,
                    carrier_lost: None,
                };
                self.clients.insert((*link).to_owned(), running);
            }
        }
        for (link, running) in &mut self.clients {
            if let Some((_, status)) = wanted.get(link.as_str()) {
                running.follow(status);
            }
        }
    }
}

/// Leases by link that an earlier process, or a client that has panicked, has left.
async fn earlier_leases(cx: &Ctx) -> Result<BTreeMap<String, Granted>, ReconcileError> {
    let now = since_start();
    let mut leases = BTreeMap::new();
    for address in cx.list_in::<AddressSpec>(CONFIG).await? {
        let is_mine = address.metadata.owner == OperatorController::NAME;
        let granted = Granted::parse(&address.metadata.annotations);
        if let Some(granted) = granted.filter(|_| is_mine)
            && granted.end().is_none_or(|end| now < end)
        {
            leases.insert(address.into_value().link_name, granted);
        }
    }
    Ok(leases)
}

/// Whether packets surely leave the link. The kernel says so up to a second after the carrier came,
/// although it sends at once when the carrier was there before the link was set up.
fn is_active(link: &LinkStatus) -> bool {
    matches!(
        link.operational_state,
        OperationalState::Up | OperationalState::Unknown
    ) && link.flags.contains(LinkFlags::RUNNING)
}

/// What a lease says beside its address and routes.
async fn write(
    cx: &Ctx,
    link: &str,
    link_type: LinkType,
    spec: &OperatorSpec,
    lease: &Lease,
) -> Result<(), ReconcileError> {
    let settings = spec.dhcp4.clone().unwrap_or_default();
    let prefix = format!("operator/dhcp4/{link}");
    if let Some(mtu) = lease.mtu {
        let wanted = LinkSpec {
            name: link.to_owned(),
            up: true,
            mtu: u32::from(mtu),
            link_type,
            layer: ConfigLayer::Operator,
            ..LinkSpec::default()
        };
        cx.upsert_in(CONFIG, prefix.clone(), wanted).await?;
    }
    if !lease.dns.is_empty() {
        let domains = lease.search.iter().chain(&lease.domain);
        let mut search_domains: Vec<String> = domains.cloned().collect();
        search_domains.dedup();
        let resolvers = ResolverSpec {
            dns_servers: lease.dns.iter().copied().map(IpAddr::V4).collect(),
            search_domains,
            layer: ConfigLayer::Operator,
            ..ResolverSpec::default()
        };
        cx.upsert_in(CONFIG, format!("{prefix}/resolvers"), resolvers)
            .await?;
    }
    if !lease.ntp.is_empty() {
        let servers = TimeServerSpec {
            time_servers: lease.ntp.iter().map(ToString::to_string).collect(),
            layer: ConfigLayer::Operator,
            ..TimeServerSpec::default()
        };
        cx.upsert_in(CONFIG, format!("{prefix}/timeservers"), servers)
            .await?;
    }
    match hostname_spec(lease).filter(|_| !settings.skip_hostname_request) {
        Some(name) => {
            cx.upsert_in(CONFIG, format!("{prefix}/hostname"), name)
                .await
        }
        None => Ok(()),
    }
}

async fn write_routes(
    cx: &Ctx,
    link: &str,
    spec: &OperatorSpec,
    lease: &Lease,
) -> Result<(), ReconcileError> {
    let settings = spec.dhcp4.clone().unwrap_or_default();
    if settings.skip_routes {
        return Ok(());
    }
    for route in route_specs(link, lease, settings.route_metric) {
        cx.upsert_in(CONFIG, format!("operator/{}", route_id(&route)), route)
            .await?;
    }
    Ok(())
}

/// The address, and the whole lease for the next process.
fn address_resource(link: &str, granted: &Granted) -> Resource<AddressSpec> {
    let spec = address_spec(link, &granted.lease);
    let id = format!("operator/{link}/{}", spec.address);
    let mut resource = Resource::new(id, spec).in_namespace(CONFIG);
    Arc::make_mut(&mut resource.metadata).annotations = granted.annotations();
    resource
}

fn address_spec(link: &str, lease: &Lease) -> AddressSpec {
    AddressSpec {
        address: IpNet::V4(lease.address),
        link_name: link.to_owned(),
        family: Family::Inet4,
        scope: Scope::GLOBAL,
        flags: AddressFlags::PERMANENT,
        announce_with_arp: false,
        priority: 0,
        layer: ConfigLayer::Operator,
    }
}

/// The routes of a lease, and routes to gateways outside the subnet.
fn route_specs(link: &str, lease: &Lease, metric: u32) -> Vec<RouteSpec> {
    let route = |to: Ipv4Net, via: Ipv4Addr| {
        let gateway = (!via.is_unspecified()).then_some(IpAddr::V4(via));
        RouteSpec {
            family: Family::Inet4,
            destination: (to.prefix_len() > 0).then_some(IpNet::V4(to)),
            source: Some(IpAddr::V4(lease.address.addr())),
            gateway,
            out_link_name: link.to_owned(),
            table: RoutingTable::MAIN,
            priority: metric,
            scope: if gateway.is_some() {
                Scope::GLOBAL
            } else {
                Scope::LINK
            },
            route_type: RouteType::UNICAST,
            protocol: RouteProtocol::DHCP,
            layer: ConfigLayer::Operator,
            ..RouteSpec::default()
        }
    };
    let mut specs = Vec::new();
    for (to, via) in &lease.routes {
        let is_outside = !via.is_unspecified() && !lease.address.contains(via);
        if is_outside {
            specs.push(route(Ipv4Net::from(*via), Ipv4Addr::UNSPECIFIED));
        }
        specs.push(route(*to, *via));
    }
    specs.dedup();
    specs
}

fn hostname_spec(lease: &Lease) -> Option<HostnameSpec> {
    let name = lease.hostname.as_deref()?;
    let (hostname, rest) = name.split_once('.').unwrap_or((name, ""));
    let domain = if rest.is_empty() {
        lease.domain.as_deref().unwrap_or_default()
    } else {
        rest
    };
    Some(HostnameSpec {
        hostname: hostname.to_owned(),
        domainname: domain.to_owned(),
        layer: ConfigLayer::Operator,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_controller::{Runtime, testing};
    use ichor_resource::specs::HardwareAddr;
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    fn lease(address: &str, routes: &[(&str, [u8; 4])]) -> Lease {
        Lease {
            address: address.parse().unwrap(),
            server: [10, 0, 2, 2].into(),
            routes: routes
                .iter()
                .map(|(to, via)| (to.parse().unwrap(), (*via).into()))
                .collect(),
            dns: Vec::new(),
            domain: Some("example.org".into()),
            search: Vec::new(),
            hostname: Some("bronze".into()),
            mtu: None,
            ntp: Vec::new(),
            duration: None,
            renew_after: Duration::ZERO,
            rebind_after: Duration::ZERO,
        }
    }

    #[test]
    fn a_gateway_outside_the_subnet_gets_a_route_of_its_own() {
        let specs = route_specs(
            "eth0",
            &lease("10.9.9.9/32", &[("0.0.0.0/0", [10, 0, 0, 1])]),
            1024,
        );
        let ids: Vec<_> = specs.iter().map(route_id).collect();
        assert_eq!(
            ids,
            ["eth0/inet4//10.0.0.1/32/1024", "eth0/inet4/10.0.0.1//1024"]
        );
        assert_eq!(specs[0].scope, Scope::LINK);
        let specs = route_specs(
            "eth0",
            &lease("10.0.0.9/24", &[("0.0.0.0/0", [10, 0, 0, 1])]),
            1024,
        );
        assert_eq!(specs.len(), 1);
    }

    #[test]
    fn the_server_is_told_the_name_unless_it_gave_it() {
        let lease = lease("10.0.0.9/24", &[]);
        let iron = Some("iron".to_owned());
        let bronze = Some("bronze".to_owned());
        assert_eq!(told_hostname(Some("iron"), None, None), iron);
        assert_eq!(told_hostname(Some("iron"), None, Some(&lease)), iron);
        assert_eq!(told_hostname(Some("bronze"), None, Some(&lease)), None);
        let told = bronze.clone();
        assert_eq!(told_hostname(Some("bronze"), told, Some(&lease)), bronze);
        assert_eq!(told_hostname(None, bronze, Some(&lease)), None);
    }

    #[test]
    fn a_short_name_takes_the_domain_of_the_lease() {
        let spec = hostname_spec(&lease("10.0.0.9/24", &[])).unwrap();
        assert_eq!(
            (spec.hostname.as_str(), spec.domainname.as_str()),
            ("bronze", "example.org")
        );
    }

    /// A link that is not there, so that no server ever answers.
    const NO_LINK: u32 = 1_000_000;

    /// A state as an earlier process has left it, and the controller over it.
    async fn after_restart(granted: &Granted) -> (Arc<MemoryState>, CancellationToken) {
        let state = Arc::new(MemoryState::new());
        let link = LinkStatus {
            index: NO_LINK,
            hardware_addr: HardwareAddr(vec![2, 0, 0, 0, 0, 1]),
            link_state: true,
            flags: LinkFlags::RUNNING,
            operational_state: OperationalState::Up,
            ..LinkStatus::default()
        };
        let operator = OperatorSpec {
            operator: Operator::Dhcp4,
            link_name: "eth0".into(),
            ..OperatorSpec::default()
        };
        let link = Resource::new("eth0", link);
        state.create_as(link, "test").await.unwrap();
        let operator = Resource::new("dhcp4/eth0", operator);
        state.create_as(operator, "test").await.unwrap();
        let owner = OperatorController::NAME;
        let address = address_resource("eth0", granted);
        state.create_as(address, owner).await.unwrap();
        for route in route_specs("eth0", &granted.lease, 0) {
            let route = Resource::new(format!("operator/{}", route_id(&route)), route);
            let route = route.in_namespace(CONFIG);
            state.create_as(route, owner).await.unwrap();
        }
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime.register(OperatorController::default()).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runtime.run(stop.clone()));
        (state, stop)
    }

    async fn left(state: &MemoryState) -> (usize, usize) {
        let all = ichor_state::Query::default();
        let addresses = state.list_in::<AddressSpec>(CONFIG, &all).await.unwrap();
        let routes = state.list_in::<RouteSpec>(CONFIG, &all).await.unwrap();
        (addresses.len(), routes.len())
    }

    fn granted(duration: Option<Duration>) -> Granted {
        let mut lease = lease("10.0.0.9/24", &[("0.0.0.0/0", [10, 0, 0, 1])]);
        lease.duration = duration;
        let at = Duration::ZERO;
        Granted { lease, at }
    }

    #[tokio::test(start_paused = true)]
    async fn the_lease_of_an_earlier_process_stays_although_no_server_answers() {
        let (state, stop) = after_restart(&granted(None)).await;
        tokio::time::sleep(Duration::from_secs(600)).await;
        assert_eq!(left(&state).await, (1, 1));
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn routes_go_without_carrier_after_a_while_and_come_back_with_it() {
        let (state, stop) = after_restart(&granted(None)).await;
        testing::tick().await;
        let set = async |carrier| {
            let mut link = state.find::<LinkStatus>("eth0").await.unwrap().unwrap();
            link.value_mut().link_state = carrier;
            let link = Resource::new("eth0", link.into_value());
            state.upsert(link, "test").await.unwrap();
        };
        set(false).await;
        tokio::time::sleep(Duration::from_secs(4)).await;
        assert_eq!(left(&state).await, (1, 1));
        tokio::time::sleep(Duration::from_secs(2)).await;
        assert_eq!(left(&state).await, (1, 0));
        set(true).await;
        testing::tick().await;
        assert_eq!(left(&state).await, (1, 1));
        stop.cancel();
    }

    #[tokio::test(start_paused = true)]
    async fn a_lease_that_ended_meanwhile_goes() {
        let (state, stop) = after_restart(&granted(Some(Duration::ZERO))).await;
        testing::tick().await;
        assert_eq!(left(&state).await, (0, 0));
        stop.cancel();
    }
}
