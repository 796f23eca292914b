use std::sync::Mutex;

use ichor_resource::{Resource, Spec};
use ichor_state::MemoryState;

use super::*;
use crate::supervisor::status::ServiceStatus;

/// What is said to be left, and whether the wait is over.
struct Waiting {
    conditions: Conditions,
    said: Arc<Mutex<Vec<String>>>,
    task: tokio::task::JoinHandle<()>,
}

impl Waiting {
    fn start(needs: &'static [Need]) -> Self {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("cri", false));
        let conditions = Conditions {
            board,
            state: Arc::new(MemoryState::new()),
            reachable: Reachable::default(),
        };
        let said = Arc::new(Mutex::new(Vec::new()));
        let (shared, heard) = (conditions.clone(), Arc::clone(&said));
        let task = tokio::spawn(async move {
            let left = |left: &[Need]| {
                let words: Vec<_> = left.iter().map(ToString::to_string).collect();
                heard.lock().unwrap().push(words.join("; "));
            };
            shared.wait_for(needs, left).await;
        });
        Self {
            conditions,
            said,
            task,
        }
    }

    async fn said(&self) -> Vec<String> {
        tokio::time::sleep(Duration::from_millis(1)).await;
        self.said.lock().unwrap().clone()
    }

    async fn publish<S: Spec>(&self, id: &str, spec: S) {
        let resource = Resource::new(id, spec);
        self.conditions
            .state
            .upsert(resource, "test")
            .await
            .unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn nothing_is_said_when_everything_holds() {
    let waiting = Waiting::start(&[]);
    assert!(waiting.said().await.is_empty());
    assert!(waiting.task.is_finished());
}

#[tokio::test(start_paused = true)]
async fn what_is_left_becomes_less() {
    let waiting = Waiting::start(&[
        Need::Up("cri"),
        Need::Condition(&Condition::Network(&[
            NetworkPart::Addresses,
            NetworkPart::Hostname,
        ])),
        Need::Condition(&Condition::TimeSynced),
    ]);
    let network = "network (addresses, hostname)";
    let all = format!("service \"cri\" to be \"up\"; {network}; time sync");
    assert_eq!(waiting.said().await, [all.as_str()]);
    let mut status = NetworkStatus {
        address_ready: true,
        ..NetworkStatus::default()
    };
    waiting.publish("status", status.clone()).await;
    assert_eq!(waiting.said().await.len(), 1, "a part is not all");
    let board = &waiting.conditions.board;
    board.record("cri", ServiceState::Running, "");
    let two = format!("{network}; time sync");
    assert_eq!(waiting.said().await, [&*all, &*two]);
    status.hostname_ready = true;
    waiting.publish("status", status).await;
    assert_eq!(waiting.said().await, [&*all, &*two, "time sync"]);
    assert!(!waiting.task.is_finished());
    let time = TimeStatus {
        sync_disabled: true,
        ..TimeStatus::default()
    };
    waiting.publish("node", time).await;
    waiting.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn resources_services_that_end_and_the_api_are_waited_for() {
    let waiting = Waiting::start(&[
        Need::Condition(&Condition::Resource {
            type_name: "TimeStatuses.v1alpha1.talos.dev",
            id: "other",
        }),
        Need::Condition(&Condition::Finished("cri")),
        Need::Condition(&Condition::ApiReachable),
    ]);
    assert_eq!(waiting.said().await.len(), 1);
    waiting.publish("other", TimeStatus::default()).await;
    assert_eq!(waiting.said().await.len(), 2);
    let board = &waiting.conditions.board;
    board.record("cri", ServiceState::Failed, "");
    assert_eq!(waiting.said().await.len(), 2);
    board.record("cri", ServiceState::Finished, "");
    assert_eq!(waiting.said().await.len(), 3);
    waiting.conditions.reachable.enter();
    waiting.task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn who_is_skipped_is_up() {
    let waiting = Waiting::start(&[Need::Up("cri")]);
    assert_eq!(waiting.said().await.len(), 1);
    let board = &waiting.conditions.board;
    board.record("cri", ServiceState::Skipped, "");
    waiting.task.await.unwrap();
}
