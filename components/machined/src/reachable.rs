//! Whether the API can be reached.

use std::sync::Arc;
use std::time::Duration;

use ichor_resource::specs::network::NetworkStatus;
use ichor_state::{State, StateExt};
use tokio::sync::watch;
use tracing::{info, warn};

use crate::supervisor::board::Board;

/// How long what is not needed for the first answer waits for it: a machine without a network has
/// disks too.
const PATIENCE: Duration = Duration::from_secs(3);

/// How long it waits for apid, many times what that takes: a machine that nobody can ask has disks
/// and devices too.
const APID_PATIENCE: Duration = Duration::from_secs(30);

/// The moment from which on the API can be reached. Cloning shares it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Reachable(Arc<watch::Sender<bool>>);

impl Reachable {
    /// Returns from that moment on.
    pub(crate) async fn wait(&self) {
        // The sender lives as long as `self`, so an error cannot come.
        let mut reached = self.0.subscribe();
        let _closed = reached.wait_for(|reached| *reached).await;
    }

    /// From now on.
    pub(crate) fn enter(&self) {
        self.0.send_replace(true);
    }
}

/// Waits until apid works and the network does, for neither of them for ever.
pub(crate) async fn follow(board: Board, state: Arc<dyn State>, reachable: Reachable) {
    let apid = tokio::time::timeout(APID_PATIENCE, board.wait_up("apid"));
    if apid.await.is_err() {
        warn!("the API does not come up, going on without it");
        return reachable.enter();
    }
    let works = |status: &NetworkStatus| status.address_ready && status.connectivity_ready;
    let network = state.wait_for_as::<NetworkStatus>("status", works);
    match tokio::time::timeout(PATIENCE, network).await {
        Ok(Ok(_works)) => {}
        Ok(Err(error)) => info!(%error, "the network is not waited for"),
        Err(_elapsed) => info!("the network takes its time, going on without it"),
    }
    reachable.enter();
}

#[cfg(test)]
mod tests {
    use ichor_resource::Resource;
    use ichor_state::MemoryState;
    use tokio::time::Instant;

    use super::*;
    use crate::supervisor::status::{ServiceState, ServiceStatus};

    async fn waited(network: bool) -> Duration {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("apid", false));
        let state = Arc::new(MemoryState::new());
        let reachable = Reachable::default();
        let shared = Arc::clone(&state) as Arc<dyn State>;
        tokio::spawn(follow(board.clone(), shared, reachable.clone()));
        let start = Instant::now();
        let works = async {
            tokio::time::sleep(Duration::from_secs(1)).await;
            board.record("apid", ServiceState::Running, "");
            tokio::time::sleep(Duration::from_secs(1)).await;
            let status = NetworkStatus {
                address_ready: true,
                connectivity_ready: network,
                ..NetworkStatus::default()
            };
            let resource = Resource::new("status", status);
            state.upsert(resource, "test").await.unwrap();
        };
        tokio::join!(works, reachable.wait());
        start.elapsed()
    }

    #[tokio::test(start_paused = true)]
    async fn disks_and_devices_come_although_apid_does_not() {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("apid", false));
        let reachable = Reachable::default();
        let state = Arc::new(MemoryState::new());
        tokio::spawn(follow(board, state, reachable.clone()));
        let start = Instant::now();
        let reached = tokio::time::timeout(2 * APID_PATIENCE, reachable.wait());
        assert_eq!(reached.await, Ok(()));
        assert_eq!(start.elapsed(), APID_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn the_network_is_waited_for_but_not_for_ever() {
        assert_eq!(waited(true).await, Duration::from_secs(2));
        assert_eq!(waited(false).await, Duration::from_secs(1) + PATIENCE);
    }
}
