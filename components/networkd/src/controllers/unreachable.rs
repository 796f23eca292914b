//! Says on the console why the machine has no address, to whoever stands in front of it.

use std::time::Duration;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::Resource;
use ichor_resource::specs::network::{LinkStatus, NodeAddress};
use tokio::time::Instant;

use super::is_physical;
use crate::plan::carries;

/// A reason has to last: links come up one after the other, and servers take their time.
const PATIENCE: Duration = Duration::from_secs(10);

pub(super) struct UnreachableController<T> {
    tell: T,
    reason: Option<Reason>,
}

struct Reason {
    text: String,
    since: Instant,
    told: bool,
}

impl<T> UnreachableController<T> {
    pub(super) fn new(tell: T) -> Self {
        Self { tell, reason: None }
    }
}

impl<T: Fn(&str) + Send + Sync + 'static> Controller for UnreachableController<T> {
    const NAME: &'static str = "network.UnreachableController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<LinkStatus>(), Input::weak::<NodeAddress>()]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let current = cx.get::<NodeAddress>("current").await?;
        if current.is_some_and(|current| !current.value().addresses.is_empty()) {
            self.reason = None;
            return Ok(());
        }
        let text = why(&cx.list::<LinkStatus>().await?);
        let is_new = |reason: &Reason| reason.text != text;
        if self.reason.as_ref().is_none_or(is_new) {
            self.reason = Some(Reason {
                text,
                since: Instant::now(),
                told: false,
            });
        }
        if let Some(reason) = self.reason.as_mut().filter(|reason| !reason.told) {
            let left = PATIENCE.saturating_sub(reason.since.elapsed());
            if left.is_zero() {
                (self.tell)(&reason.text);
                reason.told = true;
            } else {
                cx.wake_after(left);
            }
        }
        Ok(())
    }
}

/// What a person can look at.
fn why(links: &[Resource<LinkStatus>]) -> String {
    let mut cards: Vec<_> = links
        .iter()
        .filter(|link| is_physical(link.value()))
        .collect();
    if cards.is_empty() {
        return "no address: there is no network card that a driver of this image knows".to_owned();
    }
    cards.sort_by_key(|link| link.value().index);
    let states = cards.into_iter().map(|card| {
        let state = match carries(card.value()) {
            true => "no DHCP server answers",
            false => "no cable, or nothing at its other end",
        };
        format!("{} ({}): {state}", card.id(), card.value().hardware_addr)
    });
    format!("no address; {}", states.collect::<Vec<_>>().join("; "))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ichor_controller::{Runtime, testing};
    use ichor_resource::specs::HardwareAddr;
    use ichor_resource::specs::network::LinkType;
    use ichor_state::{MemoryState, State, StateExt};
    use tokio_util::sync::CancellationToken;

    use super::*;

    fn card(index: u32, link_state: bool) -> LinkStatus {
        LinkStatus {
            index,
            link_type: LinkType::ETHER,
            hardware_addr: HardwareAddr(vec![2, 0, 0, 0, 0, 1]),
            link_state,
            ..LinkStatus::default()
        }
    }

    #[test]
    fn each_card_has_its_reason() {
        let links = [
            Resource::new("eth1", card(2, false)),
            Resource::new("eth0", card(1, true)),
            Resource::new(
                "lo",
                LinkStatus {
                    link_type: LinkType::LOOPBACK,
                    ..card(3, true)
                },
            ),
        ];
        assert_eq!(
            why(&links),
            "no address; eth0 (02:00:00:00:00:01): no DHCP server answers; \
             eth1 (02:00:00:00:00:01): no cable, or nothing at its other end"
        );
        assert!(why(&links[2..]).contains("no network card"));
    }

    #[tokio::test(start_paused = true)]
    async fn a_reason_that_lasts_is_told_once() {
        let state = Arc::new(MemoryState::new());
        let told = Arc::new(Mutex::new(Vec::new()));
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        let into = Arc::clone(&told);
        let tell = move |text: &str| into.lock().unwrap().push(text.to_owned());
        runtime.register(UnreachableController::new(tell)).unwrap();
        let stop = CancellationToken::new();
        tokio::spawn(runtime.run(stop.clone()));
        let after = async |seconds| {
            tokio::time::sleep(Duration::from_secs(seconds)).await;
            testing::tick().await;
            told.lock().unwrap().len()
        };

        assert_eq!(after(9).await, 0);
        let eth0 = Resource::new("eth0", card(1, true));
        state.create_as(eth0, "").await.unwrap();
        assert_eq!(after(9).await, 0, "another reason has not lasted yet");
        assert_eq!(after(600).await, 1);

        let address = NodeAddress {
            addresses: vec!["10.0.0.2/24".parse().unwrap()],
            ..NodeAddress::default()
        };
        let address = Resource::new("current", address);
        let pointer = address.metadata.pointer();
        state.create_as(address, "").await.unwrap();
        assert_eq!(after(600).await, 1);
        state.destroy(&pointer, "").await.unwrap();
        assert_eq!(after(11).await, 2, "it was reachable meanwhile");
        stop.cancel();
    }
}
