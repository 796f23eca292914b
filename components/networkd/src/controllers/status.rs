//! How far the network is ready.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::files::EtcFileStatus;
use ichor_resource::specs::network::{
    HostnameStatus, NetworkStatus, NodeAddress, RouteStatus, RouteType, RoutingTable,
};

pub(super) struct StatusController;

impl Controller for StatusController {
    const NAME: &'static str = "network.StatusController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<NodeAddress>().id("current"),
            Input::weak::<RouteStatus>(),
            Input::weak::<HostnameStatus>().id("hostname"),
            Input::weak::<EtcFileStatus>(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<NetworkStatus>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let addresses = cx.get::<NodeAddress>("current").await?;
        let routes = cx.list::<RouteStatus>().await?;
        let files = cx.list::<EtcFileStatus>().await?;
        let written = |name| files.iter().any(|file| file.id() == name);
        let status = NetworkStatus {
            address_ready: addresses.is_some_and(|all| !all.value().addresses.is_empty()),
            connectivity_ready: routes.iter().any(|route| is_default(route.value())),
            hostname_ready: cx.get::<HostnameStatus>("hostname").await?.is_some(),
            etc_files_ready: written("hosts") && written("resolv.conf"),
        };
        cx.upsert("status", status).await
    }
}

fn is_default(route: &RouteStatus) -> bool {
    route.destination.is_none_or(|net| net.prefix_len() == 0)
        && (route.gateway.is_some() || route.next_hops.iter().any(|hop| hop.gateway.is_some()))
        && route.table == RoutingTable::MAIN
        && route.route_type == RouteType::UNICAST
}

#[cfg(test)]
mod tests {
    use super::*;
    use ichor_resource::specs::network::RouteNextHop;

    #[test]
    fn a_default_route_has_a_gateway_or_several() {
        let route = |gateway: Option<[u8; 4]>, hops: &[[u8; 4]]| RouteStatus {
            gateway: gateway.map(Into::into),
            table: RoutingTable::MAIN,
            route_type: RouteType::UNICAST,
            next_hops: hops
                .iter()
                .map(|hop| RouteNextHop {
                    gateway: Some((*hop).into()),
                    ..RouteNextHop::default()
                })
                .collect(),
            ..RouteStatus::default()
        };
        assert!(is_default(&route(Some([10, 0, 0, 1]), &[])));
        assert!(is_default(&route(None, &[[10, 0, 0, 1], [10, 0, 1, 1]])));
        assert!(!is_default(&route(None, &[])));
    }
}
