//! All controllers of networkd.

mod addresses;
mod defaults;
mod etc_files;
mod links;
mod merge;
mod node_address;
mod operator;
mod routes;
mod status;
mod unreachable;

use std::sync::Arc;

use ichor_controller::{Runtime, Transform};
use ichor_resource::Resource;
use ichor_resource::specs::network::{
    AddressSpec, HardwareAddress, HostnameSpec, LinkSpec, LinkStatus, OperatorSpec, ResolverSpec,
    ResolverStatus, RouteSpec, TimeServerSpec, TimeServerStatus,
};
use ichor_state::State;

use crate::NetworkdError;
use crate::kernel::{Kernel, Netlink};
use merge::Merge;

/// Namespace of what the layers want.
const CONFIG: &str = "network-config";

pub(crate) fn runtime(state: Arc<dyn State>) -> Result<(Runtime, Netlink), NetworkdError> {
    let (kernel, netlink) = Kernel::open().map_err(NetworkdError::Netlink)?;
    let mut runtime = Runtime::new(state).with_replicas().reported_as("networkd");
    runtime
        .register(links::LinkStatusController::new(kernel.clone()))?
        .register(links::LinkSpecController::new(kernel.clone()))?
        .register(addresses::AddressStatusController::new(kernel.clone()))?
        .register(addresses::AddressSpecController::new(kernel.clone()))?
        .register(routes::RouteStatusController::new(kernel.clone()))?
        .register(routes::RouteSpecController::new(kernel))?
        .register(defaults::DefaultsController::default())?
        .register(operator::OperatorController::default())?
        .register(Merge::<LinkSpec>::new())?
        .register(Merge::<AddressSpec>::new())?
        .register(Merge::<RouteSpec>::new())?
        .register(Merge::<OperatorSpec>::new())?
        .register(Merge::<HostnameSpec>::new())?
        .register(Merge::<ResolverSpec>::new())?
        .register(Merge::<TimeServerSpec>::new())?
        .register(node_address::NodeAddressController)?
        .register(node_address::HardwareAddressController)?
        .register(etc_files::EtcFilesController)?
        .register(status::StatusController)?
        .register(unreachable::UnreachableController::new(ichor_log::notice))?
        .register_transform(Transform::new(
            "network.ResolverSpecController",
            resolver_status,
        ))?
        .register_transform(Transform::new(
            "network.TimeServerSpecController",
            time_server_status,
        ))?;
    Ok((runtime, netlink))
}

fn resolver_status(spec: &Resource<ResolverSpec>) -> Option<(String, ResolverStatus)> {
    let wanted = spec.value();
    let status = ResolverStatus {
        dns_servers: wanted.dns_servers.clone(),
        name_servers: wanted.name_servers.clone(),
        search_domains: wanted.search_domains.clone(),
    };
    Some((spec.id().to_owned(), status))
}

fn time_server_status(spec: &Resource<TimeServerSpec>) -> Option<(String, TimeServerStatus)> {
    let status = TimeServerStatus {
        time_servers: spec.value().time_servers.clone(),
        use_nts: spec.value().use_nts,
    };
    Some((spec.id().to_owned(), status))
}

/// Index of a link by its name.
fn index_of(links: &[Resource<LinkStatus>], name: &str) -> Option<u32> {
    let found = links.iter().find(|link| link.id() == name);
    found.map(|link| link.value().index)
}

/// Name of a link by its index.
fn name_of(links: &[Resource<LinkStatus>], index: u32) -> Option<String> {
    let found = links.iter().find(|link| link.value().index == index);
    found.map(|link| link.id().to_owned())
}

/// The hardware address that stands for the machine.
const FIRST_HARDWARE_ADDRESS: &str = "first";

/// Whether a link is a network card.
fn is_physical(link: &LinkStatus) -> bool {
    use ichor_resource::specs::network::LinkType;
    link.link_type == LinkType::ETHER && link.kind.is_empty()
}

/// The first hardware address, if it is known.
async fn first_hardware_address(
    cx: &ichor_controller::Ctx,
) -> Result<Option<Resource<HardwareAddress>>, ichor_controller::ReconcileError> {
    cx.get(FIRST_HARDWARE_ADDRESS).await
}
