//! Services as resources, kept in step with the board.

use std::sync::Arc;

use ichor_resource::Resource;
use ichor_resource::specs::v1alpha1::Service;
use ichor_state::{State, StateExt};
use tracing::warn;

use crate::supervisor::board::Board;
use crate::supervisor::status::{ServiceState, ServiceStatus};

const OWNER: &str = "v1alpha1.ServiceController";

/// Writes each change of the board to the state, for as long as the process lives.
pub(crate) async fn follow(board: Board, state: Arc<dyn State>) {
    let mut changes = board.subscribe();
    loop {
        for status in board.list() {
            let resource = Resource::new(status.id, resource(&status));
            if let Err(error) = state.upsert(resource, OWNER).await {
                warn!(%error, service = status.id, "the state of a service was not written");
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

fn resource(status: &ServiceStatus) -> Service {
    Service {
        running: status.state == ServiceState::Running,
        healthy: status.health.healthy == Some(true),
        unknown: status.health.healthy.is_none(),
    }
}
