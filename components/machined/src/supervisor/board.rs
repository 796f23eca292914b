//! The one place where the state of all services is kept and announced.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::Instant;

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

    /// Records that a service came to be in a state with a process.
    pub(crate) fn record_start(&self, id: &'static str, pid: u32, message: impl Into<String>) {
        let running = |status: &mut ServiceStatus| {
            status.started(pid);
            status.record(ServiceState::Running, message);
        };
        if let Some(status) = self.change(id, running) {
            (self.inner.listener)(&status);
        }
    }

    /// Records that a service has no process any more.
    pub(crate) fn record_end(&self, id: &'static str) {
        self.judge(id, ServiceStatus::ended);
    }

    /// Records that a service told that it works, or that it has lost what it works with.
    pub(crate) fn record_ready(&self, id: &'static str, is_ready: bool) {
        self.judge(id, |status| status.tells_ready(is_ready));
    }

    /// Records a sign of life.
    pub(crate) fn record_sign(&self, id: &'static str) {
        self.judge(id, ServiceStatus::gives_sign);
    }

    /// Records whether a service has been silent for too long.
    pub(crate) fn record_silence(&self, id: &'static str, silence_max: Duration) {
        self.judge(id, |status| status.listen(silence_max));
    }

    /// When that will be so.
    pub(crate) fn silence_end(&self, id: &str, silence_max: Duration) -> Option<Instant> {
        self.services().get(id)?.silence_end(silence_max)
    }

    /// A changed verdict is an event; what changes none, such as a sign of life, is nobody's news.
    fn judge(&self, id: &'static str, change: impl FnOnce(&mut ServiceStatus) -> bool) {
        let status = {
            let mut services = self.services();
            let Some(status) = services.get_mut(id) else {
                return;
            };
            if !change(status) {
                return;
            }
            let text = match (status.health.healthy, &status.health.last_message) {
                (None, _) => None,
                (Some(true), _) => Some("Health check successful".to_owned()),
                (Some(false), message) => Some(format!("Health check failed: {message}")),
            };
            text.map(|text| {
                status.record(status.state, text);
                status.clone()
            })
        };
        self.announce();
        if let Some(status) = status {
            (self.inner.listener)(&status);
        }
    }

    /// Returns when the service is up.
    pub(crate) async fn wait_up(&self, id: &str) {
        self.wait_until(id, ServiceStatus::is_up).await;
    }

    /// Returns when the service is not up.
    pub(crate) async fn wait_down(&self, id: &str) {
        self.wait_until(id, |status| !status.is_up()).await;
    }

    /// Returns when the service is in such a state.
    pub(crate) async fn wait_state(&self, id: &str, is_such: impl Fn(ServiceState) -> bool) {
        self.wait_until(id, |status| is_such(status.state)).await;
    }

    async fn wait_until(&self, id: &str, holds: impl Fn(&ServiceStatus) -> bool) {
        let mut changes = self.subscribe();
        // The sender lives as long as `self`, so an error cannot come.
        let _closed = changes
            .wait_for(|_| self.services().get(id).is_some_and(&holds))
            .await;
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
