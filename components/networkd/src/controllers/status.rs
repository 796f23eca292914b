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
        && route.gateway.is_some()
        && route.table == RoutingTable::MAIN
        && route.route_type == RouteType::UNICAST
}
