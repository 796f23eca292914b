//! Waiting for what services need. Everything is told of; nothing is asked again and again.

mod path;

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use ichor_resource::specs::network::NetworkStatus;
use ichor_resource::specs::time::TimeStatus;
use ichor_resource::{AnyResource, Kind, Phase, Pointer, find_definition};
use ichor_rights::{Condition, NetworkPart};
use ichor_state::{State, StateError, StateExt};
use tracing::warn;

use super::board::Board;
use super::plan::Need;
use super::status::ServiceState;
use crate::reachable::Reachable;

/// A watch that was lost is begun again after this time.
const LOST_PAUSE: Duration = Duration::from_secs(1);

/// Where conditions are looked up. Cloning shares it.
#[derive(Clone)]
pub(crate) struct Conditions {
    pub(crate) board: Board,
    pub(crate) state: Arc<dyn State>,
    pub(crate) reachable: Reachable,
}

impl Conditions {
    /// Returns when each of `needs` has held at some moment. Says what is left, first and whenever
    /// that becomes less; nothing when there is nothing to wait for. May be cancelled.
    pub(crate) async fn wait_for(&self, needs: &[Need], mut left: impl FnMut(&[Need])) {
        let mut waits: FuturesUnordered<_> = needs
            .iter()
            .map(|need| async move {
                self.holds(need).await;
                *need
            })
            .collect();
        let mut waiting = needs.to_vec();
        loop {
            while let Some(Some(need)) = waits.next().now_or_never() {
                waiting.retain(|each| *each != need);
            }
            if waits.is_empty() {
                return;
            }
            left(&waiting);
            if let Some(need) = waits.next().await {
                waiting.retain(|each| *each != need);
            }
        }
    }

    async fn holds(&self, need: &Need) {
        let condition = match need {
            Need::Up(id) => return self.board.wait_up(id).await,
            Need::Condition(condition) => condition,
        };
        while let Err(error) = self.met(condition).await {
            warn!(%error, %condition, "waiting for it failed, beginning again");
            tokio::time::sleep(LOST_PAUSE).await;
        }
    }

    async fn met(&self, condition: &Condition) -> Result<(), ConditionError> {
        match condition {
            Condition::ApiReachable => self.reachable.wait().await,
            Condition::Network(parts) => {
                let works = |status: &NetworkStatus| parts.iter().all(|part| works(status, *part));
                self.state.wait_for_as("status", works).await?;
            }
            Condition::TimeSynced => {
                let right = |status: &TimeStatus| status.synced || status.sync_disabled;
                // The reference's id.
                self.state.wait_for_as("node", right).await?;
            }
            Condition::Resource { type_name, id } => {
                let definition = find_definition(type_name);
                let definition = definition.ok_or(ConditionError::Type(type_name))?;
                let pointer = Pointer {
                    kind: Kind::named(definition.default_namespace, definition.type_name),
                    id: (*id).into(),
                };
                let runs = |found: Option<&AnyResource>| {
                    found.is_some_and(|found| found.metadata.phase == Phase::Running)
                };
                self.state.wait_for(&pointer, runs).await?;
            }
            Condition::Path(path) => path::appears(path.as_ref()).await?,
            Condition::Finished(id) => {
                let finished = |state| state == ServiceState::Finished;
                self.board.wait_state(id, finished).await;
            }
        }
        Ok(())
    }
}

#[derive(Debug, thiserror::Error)]
enum ConditionError {
    #[error("there is no type {0}")]
    Type(&'static str),
    #[error("watch the state: {0}")]
    State(#[from] StateError),
    #[error("watch the file system: {0}")]
    Path(#[from] std::io::Error),
}

const fn works(status: &NetworkStatus, part: NetworkPart) -> bool {
    match part {
        NetworkPart::Addresses => status.address_ready,
        NetworkPart::Connectivity => status.connectivity_ready,
        NetworkPart::Hostname => status.hostname_ready,
        NetworkPart::EtcFiles => status.etc_files_ready,
    }
}

#[cfg(test)]
mod tests;
