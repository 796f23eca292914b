//! `ichor service`.

use std::time::{Duration, SystemTime};

use anyhow::{Result, bail};
use clap::Args;
use ichor_api::machine::ServiceInfo;

use crate::connect::{NodeFlags, checked};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The service to show; without it, all are listed.
    id: Option<String>,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut table = Table::new([
        "NODE",
        "SERVICE",
        "STATE",
        "HEALTH",
        "LAST CHANGE",
        "LAST EVENT",
    ]);
    let mut found = false;
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().service_list(()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        let services = reply
            .messages
            .into_iter()
            .flat_map(|message| message.services);
        for service in services {
            match &arguments.id {
                Some(id) if *id == service.id => {
                    found = true;
                    print!("{}", details(&node.name, &service).render());
                }
                Some(_) => {}
                None => table.row(summary(&node.name, &service)),
            }
        }
    }
    match &arguments.id {
        None => print!("{}", table.render()),
        Some(id) if !found => bail!("no node has a service {id:?}"),
        Some(_) => {}
    }
    connections.finish()
}

fn summary(node: &str, service: &ServiceInfo) -> Vec<String> {
    let events = service.events.clone().unwrap_or_default().events;
    let last = events.last();
    vec![
        node.to_owned(),
        service.id.clone(),
        service.state.clone(),
        health(service).to_owned(),
        last.map(|event| age(event.ts)).unwrap_or_default(),
        last.map(|event| event.msg.clone()).unwrap_or_default(),
    ]
}

fn details(node: &str, service: &ServiceInfo) -> Table {
    let mut table = Table::default();
    table.row(["NODE", node]);
    table.row(["ID", &service.id]);
    table.row(["STATE", &service.state]);
    table.row(["HEALTH", health(service)]);
    let events = service.events.clone().unwrap_or_default().events;
    for (index, event) in events.iter().rev().enumerate() {
        let label = if index == 0 { "EVENTS" } else { "" };
        let text = format!("[{}]: {} ({} ago)", event.state, event.msg, age(event.ts));
        table.row([label, &text]);
    }
    table
}

fn health(service: &ServiceInfo) -> &'static str {
    match &service.health {
        Some(health) if health.unknown => "?",
        Some(health) if health.healthy => "OK",
        Some(_) => "Fail",
        None => "?",
    }
}

fn age(time: Option<prost_types::Timestamp>) -> String {
    let time = time.and_then(|time| SystemTime::try_from(time).ok());
    let age = time.and_then(|time| SystemTime::now().duration_since(time).ok());
    let seconds = age.unwrap_or(Duration::ZERO).as_secs();
    match (seconds / 3600, seconds / 60 % 60, seconds % 60) {
        (0, 0, seconds) => format!("{seconds}s"),
        (0, minutes, seconds) => format!("{minutes}m{seconds}s"),
        (hours, minutes, seconds) => format!("{hours}h{minutes}m{seconds}s"),
    }
}
