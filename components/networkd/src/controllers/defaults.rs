//! What a node without configuration wants: loopback, all network cards up with DHCPv4, a name,
//! public resolvers and a time server until something better is known.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
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

pub(super) struct DefaultsController;

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
        hostname(cx).await
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

async fn hostname(cx: &Ctx) -> Result<(), ReconcileError> {
    let Some(address) = first_hardware_address(cx).await? else {
        return Ok(());
    };
    let spec = HostnameSpec {
        hostname: stable_hostname(&address.value().hardware_addr.0),
        layer: ConfigLayer::Default,
        ..HostnameSpec::default()
    };
    cx.upsert_in(CONFIG, "default/hostname", spec).await
}
