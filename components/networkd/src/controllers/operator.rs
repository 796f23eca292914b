//! Runs a DHCP client for each operator, and turns leases into wanted configuration.

use std::collections::BTreeMap;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::net::{IpAddr, Ipv4Addr};

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::Phase;
use ichor_resource::specs::network::{
    AddressFlags, AddressSpec, ConfigLayer, Family, HostnameSpec, LinkFlags, LinkSpec, LinkStatus,
    LinkType, OperationalState, Operator, OperatorSpec, ResolverSpec, RouteProtocol, RouteSpec,
    RouteType, RoutingTable, Scope, TimeServerSpec,
};
use ipnet::{IpNet, Ipv4Net};

use super::CONFIG;
use crate::dhcp4::{Client, Lease, Settings};
use crate::plan::route_id;

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
}

impl Controller for OperatorController {
    const NAME: &'static str = "network.OperatorSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<OperatorSpec>(), Input::weak::<LinkStatus>()]
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
        self.run_clients(&wanted);
        for (link, running) in &self.clients {
            if let (Some(lease), Some((spec, status))) =
                (running.client.lease(), wanted.get(link.as_str()))
            {
                write(cx, link, status.link_type, spec, &lease).await?;
            }
        }
        Ok(())
    }
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

    /// A client starts with the carrier and keeps its lease when the carrier goes for a while.
    fn run_clients(&mut self, wanted: &BTreeMap<&str, (&OperatorSpec, &LinkStatus)>) {
        let settings = |link: &str| {
            let (_, status) = wanted.get(link)?;
            Some(Settings {
                link_index: status.index,
                hardware_address: status.hardware_addr.0.as_slice().try_into().ok()?,
            })
        };
        self.clients
            .retain(|link, running| settings(link).as_ref() == Some(running.client.settings()));
        for (link, (_, status)) in wanted {
            let is_active = is_active(status);
            let waits_needlessly = |running: &Running| {
                is_active && !running.began_active && running.client.lease().is_none()
            };
            let known = self.clients.get(*link);
            if !status.link_state || known.is_some_and(|running| !waits_needlessly(running)) {
                continue;
            }
            if let Some(settings) = settings(link) {
                let seed = RandomState::new().build_hasher().finish();
                let running = Running {
                    client: Client::start(settings, seed, self.waker.clone()),
                    began_active: is_active,
                };
                self.clients.insert((*link).to_owned(), running);
            }
        }
    }
}

/// Whether packets surely leave the link. The kernel says so up to a second after the carrier came,
/// although it sends at once when the carrier was there before the link was set up.
fn is_active(link: &LinkStatus) -> bool {
    matches!(
        link.operational_state,
        OperationalState::Up | OperationalState::Unknown
    ) && link.flags.contains(LinkFlags::RUNNING)
}

async fn write(
    cx: &Ctx,
    link: &str,
    link_type: LinkType,
    spec: &OperatorSpec,
    lease: &Lease,
) -> Result<(), ReconcileError> {
    let settings = spec.dhcp4.clone().unwrap_or_default();
    let prefix = format!("operator/dhcp4/{link}");
    let address = address_spec(link, lease);
    let id = format!("operator/{link}/{}", address.address);
    cx.upsert_in(CONFIG, id, address).await?;
    if !settings.skip_routes {
        for route in route_specs(link, lease, settings.route_metric) {
            cx.upsert_in(CONFIG, format!("operator/{}", route_id(&route)), route)
                .await?;
        }
    }
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
    use std::time::Duration;

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
    fn a_short_name_takes_the_domain_of_the_lease() {
        let spec = hostname_spec(&lease("10.0.0.9/24", &[])).unwrap();
        assert_eq!(
            (spec.hostname.as_str(), spec.domainname.as_str()),
            ("bronze", "example.org")
        );
    }
}
