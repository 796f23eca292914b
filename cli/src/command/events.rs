//! `ichor events`.

use anyhow::{Result, bail};
use clap::Args;
use futures_util::stream::{FuturesUnordered, StreamExt};
use ichor_api::machine::{
    Event, EventsRequest, PhaseEvent, SequenceEvent, ServiceStateEvent, TaskEvent,
};
use prost::{DecodeError, Message};
use tonic::Streaming;

use crate::connect::{NodeFlags, checked, explain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Begin with the last events; -1 for all that are kept.
    #[arg(long, default_value_t = 0, allow_negative_numbers = true)]
    tail: i32,
    /// Begin with the events of so many seconds.
    #[arg(long, default_value_t = 0)]
    duration: i32,
    /// Begin after the event of this id.
    #[arg(long, default_value = "")]
    since: String,
    /// Show only events of this actor.
    #[arg(long, default_value = "")]
    actor_id: String,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut streams = FuturesUnordered::new();
    for node in std::mem::take(&mut connections.nodes) {
        let request = EventsRequest {
            tail_events: arguments.tail,
            tail_id: arguments.since.clone(),
            tail_seconds: arguments.duration,
            with_actor_id: arguments.actor_id.clone(),
        };
        let reply = node.client.machine().events(request).await;
        if let Some(stream) = checked(&mut connections, &node.name, reply) {
            streams.push(follow(node.name, stream));
        }
    }
    println!("NODE   ID   EVENT   ACTOR   SOURCE   MESSAGE");
    while let Some((node, error)) = streams.next().await {
        connections.failed(&node, &error);
    }
    connections.finish()
}

/// Prints events until the stream ends; events have no end, so that is an error.
async fn follow(node: String, mut stream: Streaming<Event>) -> (String, anyhow::Error) {
    loop {
        match stream.message().await {
            Ok(Some(event)) => {
                if let Err(error) = print(&node, &event) {
                    return (node, error);
                }
            }
            Ok(None) => return (node, anyhow::anyhow!("the node ended the stream")),
            Err(status) => return (node, explain(&status)),
        }
    }
}

fn print(node: &str, event: &Event) -> Result<()> {
    let data = event.data.clone().unwrap_or_default();
    let Some((_, kind)) = data.type_url.rsplit_once('.') else {
        // The empty event says that the stream is established.
        return Ok(());
    };
    let text = match describe(kind, &data.value) {
        Ok(text) => text,
        Err(error) => bail!("event {}: {error}", event.id),
    };
    println!(
        "{node}   {}   {kind}   {}   {text}",
        event.id, event.actor_id
    );
    Ok(())
}

/// Source and message of an event.
fn describe(kind: &str, value: &[u8]) -> Result<String, DecodeError> {
    Ok(match kind {
        "SequenceEvent" => {
            let event = SequenceEvent::decode(value)?;
            let error = event
                .error
                .clone()
                .map(|error| format!(": {}", error.message));
            let action = event.action().as_str_name();
            format!("{}   {action}{}", event.sequence, error.unwrap_or_default())
        }
        "PhaseEvent" => {
            let event = PhaseEvent::decode(value)?;
            format!("{}   {}", event.phase, event.action().as_str_name())
        }
        "TaskEvent" => {
            let event = TaskEvent::decode(value)?;
            format!("{}   {}", event.task, event.action().as_str_name())
        }
        "ServiceStateEvent" => {
            let event = ServiceStateEvent::decode(value)?;
            let action = event.action().as_str_name();
            format!("{}   {action}: {}", event.service, event.message)
        }
        _ => format!("{} bytes", value.len()),
    })
}
