//! Which addresses and which hardware address stand for the node.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::Resource;
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
        // First the others, so that a card with the name of that id does not take its place.
        for card in &cards {
            cx.upsert(card.id(), hardware_address(card)).await?;
        }
        match cards.first() {
            Some(first) => {
                cx.upsert(FIRST_HARDWARE_ADDRESS, hardware_address(first))
                    .await
            }
            None => Ok(()),
        }
    }
}

/// The address that the card was made with, if it tells that one.
fn hardware_address(card: &Resource<LinkStatus>) -> HardwareAddress {
    let status = card.value();
    let address = match status.permanent_addr.0.is_empty() {
        true => &status.hardware_addr,
        false => &status.permanent_addr,
    };
    HardwareAddress {
        name: card.id().to_owned(),
        hardware_addr: address.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use ichor_controller::{Runtime, testing};
    use ichor_resource::Spec;
    use ichor_resource::specs::HardwareAddr;
    use ichor_resource::specs::network::LinkType;
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    fn card(index: u32, permanent: &[u8], current: &[u8]) -> LinkStatus {
        LinkStatus {
            index,
            link_type: LinkType::ETHER,
            permanent_addr: HardwareAddr(permanent.to_vec()),
            hardware_addr: HardwareAddr(current.to_vec()),
            ..LinkStatus::default()
        }
    }

    #[tokio::test(start_paused = true)]
    async fn each_network_card_has_an_address_and_the_first_has_another_id() {
        let state = Arc::new(MemoryState::new());
        let bridge = LinkStatus {
            kind: "bridge".into(),
            ..card(1, &[], &[9; 6])
        };
        let links = [
            ("br0", bridge),
            ("eth0", card(7, &[1; 6], &[8; 6])),
            ("eth1", card(3, &[], &[2; 6])),
        ];
        for (name, link) in links {
            state
                .create_as(Resource::new(name, link), "")
                .await
                .unwrap();
        }
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        runtime.register(HardwareAddressController).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runtime.run(stop.clone()));
        let addresses = async || {
            testing::tick().await;
            let all = ichor_state::Query::default();
            let found = state.list_as::<HardwareAddress>(&all).await.unwrap();
            let text = |each: &Resource<HardwareAddress>| {
                let HardwareAddress {
                    name,
                    hardware_addr,
                } = each.value();
                format!("{} {name} {}", each.id(), hardware_addr.0[0])
            };
            found.iter().map(text).collect::<Vec<_>>()
        };
        assert_eq!(
            addresses().await,
            ["eth0 eth0 1", "eth1 eth1 2", "first eth1 2"]
        );
        let pointer = LinkStatus::pointer("eth1");
        state.destroy(&pointer, "").await.unwrap();
        assert_eq!(addresses().await, ["eth0 eth0 1", "first eth0 1"]);
        stop.cancel();
    }
}
