//! What is known of a service, and how it changes.

use std::collections::VecDeque;
use std::time::{Duration, SystemTime};

use ichor_api::machine::ServiceHealth;
use tokio::time::Instant;

/// Where a service stands.
///
/// ```text
/// Initialized → Starting → Waiting → Preparing → Running → Stopping → Finished
///           └→ Skipped        ↑                      │ exit
///                             └─────── Failed ←──────┘
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum ServiceState {
    /// Known, not started.
    #[default]
    Initialized,
    /// It was told to start.
    Starting,
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
    /// It is not for this node, and whoever depends on it goes on without.
    Skipped,
}

impl ServiceState {
    /// The text of the API.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Initialized => "Initialized",
            Self::Starting => "Starting",
            Self::Waiting => "Waiting",
            Self::Preparing => "Preparing",
            Self::Running => "Running",
            Self::Stopping => "Stopping",
            Self::Finished => "Finished",
            Self::Failed => "Failed",
            Self::Skipped => "Skipped",
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
    /// Whether it has told that it works.
    is_ready: bool,
    /// When it last gave a sign of life.
    heard: Instant,
    /// For how long it has given none, once that is too long.
    silence: Option<Duration>,
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
            is_ready: false,
            heard: Instant::now(),
            silence: None,
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

    /// Whether those who depend on this service may go on.
    pub(crate) fn is_up(&self) -> bool {
        match self.state {
            ServiceState::Running => !self.has_health_check || self.health.healthy == Some(true),
            ServiceState::Skipped => true,
            _ => false,
        }
    }

    /// Its process has started.
    pub(crate) fn started(&mut self, pid: u32) {
        self.pid = Some(pid);
        self.heard = Instant::now();
    }

    /// Its process has ended. `true` when that changed the verdict on its health.
    pub(crate) fn ended(&mut self) -> bool {
        self.pid = None;
        self.is_ready = false;
        self.silence = None;
        self.judge()
    }

    /// It told that it works, or has lost what it works with. `true` when that changed the verdict.
    pub(crate) fn tells_ready(&mut self, is_ready: bool) -> bool {
        self.is_ready = is_ready;
        match is_ready {
            true => self.gives_sign(),
            false => self.judge(),
        }
    }

    /// It gave a sign of life. `true` when that changed the verdict.
    pub(crate) fn gives_sign(&mut self) -> bool {
        self.heard = Instant::now();
        self.silence = None;
        self.judge()
    }

    /// Looks at the time. `true` when that changed the verdict.
    pub(crate) fn listen(&mut self, silence_max: Duration) -> bool {
        let Some(end) = self.silence_end(silence_max) else {
            return false;
        };
        if Instant::now() >= end {
            self.silence = Some(silence_max);
        }
        self.judge()
    }

    /// When it has been silent for too long, unless there is a sign before; `None` while it does not
    /// run, or is known to be silent.
    pub(crate) fn silence_end(&self, silence_max: Duration) -> Option<Instant> {
        let listens = self.state == ServiceState::Running && self.silence.is_none();
        listens.then(|| self.heard + silence_max)
    }

    fn judge(&mut self) -> bool {
        let (healthy, message) = match self.silence {
            Some(silence) => {
                let text = format!("no sign of life for {} s", silence.as_secs());
                (Some(false), text)
            }
            None => (self.is_ready.then_some(true), String::new()),
        };
        if self.health.healthy == healthy {
            return false;
        }
        self.health = Health {
            healthy,
            last_message: message,
            last_change: SystemTime::now(),
        };
        true
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
        assert!(status.tells_ready(true));
        assert!(status.is_up());
        status.record(ServiceState::Failed, "exited");
        assert!(!status.is_up());
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_unhealthy_until_there_is_a_sign() {
        let silence_max = Duration::from_secs(60);
        let mut status = ServiceStatus::new("x", true);
        assert_eq!(status.silence_end(silence_max), None, "it does not run");
        status.record(ServiceState::Running, "started");
        status.started(7);
        assert!(status.tells_ready(true));
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!status.listen(silence_max));
        assert!(!status.gives_sign());
        tokio::time::advance(Duration::from_secs(59)).await;
        assert!(!status.listen(silence_max));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(status.listen(silence_max));
        assert_eq!(status.health.healthy, Some(false));
        assert_eq!(status.health.last_message, "no sign of life for 60 s");
        assert!(!status.is_up());
        assert!(status.gives_sign());
        assert!(status.is_up());
        // One that has never told that it works is not known to, whatever signs it gives.
        assert!(status.ended());
        assert!(!status.gives_sign());
        assert_eq!(status.health.healthy, None);
    }
}
