//! What is known of a service, and how it changes.

use std::collections::VecDeque;
use std::time::SystemTime;

use ichor_api::machine::ServiceHealth;

/// Where a service stands.
///
/// ```text
/// Initialized → Waiting → Preparing → Running → Stopping → Finished
///                  ↑                      │ exit
///                  └─────── Failed ←──────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceState {
    /// Known, not started.
    #[default]
    Initialized,
    /// Waits for other services or conditions.
    Waiting,
    /// Its directories, cgroup and descriptors are made.
    Preparing,
    /// Its process runs.
    Running,
    /// It was told to stop.
    Stopping,
    /// It ended and stays so.
    Finished,
    /// It ended although it should run.
    Failed,
}

impl ServiceState {
    /// The text of the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Initialized => "Initialized",
            Self::Waiting => "Waiting",
            Self::Preparing => "Preparing",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Finished => "Finished",
            Self::Failed => "Failed",
        }
    }
}

/// What the last health check said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Health {
    /// `None` before the first answer.
    pub(crate) healthy: Option<bool>,
    /// What the check said last, for people.
    pub(crate) last_message: String,
    /// When `healthy` last changed.
    pub(crate) last_change: SystemTime,
}

impl Health {
    /// As the API shows it.
    pub(crate) fn to_message(&self) -> ServiceHealth {
        ServiceHealth {
            unknown: self.healthy.is_none(),
            healthy: self.healthy == Some(true),
            last_message: self.last_message.clone(),
            last_change: Some(self.last_change.into()),
        }
    }
}

/// One entry of a service's history.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ServiceEvent {
    /// The state that the service was in, or came to be in.
    pub(crate) state: ServiceState,
    /// What happened, for people.
    pub(crate) message: String,
    /// When.
    pub(crate) time: SystemTime,
}

/// How many events are kept for each service.
const EVENTS_MAX: usize = 64;

/// A service as others see it.
#[derive(Clone, Debug)]
pub(crate) struct ServiceStatus {
    /// Name, such as `apid`.
    pub(crate) id: &'static str,
    /// Where it stands.
    pub(crate) state: ServiceState,
    /// What the last health check said.
    pub(crate) health: Health,
    /// Oldest first, at most 64.
    pub(crate) events: VecDeque<ServiceEvent>,
    /// Its process, while there is one.
    pub(crate) pid: Option<u32>,
    /// Whether it has a health check at all.
    pub(crate) has_health_check: bool,
}

impl ServiceStatus {
    /// A service that was never started.
    pub(crate) fn new(id: &'static str, has_health_check: bool) -> Self {
        Self {
            id,
            state: ServiceState::Initialized,
            health: Health {
                healthy: None,
                last_message: String::new(),
                last_change: SystemTime::now(),
            },
            events: VecDeque::new(),
            pid: None,
            has_health_check,
        }
    }

    /// Records an event and enters its state.
    pub(crate) fn record(&mut self, state: ServiceState, message: impl Into<String>) {
        self.state = state;
        if self.events.len() == EVENTS_MAX {
            self.events.pop_front();
        }
        self.events.push_back(ServiceEvent {
            state,
            message: message.into(),
            time: SystemTime::now(),
        });
    }

    /// Records what a health check said. `true` when the verdict changed.
    pub(crate) fn record_health(
        &mut self,
        healthy: Option<bool>,
        message: impl Into<String>,
    ) -> bool {
        self.health.last_message = message.into();
        if self.health.healthy == healthy {
            return false;
        }
        self.health.healthy = healthy;
        self.health.last_change = SystemTime::now();
        true
    }

    /// Whether those who depend on this service may go on.
    pub(crate) fn is_up(&self) -> bool {
        match self.state {
            ServiceState::Running => !self.has_health_check || self.health.healthy == Some(true),
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_the_last_64_events() {
        let mut status = ServiceStatus::new("x", false);
        for number in 0..70 {
            status.record(ServiceState::Running, number.to_string());
        }
        assert_eq!(status.events.len(), 64);
        assert_eq!(status.events[0].message, "6");
    }

    #[test]
    fn is_up_only_when_healthy() {
        let mut status = ServiceStatus::new("x", true);
        status.record(ServiceState::Running, "started");
        assert!(!status.is_up());
        assert!(status.record_health(Some(true), ""));
        assert!(status.is_up());
        status.record(ServiceState::Failed, "exited");
        assert!(!status.is_up());
    }
}
