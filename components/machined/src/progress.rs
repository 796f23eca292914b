//! What sequences and services do, told to everyone who asks: log, events, timeline.

use std::sync::Arc;

use ichor_api::common::{Code, Error};
use ichor_api::machine::{
    PhaseEvent, SequenceEvent, ServiceStateEvent, TaskEvent, phase_event, sequence_event,
    service_state_event, task_event,
};
use tracing::{error, info};

use crate::events::Events;
use crate::sequence::{Observer, Step};
use crate::supervisor::status::{ServiceState, ServiceStatus};
use crate::timeline::{Kind, Timeline};

/// Watches a sequence.
pub(crate) struct Progress {
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) events: Events,
}

impl Progress {
    /// Says how long each part of the boot took.
    pub(crate) fn report(&self) {
        for entry in self.timeline.entries() {
            let milliseconds = |nanoseconds: u64| nanoseconds / 1_000_000;
            let end = entry.end_ns.unwrap_or(entry.start_ns);
            info!(
                kind = ?entry.kind,
                from_ms = milliseconds(entry.start_ns),
                took_ms = milliseconds(end.saturating_sub(entry.start_ns)),
                "boot: {}",
                entry.name
            );
        }
        info!("the machine is up");
    }
}

impl Observer for Progress {
    fn started(&self, step: Step) {
        if let Step::Task(name) = step {
            self.timeline.begin(Kind::Task, name);
        }
        self.publish(step, true, None);
    }

    fn stopped(&self, step: Step, error: Option<&str>) {
        if let Step::Task(name) = step {
            self.timeline.end(Kind::Task, name);
        }
        if let Some(error) = error {
            error!(?step, error, "failed");
        }
        self.publish(step, false, error);
    }
}

impl Progress {
    fn publish(&self, step: Step, starts: bool, error: Option<&str>) {
        match step {
            Step::Sequence(name) => {
                let action = match starts {
                    true => sequence_event::Action::Start,
                    false => sequence_event::Action::Stop,
                };
                let error = error.map(|text| Error {
                    code: Code::Fatal.into(),
                    message: text.to_owned(),
                    details: Vec::new(),
                });
                let event = SequenceEvent {
                    sequence: name.into(),
                    action: action.into(),
                    error,
                };
                self.events.publish("SequenceEvent", &event);
            }
            Step::Phase(name, number, total) => {
                let action = match starts {
                    true => phase_event::Action::Start,
                    false => phase_event::Action::Stop,
                };
                let event = PhaseEvent {
                    phase: format!("{name} ({number}/{total})"),
                    action: action.into(),
                };
                self.events.publish("PhaseEvent", &event);
            }
            Step::Task(name) => {
                let action = match starts {
                    true => task_event::Action::Start,
                    false => task_event::Action::Stop,
                };
                let event = TaskEvent {
                    task: name.into(),
                    action: action.into(),
                };
                self.events.publish("TaskEvent", &event);
            }
        }
    }
}

/// A log line, in the style that people know, an event, and a part of the boot for each event of a
/// service.
pub(crate) fn announce(status: &ServiceStatus, events: &Events, timeline: &Timeline) {
    let Some(last) = status.events.back() else {
        return;
    };
    info!(
        "service[{}]({}): {}",
        status.id,
        last.state.as_str(),
        last.message
    );
    match last.state {
        ServiceState::Preparing => timeline.begin(Kind::Component, status.id),
        ServiceState::Running if status.is_up() => timeline.end(Kind::Component, status.id),
        _ => {}
    }
    let action = match last.state {
        ServiceState::Initialized => service_state_event::Action::Initialized,
        ServiceState::Starting => service_state_event::Action::Starting,
        ServiceState::Waiting => service_state_event::Action::Waiting,
        ServiceState::Preparing => service_state_event::Action::Preparing,
        ServiceState::Running => service_state_event::Action::Running,
        ServiceState::Stopping => service_state_event::Action::Stopping,
        ServiceState::Finished => service_state_event::Action::Finished,
        ServiceState::Failed => service_state_event::Action::Failed,
        ServiceState::Skipped => service_state_event::Action::Skipped,
    };
    let event = ServiceStateEvent {
        service: status.id.into(),
        action: action.into(),
        message: last.message.clone(),
        health: Some(status.health.to_message()),
    };
    events.publish("ServiceStateEvent", &event);
}
