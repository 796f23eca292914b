//! Services and their processes as resources, kept in step with the board.

use std::sync::Arc;

use ichor_resource::specs::runtime::ServicePid;
use ichor_resource::specs::v1alpha1::Service;
use ichor_resource::{Resource, Spec};
use ichor_state::{State, StateError, StateExt};
use tracing::warn;

use crate::supervisor::board::Board;
use crate::supervisor::status::{ServiceState, ServiceStatus};

const OWNER: &str = "v1alpha1.ServiceController";

/// Writes each change of the board to the state, for as long as the process lives.
pub(crate) async fn follow(board: Board, state: Arc<dyn State>) {
    let mut changes = board.subscribe();
    loop {
        for status in board.list() {
            if let Err(error) = write(&*state, &status).await {
                warn!(%error, service = status.id, "the state of a service was not written");
            }
        }
        if changes.changed().await.is_err() {
            return;
        }
    }
}

async fn write(state: &dyn State, status: &ServiceStatus) -> Result<(), StateError> {
    state
        .upsert(Resource::new(status.id, resource(status)), OWNER)
        .await?;
    match process(status) {
        Some(process) => {
            let resource = Resource::new(status.id, process);
            state.upsert(resource, OWNER).await?;
        }
        None => {
            let pointer = ServicePid::pointer(status.id);
            match state.destroy(&pointer, OWNER).await {
                Ok(()) | Err(StateError::NotFound(_)) => {}
                Err(error) => return Err(error),
            }
        }
    }
    Ok(())
}

/// `None` while it has no process.
fn process(status: &ServiceStatus) -> Option<ServicePid> {
    let pid = i32::try_from(status.pid?).ok()?;
    let namespace = std::fs::read_link(format!("/proc/{pid}/ns/mnt")).ok()?;
    Some(ServicePid {
        pid,
        mount_namespace: namespace.to_string_lossy().into_owned(),
    })
}

fn resource(status: &ServiceStatus) -> Service {
    Service {
        running: status.state == ServiceState::Running,
        healthy: status.health.healthy == Some(true),
        unknown: status.health.healthy.is_none(),
    }
}

#[cfg(test)]
mod tests {
    use ichor_state::MemoryState;

    use super::*;

    #[tokio::test]
    async fn a_process_is_listed_while_it_runs() {
        let state = MemoryState::new();
        let mut status = ServiceStatus::new("apid", false);
        status.pid = Some(std::process::id());
        write(&state, &status).await.unwrap();
        let pointer = ServicePid::pointer("apid");
        let found = state.find_at::<ServicePid>(&pointer).await.unwrap();
        let found = found.unwrap();
        assert!(found.value().mount_namespace.starts_with("mnt:["));
        status.pid = None;
        write(&state, &status).await.unwrap();
        write(&state, &status).await.unwrap();
        assert_eq!(state.find_at::<ServicePid>(&pointer).await.unwrap(), None);
    }
}
