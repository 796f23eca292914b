//! `ichor events`.

use std::cell::RefCell;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;
use ichor_api::machine::{
    AddressEvent, ConfigLoadErrorEvent, ConfigValidationErrorEvent, Event, EventsRequest,
    MachineStatusEvent, PhaseEvent, RestartEvent, SequenceEvent, ServiceStateEvent, TaskEvent,
};
use prost::{DecodeError, Message};

use crate::connect::{NodeFlags, called, read};
use crate::human::parse_span;
use crate::output;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Begin with the last events; -1 for all that are kept.
    #[arg(
        long,
        default_value_t = 0,
        allow_negative_numbers = true,
        value_name = "COUNT"
    )]
    tail: i32,
    /// Begin with the events of a time that has passed, such as 30s or 10m.
    #[arg(long, value_parser = parse_span, conflicts_with = "tail", value_name = "SPAN")]
    duration: Option<Duration>,
    /// Begin after the event of this id.
    #[arg(long, conflicts_with_all = ["tail", "duration"], value_name = "ID")]
    since: Option<String>,
    /// Show only events of this actor.
    #[arg(long, value_name = "ID")]
    actor_id: Option<String>,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 events
  ichor -i -n 10.5.0.2 events --tail -1
  ichor -i -n 10.5.0.2,10.5.0.3 events --duration 10m
  ichor -i -n 10.5.0.2 events --since dc5kfpes1klel600000g";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let header = ["NODE", "ID", "EVENT", "ACTOR", "SOURCE", "MESSAGE"];
    let table = RefCell::new(Table::new(header));
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().events(arguments.request()).await;
        let stream = reply.map_err(called("Events"))?.into_inner();
        read("Events", stream, |event| {
            let mut table = table.borrow_mut();
            if let Some(row) = row(&node.name, &event)? {
                table.row(row);
            }
            output::print(table.take())?;
            Ok(())
        })
        .await?;
        bail!("Events: the node ended the stream; try again")
    });
    let answers: crate::connect::Answers<()> = asked.await?;
    Ok(answers.exit_code())
}

impl Arguments {
    fn request(&self) -> EventsRequest {
        let seconds = self.duration.unwrap_or_default().as_secs();
        EventsRequest {
            tail_events: self.tail,
            tail_id: self.since.clone().unwrap_or_default(),
            tail_seconds: i32::try_from(seconds).unwrap_or(i32::MAX),
            with_actor_id: self.actor_id.clone().unwrap_or_default(),
        }
    }
}

/// Nothing for the empty event, which says that the stream is established.
fn row(node: &str, event: &Event) -> Result<Option<[String; 6]>> {
    let data = event.data.clone().unwrap_or_default();
    let Some((_, kind)) = data.type_url.rsplit_once('.') else {
        return Ok(None);
    };
    let described = describe(kind, &data.value);
    let (source, message) =
        described.with_context(|| format!("Events: understand event {}", event.id))?;
    Ok(Some([
        node.to_owned(),
        event.id.clone(),
        kind.to_owned(),
        event.actor_id.clone(),
        source,
        message,
    ]))
}

/// Source and message of an event.
fn describe(kind: &str, value: &[u8]) -> Result<(String, String), DecodeError> {
    let without_source = |message: String| (String::new(), message);
    Ok(match kind {
        "SequenceEvent" => {
            let event = SequenceEvent::decode(value)?;
            let action = event.action().as_str_name();
            let message = match event.error {
                Some(error) => format!("{action}: {}", error.message),
                None => action.to_owned(),
            };
            (event.sequence, message)
        }
        "PhaseEvent" => {
            let event = PhaseEvent::decode(value)?;
            let action = event.action().as_str_name().to_owned();
            (event.phase, action)
        }
        "TaskEvent" => {
            let event = TaskEvent::decode(value)?;
            let action = event.action().as_str_name().to_owned();
            (event.task, action)
        }
        "ServiceStateEvent" => {
            let event = ServiceStateEvent::decode(value)?;
            let action = event.action().as_str_name();
            let message = format!("{action}: {}", event.message);
            (event.service, message)
        }
        "MachineStatusEvent" => status(&MachineStatusEvent::decode(value)?),
        "AddressEvent" => {
            let event = AddressEvent::decode(value)?;
            (event.hostname, event.addresses.join(", "))
        }
        "RestartEvent" => without_source(RestartEvent::decode(value)?.cmd.to_string()),
        "ConfigLoadErrorEvent" => without_source(ConfigLoadErrorEvent::decode(value)?.error),
        "ConfigValidationErrorEvent" => {
            without_source(ConfigValidationErrorEvent::decode(value)?.error)
        }
        _ => without_source(format!("{} bytes", value.len())),
    })
}

fn status(event: &MachineStatusEvent) -> (String, String) {
    let status = event.status.clone().unwrap_or_default();
    let conditions = status.unmet_conditions.iter();
    let conditions = conditions.map(|each| format!("{}: {}", each.name, each.reason));
    let conditions = conditions.collect::<Vec<_>>().join(", ");
    let message = match (status.ready, conditions.as_str()) {
        (true, _) => "ready".to_owned(),
        (false, "") => "not ready".to_owned(),
        (false, conditions) => format!("not ready: {conditions}"),
    };
    (event.stage().as_str_name().to_owned(), message)
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ichor_api::machine::machine_status_event::machine_status::UnmetCondition;
    use ichor_api::machine::machine_status_event::{MachineStage, MachineStatus};
    use ichor_api::machine::phase_event;
    use prost_types::Any;

    use super::*;

    fn event(kind: &str, data: &impl Message) -> Event {
        Event {
            id: "id".into(),
            actor_id: "actor".into(),
            data: Some(Any {
                type_url: format!("talos/runtime/machine.{kind}"),
                value: data.encode_to_vec(),
            }),
            ..Event::default()
        }
    }

    fn shown(event: &Event) -> String {
        row("n", event).unwrap().unwrap().join("|")
    }

    #[test]
    fn events_have_a_source_and_a_message() {
        let phase = PhaseEvent {
            phase: "network (2/3)".into(),
            action: phase_event::Action::Stop.into(),
        };
        assert_eq!(
            shown(&event("PhaseEvent", &phase)),
            "n|id|PhaseEvent|actor|network (2/3)|STOP"
        );
        let status = MachineStatusEvent {
            stage: MachineStage::Booting.into(),
            status: Some(MachineStatus {
                ready: false,
                unmet_conditions: vec![UnmetCondition {
                    name: "services".into(),
                    reason: "apid not running".into(),
                }],
            }),
        };
        assert_eq!(
            shown(&event("MachineStatusEvent", &status)),
            "n|id|MachineStatusEvent|actor|BOOTING|not ready: services: apid not running"
        );
        assert_eq!(
            shown(&event("NewEvent", &phase)),
            "n|id|NewEvent|actor||17 bytes"
        );
        assert_eq!(row("n", &Event::default()).unwrap(), None);
    }

    #[test]
    fn flags_say_where_to_begin() {
        #[derive(Parser)]
        struct Line {
            #[command(flatten)]
            arguments: Arguments,
        }
        let request = |words: &[&str]| {
            let words = [&["events"], words].concat();
            Line::try_parse_from(words).map(|line| line.arguments.request())
        };
        assert_eq!(request(&["--tail", "-1"]).unwrap().tail_events, -1);
        assert_eq!(request(&["--duration", "10m"]).unwrap().tail_seconds, 600);
        let of_actor = request(&["--since", "x", "--actor-id", "y"]).unwrap();
        assert_eq!(of_actor.tail_id, "x");
        assert_eq!(of_actor.with_actor_id, "y");
        assert!(request(&["--since", "x", "--tail", "3"]).is_err());
        assert!(request(&["--duration", "10"]).is_err());
    }
}
