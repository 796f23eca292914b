//! What a node without configuration wants: loopback, all network cards up with DHCPv4, a name,
//! public resolvers and a time server until something better is known.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::Resource;
use ichor_resource::specs::network::{
    AddressFlags, AddressSpec, ConfigLayer, Dhcp4Operator, Family, HardwareAddress, HostnameSpec,
    LinkSpec, LinkStatus, LinkType, Operator, OperatorSpec, ResolverSpec, Scope, TimeServerSpec,
};
use ipnet::{IpNet, Ipv4Net};
use std::net::Ipv4Addr;

use super::{CONFIG, first_hardware_address, is_physical};
use crate::plan::stable_hostname;

/// Metric of routes from DHCP: other routes are better by default.
const DHCP_ROUTE_METRIC: u32 = 1024;
/// Id of the default name.
const HOSTNAME: &str = "default/hostname";

#[derive(Default)]
pub(super) struct DefaultsController {
    /// The name that the node has got; it stays when the card that it comes from goes.
    hostname: Option<HostnameSpec>,
}

impl Controller for DefaultsController {
    const NAME: &'static str = "network.DefaultConfigController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<LinkStatus>(),
            Input::weak::<HardwareAddress>().id(super::FIRST_HARDWARE_ADDRESS),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![
            Output::shared::<LinkSpec>().namespace(CONFIG),
            Output::shared::<AddressSpec>().namespace(CONFIG),
            Output::shared::<OperatorSpec>().namespace(CONFIG),
            Output::shared::<HostnameSpec>().namespace(CONFIG),
            Output::shared::<ResolverSpec>().namespace(CONFIG),
            Output::shared::<TimeServerSpec>().namespace(CONFIG),
        ]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for link in cx.list::<LinkStatus>().await? {
            let (name, status) = (link.id(), link.value());
            if status.link_type == LinkType::LOOPBACK {
                loopback(cx, name).await?;
            } else if is_physical(status) {
                up(cx, name, status.link_type).await?;
                dhcp(cx, name).await?;
            }
        }
        let resolvers = ResolverSpec {
            dns_servers: vec![[1, 1, 1, 1].into(), [8, 8, 8, 8].into()],
            ..ResolverSpec::default()
        };
        cx.upsert_in(CONFIG, "default/resolvers", resolvers).await?;
        let servers = TimeServerSpec {
            time_servers: vec!["time.cloudflare.com".into()],
            ..TimeServerSpec::default()
        };
        cx.upsert_in(CONFIG, "default/timeservers", servers).await?;
        self.hostname(cx).await
    }
}

impl DefaultsController {
    /// One name for each boot: also for a process that was started again, and finds other cards.
    async fn hostname(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        if self.hostname.is_none() {
            let earlier = cx.get_in::<HostnameSpec>(CONFIG, HOSTNAME).await?;
            self.hostname = match earlier {
                Some(earlier) => Some(earlier.into_value()),
                None => first_hardware_address(cx).await?.map(hostname_of),
            };
        }
        match &self.hostname {
            Some(spec) => cx.upsert_in(CONFIG, HOSTNAME, spec.clone()).await,
            None => Ok(()),
        }
    }
}

async fn loopback(cx: &Ctx, name: &str) -> Result<(), ReconcileError> {
    up(cx, name, LinkType::LOOPBACK).await?;
    let net = Ipv4Net::new_assert(Ipv4Addr::LOCALHOST, 8);
    let address = AddressSpec {
        address: IpNet::V4(net),
        link_name: name.to_owned(),
        family: Family::Inet4,
        scope: Scope::HOST,
        flags: AddressFlags::PERMANENT,
        announce_with_arp: false,
        priority: 0,
        layer: ConfigLayer::Default,
    };
    cx.upsert_in(CONFIG, format!("default/{name}/{net}"), address)
        .await
}

async fn up(cx: &Ctx, name: &str, link_type: LinkType) -> Result<(), ReconcileError> {
    let link = LinkSpec {
        name: name.to_owned(),
        up: true,
        link_type,
        layer: ConfigLayer::Default,
        ..LinkSpec::default()
    };
    cx.upsert_in(CONFIG, format!("default/{name}"), link).await
}

async fn dhcp(cx: &Ctx, name: &str) -> Result<(), ReconcileError> {
    let operator = OperatorSpec {
        operator: Operator::Dhcp4,
        link_name: name.to_owned(),
        require_up: true,
        dhcp4: Some(Dhcp4Operator {
            route_metric: DHCP_ROUTE_METRIC,
            ..Dhcp4Operator::default()
        }),
        layer: ConfigLayer::Default,
        ..OperatorSpec::default()
    };
    cx.upsert_in(CONFIG, format!("default/dhcp4/{name}"), operator)
        .await
}

fn hostname_of(card: Resource<HardwareAddress>) -> HostnameSpec {
    HostnameSpec {
        hostname: stable_hostname(&card.value().hardware_addr.0),
        layer: ConfigLayer::Default,
        ..HostnameSpec::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_controller::{Runtime, testing};
    use ichor_resource::Spec;
    use ichor_resource::specs::HardwareAddr;
    use ichor_state::{MemoryState, State, StateExt};
    use std::sync::Arc;
    use tokio_util::sync::CancellationToken;

    fn start(state: &Arc<MemoryState>) -> CancellationToken {
        let mut runtime = Runtime::new(Arc::clone(state) as Arc<dyn State>);
        runtime.register(DefaultsController::default()).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runtime.run(stop.clone()));
        stop
    }

    async fn first_card(state: &MemoryState, last_byte: u8) {
        let card = HardwareAddress {
            name: "eth0".into(),
            hardware_addr: HardwareAddr(vec![2, 0, 0, 0, 0, last_byte]),
        };
        let card = Resource::new(super::super::FIRST_HARDWARE_ADDRESS, card);
        state.upsert(card, "test").await.unwrap();
    }

    async fn name(state: &MemoryState) -> Option<String> {
        testing::tick().await;
        let all = ichor_state::Query::default();
        let found = state.list_in::<HostnameSpec>(CONFIG, &all).await.unwrap();
        found.first().map(|spec| spec.value().hostname.clone())
    }

    #[tokio::test(start_paused = true)]
    async fn the_name_stays_when_the_card_that_gave_it_goes() {
        let state = Arc::new(MemoryState::new());
        let stop = start(&state);
        assert_eq!(name(&state).await, None);
        first_card(&state, 1).await;
        let given = Some(stable_hostname(&[2, 0, 0, 0, 0, 1]));
        assert_eq!(name(&state).await, given);
        first_card(&state, 2).await;
        assert_eq!(name(&state).await, given);
        let pointer = HardwareAddress::pointer(super::super::FIRST_HARDWARE_ADDRESS);
        state.destroy(&pointer, "test").await.unwrap();
        assert_eq!(name(&state).await, given);

        // Nor does a process that is started again give another one.
        stop.cancel();
        testing::tick().await;
        first_card(&state, 3).await;
        let stop = start(&state);
        assert_eq!(name(&state).await, given);
        stop.cancel();
    }
}
