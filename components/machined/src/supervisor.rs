//! Services: what runs besides PID 1, kept running.

pub(crate) mod board;
pub(crate) mod children;
pub(crate) mod conditions;
pub(crate) mod launch;
pub(crate) mod notices;
pub(crate) mod service;
pub(crate) mod status;

mod backoff;
mod plan;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ichor_rights::{Health, Service};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tracing::error;

use conditions::Conditions;
use plan::{plan_needs, plan_skip, plan_stop};
use service::{Command, Launcher, ServiceSpec, supervise};
use status::{ServiceState, ServiceStatus};

/// How long a service may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(10);

/// All service loops.
pub(crate) struct Supervisor {
    conditions: Conditions,
    launcher: Arc<dyn Launcher>,
    is_machine: bool,
    loops: Mutex<HashMap<&'static str, Loop>>,
}

/// The loop of a service. When its commands are closed, it stops the service and ends.
struct Loop {
    requires: &'static [&'static str],
    commands: mpsc::Sender<Command>,
    task: JoinHandle<()>,
}

impl Supervisor {
    pub(crate) fn new(
        conditions: Conditions,
        launcher: Arc<dyn Launcher>,
        is_machine: bool,
    ) -> Self {
        Self {
            conditions,
            launcher,
            is_machine,
            loops: Mutex::default(),
        }
    }

    /// Makes a service known and starts its loop, unless it is not for this node.
    pub(crate) fn start(&self, service: &Service) {
        let id = service.id;
        let has_health_check = service.health != Health::Assumed;
        let board = &self.conditions.board;
        board.add(ServiceStatus::new(id, has_health_check));
        if let Some(reason) = plan_skip(service, self.is_machine) {
            let text = format!("Service skipped: {reason}");
            return board.record(id, ServiceState::Skipped, text);
        }
        let spec = ServiceSpec {
            id,
            needs: plan_needs(service),
            grace: GRACE,
        };
        let (commands, receiver) = mpsc::channel(1);
        let (conditions, launcher) = (self.conditions.clone(), Arc::clone(&self.launcher));
        let task = tokio::spawn(async move {
            supervise(spec, &*launcher, &conditions, receiver).await;
        });
        let running = Loop {
            requires: service.requires,
            commands,
            task,
        };
        lock(&self.loops).insert(id, running);
    }

    /// Stops all services, none before those who require it, and returns when the last has ended.
    pub(crate) async fn stop_all(&self) {
        let mut loops = std::mem::take(&mut *lock(&self.loops));
        let mut rows: Vec<_> = loops
            .iter()
            .map(|(id, each)| (*id, each.requires))
            .collect();
        rows.sort_unstable();
        for group in plan_stop(&rows) {
            let stopped = group.iter().filter_map(|id| loops.remove(id));
            // All of them are told before one is waited for.
            let tasks: Vec<_> = stopped
                .map(|Loop { commands, task, .. }| {
                    drop(commands);
                    task
                })
                .collect();
            for task in tasks {
                if let Err(error) = task.await {
                    error!(%error, "the loop of a service ended badly");
                }
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
