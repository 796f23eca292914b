//! Tells clients by an event when the addresses or the name of the node change.

use ichor_api::machine::AddressEvent;
use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::specs::network::{HostnameStatus, NodeAddress};

use crate::events::Events;

pub(crate) struct AddressEventController {
    events: Events,
    last: Option<AddressEvent>,
}

impl AddressEventController {
    pub(crate) fn new(events: Events) -> Self {
        Self { events, last: None }
    }
}

impl Controller for AddressEventController {
    const NAME: &'static str = "network.AddressEventController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<NodeAddress>().id("current"),
            Input::weak::<HostnameStatus>().id("hostname"),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        // Nobody has looked at the addresses yet.
        let Some(addresses) = cx.get::<NodeAddress>("current").await? else {
            return Ok(());
        };
        let name = cx.get::<HostnameStatus>("hostname").await?;
        let addresses = addresses.value().addresses.iter();
        let event = AddressEvent {
            hostname: name.map_or_else(String::new, |name| name.into_value().hostname),
            addresses: addresses.map(|net| net.addr().to_string()).collect(),
        };
        if self.last.as_ref() != Some(&event) {
            self.events.publish("AddressEvent", &event);
            self.last = Some(event);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use ichor_controller::{Runtime, testing};
    use ichor_resource::Resource;
    use ichor_resource::specs::network::AddressSortAlgorithm;
    use ichor_state::{MemoryState, State, StateExt};
    use prost::Message;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::events::Tail;

    async fn addresses(state: &MemoryState, texts: &[&str]) {
        let value = NodeAddress {
            addresses: texts.iter().map(|text| text.parse().unwrap()).collect(),
            sort_algorithm: AddressSortAlgorithm::V1,
        };
        let resource = Resource::new("current", value);
        state.upsert(resource, "test").await.unwrap();
        testing::tick().await;
    }

    async fn name(state: &MemoryState, hostname: &str, domainname: &str) {
        let value = HostnameStatus {
            hostname: hostname.into(),
            domainname: domainname.into(),
        };
        let resource = Resource::new("hostname", value);
        state.upsert(resource, "test").await.unwrap();
        testing::tick().await;
    }

    #[tokio::test(start_paused = true)]
    async fn each_change_of_addresses_and_of_the_name_is_one_event() {
        let state = Arc::new(MemoryState::new());
        let events = Events::new();
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        let controller = AddressEventController::new(events.clone());
        runtime.register(controller).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(runtime.run(stop.clone()));
        name(&state, "bronze", "").await;
        addresses(&state, &[]).await;
        addresses(&state, &["10.0.2.15/24", "fd00::5/64"]).await;
        name(&state, "iron", "").await;
        // Neither a prefix nor a domain is in the event.
        addresses(&state, &["10.0.2.15/16", "fd00::5/64"]).await;
        name(&state, "iron", "example.org").await;
        addresses(&state, &["fd00::5/64"]).await;
        stop.cancel();
        task.await.unwrap();
        let (all, _) = events.read(events.start(&Tail::All));
        let all: Vec<_> = all
            .iter()
            .map(|event| {
                let data = event.data.as_ref().unwrap();
                assert_eq!(data.type_url, "talos/runtime/machine.AddressEvent");
                let event = AddressEvent::decode(data.value.as_slice()).unwrap();
                format!("{} {}", event.hostname, event.addresses.join(" "))
            })
            .collect();
        let expected = [
            "bronze ",
            "bronze 10.0.2.15 fd00::5",
            "iron 10.0.2.15 fd00::5",
            "iron fd00::5",
        ];
        assert_eq!(all, expected);
    }
}
