//! Writes what happens to the controllers of a runtime into the state, for people to look at.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, UNIX_EPOCH};

use ichor_resource::Resource;
use ichor_resource::specs::runtime::{ControllerEdge, ControllerEdgeKind, ControllerStatus};
use ichor_state::{State, StateExt};

use crate::{ControllerStats, Edge, EdgeKind, Observer};

/// How long changes are gathered: a component that starts has better things to do than to report,
/// and a busy controller costs one write in this time.
const PAUSE: Duration = Duration::from_secs(5);

/// Reports each controller after something has happened to it. Nothing happens, nothing runs.
pub(crate) async fn follow(observer: Observer, state: Arc<dyn State>, component: &'static str) {
    let mut written: HashMap<&'static str, ControllerStatus> = HashMap::new();
    loop {
        observer.changed().await;
        tokio::time::sleep(PAUSE).await;
        let edges = observer.graph();
        for stats in observer.stats() {
            let name = stats.name;
            let status = status(component, &stats, &edges);
            if written.get(name) == Some(&status) {
                continue;
            }
            let resource = Resource::new(name, status.clone());
            match state.upsert(resource, component).await {
                Ok(_) => {
                    written.insert(name, status);
                }
                Err(error) => {
                    tracing::debug!(%error, controller = name, "not reported, trying again");
                    observer.note_change();
                }
            }
        }
    }
}

fn status(component: &str, stats: &ControllerStats, edges: &[Edge]) -> ControllerStatus {
    let since_epoch = stats
        .last_run
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    let own = edges.iter().filter(|edge| edge.controller == stats.name);
    ControllerStatus {
        component: component.to_owned(),
        name: stats.name.to_owned(),
        runs: stats.runs,
        failures: stats.failures,
        panics: stats.panics,
        wakeups: stats.wakeups,
        failing: stats.failing,
        last_error: stats.last_error.clone().unwrap_or_default(),
        last_run_unix_ms: since_epoch
            .and_then(|time| i64::try_from(time.as_millis()).ok())
            .unwrap_or_default(),
        busy_us: u64::try_from(stats.busy.as_micros()).unwrap_or(u64::MAX),
        edges: own.map(edge).collect(),
    }
}

fn edge(edge: &Edge) -> ControllerEdge {
    ControllerEdge {
        kind: match edge.kind {
            EdgeKind::InputStrong => ControllerEdgeKind::InputStrong,
            EdgeKind::InputWeak => ControllerEdgeKind::InputWeak,
            EdgeKind::InputDestroyReady => ControllerEdgeKind::InputDestroyReady,
            EdgeKind::OutputExclusive => ControllerEdgeKind::OutputExclusive,
            EdgeKind::OutputShared => ControllerEdgeKind::OutputShared,
        },
        namespace: edge.resource.namespace.to_string(),
        resource_type: edge.resource.type_name.to_string(),
        id: edge.id.clone().unwrap_or_default(),
    }
}
