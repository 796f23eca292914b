//! Which addresses and which hardware address stand for the node.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::network::{
    AddressSortAlgorithm, AddressStatus, HardwareAddress, LinkStatus, NodeAddress,
};
use ipnet::IpNet;

use super::{FIRST_HARDWARE_ADDRESS, is_physical};
use crate::plan::{accumulate, carries, current, default};

pub(super) struct NodeAddressController;

impl Controller for NodeAddressController {
    const NAME: &'static str = "network.NodeAddressController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<AddressStatus>(), Input::weak::<LinkStatus>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<NodeAddress>().kept()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let statuses = cx.list::<AddressStatus>().await?;
        let links = cx.list::<LinkStatus>().await?;
        let carrying = |name: &str| {
            links
                .iter()
                .any(|link| link.id() == name && carries(link.value()))
        };
        let mut statuses: Vec<_> = statuses.into_iter().map(|each| each.into_value()).collect();
        statuses.retain(|status| carrying(&status.link_name));
        let current = current(&statuses);
        let before = known(cx, "default").await?.first().copied();
        if let Some(address) = default(&statuses, before) {
            write(cx, "default", vec![address]).await?;
        }
        let all = accumulate(&known(cx, "accumulative").await?, &current);
        write(cx, "accumulative", all).await?;
        // Addresses of single hosts are routed too.
        write(cx, "routed", current.clone()).await?;
        write(cx, "current", current).await
    }
}

async fn known(cx: &Ctx, id: &str) -> Result<Vec<IpNet>, ReconcileError> {
    let found = cx.get::<NodeAddress>(id).await?;
    Ok(found.map_or_else(Vec::new, |known| known.into_value().addresses))
}

async fn write(cx: &Ctx, id: &str, addresses: Vec<IpNet>) -> Result<(), ReconcileError> {
    let value = NodeAddress {
        addresses,
        sort_algorithm: AddressSortAlgorithm::V1,
    };
    cx.upsert(id, value).await
}

pub(super) struct HardwareAddressController;

impl Controller for HardwareAddressController {
    const NAME: &'static str = "network.HardwareAddrController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<LinkStatus>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<HardwareAddress>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let mut cards: Vec<_> = links
            .iter()
            .filter(|link| is_physical(link.value()))
            .collect();
        cards.sort_by_key(|link| link.value().index);
        let Some(first) = cards.first() else {
            return Ok(());
        };
        let permanent = &first.value().permanent_addr;
        let address = if permanent.0.is_empty() {
            &first.value().hardware_addr
        } else {
            permanent
        };
        let value = HardwareAddress {
            name: first.id().to_owned(),
            hardware_addr: address.clone(),
        };
        cx.upsert(FIRST_HARDWARE_ADDRESS, value).await
    }
}
