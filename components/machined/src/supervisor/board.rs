//! The one place where the state of all services is kept and announced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::watch;

use super::status::{ServiceState, ServiceStatus};

/// Told of each event, with the status after it.
pub(crate) type Listener = Box<dyn Fn(&ServiceStatus) + Send + Sync>;

/// States of all services. Cloning shares them.
#[derive(Clone)]
pub(crate) struct Board {
    inner: Arc<Inner>,
}

struct Inner {
    services: Mutex<BTreeMap<&'static str, ServiceStatus>>,
    generation: watch::Sender<u64>,
    listener: Listener,
}

impl Board {
    pub(crate) fn new(listener: Listener) -> Self {
        Self {
            inner: Arc::new(Inner {
                services: Mutex::default(),
                generation: watch::Sender::new(0),
                listener,
            }),
        }
    }

    /// Makes a service known.
    pub(crate) fn add(&self, status: ServiceStatus) {
        self.services().insert(status.id, status);
        self.announce();
    }

    /// All services, sorted by name.
    pub(crate) fn list(&self) -> Vec<ServiceStatus> {
        self.services().values().cloned().collect()
    }

    /// One service.
    #[cfg(test)]
    pub(crate) fn get(&self, id: &str) -> Option<ServiceStatus> {
        self.services().get(id).cloned()
    }

    /// Follows changes: the number grows with each.
    pub(crate) fn subscribe(&self) -> watch::Receiver<u64> {
        self.inner.generation.subscribe()
    }

    /// Records that a service came to be in a state.
    pub(crate) fn record(&self, id: &'static str, state: ServiceState, message: impl Into<String>) {
        let Some(status) = self.change(id, |status| {
            if !matches!(state, ServiceState::Running | ServiceState::Stopping) {
                status.pid = None;
            }
            status.record(state, message);
        }) else {
            return;
        };
        (self.inner.listener)(&status);
    }

    /// Records the process of a service.
    pub(crate) fn record_pid(&self, id: &'static str, pid: Option<u32>) {
        self.change(id, |status| status.pid = pid);
    }

    /// Records what a health check said; a changed verdict is an event.
    pub(crate) fn record_health(&self, id: &'static str, healthy: Option<bool>, message: &str) {
        let mut changed = false;
        let status = self.change(id, |status| {
            changed = status.record_health(healthy, message);
            if changed && let Some(healthy) = healthy {
                let text = match (healthy, message) {
                    (true, _) => "Health check successful".to_owned(),
                    (false, message) => format!("Health check failed: {message}"),
                };
                status.record(status.state, text);
            }
        });
        if let (true, Some(status)) = (changed && healthy.is_some(), status) {
            (self.inner.listener)(&status);
        }
    }

    /// Returns when the service is up.
    pub(crate) async fn wait_up(&self, id: &str) {
        self.wait_until(id, true).await;
    }

    /// Returns when the service is not up.
    pub(crate) async fn wait_down(&self, id: &str) {
        self.wait_until(id, false).await;
    }

    async fn wait_until(&self, id: &str, up: bool) {
        let is_up = || self.services().get(id).is_some_and(ServiceStatus::is_up);
        let mut changes = self.subscribe();
        // The sender lives as long as `self`, so an error cannot come.
        let _closed = changes.wait_for(|_| is_up() == up).await;
    }

    fn change(
        &self,
        id: &'static str,
        change: impl FnOnce(&mut ServiceStatus),
    ) -> Option<ServiceStatus> {
        let status = {
            let mut services = self.services();
            let status = services.get_mut(id)?;
            change(status);
            status.clone()
        };
        self.announce();
        Some(status)
    }

    fn announce(&self) {
        self.inner.generation.send_modify(|number| *number += 1);
    }

    /// A panic while the lock was held leaves the map usable: each change is one assignment.
    fn services(&self) -> MutexGuard<'_, BTreeMap<&'static str, ServiceStatus>> {
        self.inner
            .services
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl std::fmt::Debug for Board {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Board").finish_non_exhaustive()
    }
}
