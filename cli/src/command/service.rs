//! `ichor service`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, ValueEnum};
use ichor_api::machine::{
    ServiceInfo, ServiceRestartRequest, ServiceStartRequest, ServiceStopRequest,
};

use crate::connect::{Connected, NodeFlags, called};
use crate::human::age;
use crate::output;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The service; without it, all are listed.
    id: Option<String>,
    /// What to do with it.
    #[arg(value_enum, default_value = "status")]
    action: Action,
}

const EXAMPLES: &str = "\
Nodes in maintenance mode only show services; they let nobody start or end one.

Examples:
  ichor -i -n 10.5.0.2,10.5.0.3 services
  ichor -i -n 10.5.0.2 service apid
  ichor -i -n 10.5.0.2 service apid restart";

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Action {
    /// Show it.
    Status,
    /// Start it.
    Start,
    /// End it.
    Stop,
    /// End it and start it again.
    Restart,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    match (&arguments.id, arguments.action) {
        (None, _) => list(flags).await,
        (Some(id), Action::Status) => show(flags, id).await,
        (Some(id), action) => change(flags, id, action).await,
    }
}

async fn list(flags: &NodeFlags) -> Result<ExitCode> {
    let answers = flags.ask(services).await?;
    let mut table = Table::new([
        "NODE",
        "SERVICE",
        "STATE",
        "HEALTH",
        "LAST CHANGE",
        "LAST EVENT",
    ]);
    for (node, service) in answers.messages() {
        table.row(summary(node, service));
    }
    answers.finish(table)
}

async fn show(flags: &NodeFlags, id: &str) -> Result<ExitCode> {
    let asked = flags.ask(async |node| find(services(node).await?, id));
    let answers = asked.await?;
    for (node, service) in &answers.answers {
        output::print(details(node, service).take())?;
    }
    Ok(answers.exit_code())
}

async fn change(flags: &NodeFlags, id: &str, action: Action) -> Result<ExitCode> {
    let answers = flags.ask(async |node| act(node, id, action).await).await?;
    let mut table = Table::new(["NODE", "RESPONSE"]);
    for (node, response) in answers.messages() {
        table.row([node, response]);
    }
    answers.finish(table)
}

async fn services(node: &Connected) -> Result<Vec<ServiceInfo>> {
    let reply = node.client.machine().service_list(()).await;
    let messages = reply.map_err(called("ServiceList"))?.into_inner().messages;
    Ok(messages
        .into_iter()
        .flat_map(|each| each.services)
        .collect())
}

fn find(services: Vec<ServiceInfo>, id: &str) -> Result<ServiceInfo> {
    let ids: Vec<_> = services.iter().map(|service| service.id.as_str()).collect();
    let ids = ids.join(", ");
    match services.into_iter().find(|service| service.id == id) {
        Some(service) => Ok(service),
        None => bail!("there is no service {id:?}; there are: {ids}"),
    }
}

/// What the node says of it.
async fn act(node: &Connected, id: &str, action: Action) -> Result<Vec<String>> {
    let mut machine = node.client.machine();
    let id = id.to_owned();
    Ok(match action {
        Action::Status => Vec::new(),
        Action::Start => {
            let reply = machine.service_start(ServiceStartRequest { id }).await;
            let messages = reply.map_err(called("ServiceStart"))?.into_inner().messages;
            messages.into_iter().map(|each| each.resp).collect()
        }
        Action::Stop => {
            let reply = machine.service_stop(ServiceStopRequest { id }).await;
            let messages = reply.map_err(called("ServiceStop"))?.into_inner().messages;
            messages.into_iter().map(|each| each.resp).collect()
        }
        Action::Restart => {
            let reply = machine.service_restart(ServiceRestartRequest { id }).await;
            let reply = reply.map_err(called("ServiceRestart"))?.into_inner();
            reply.messages.into_iter().map(|each| each.resp).collect()
        }
    })
}

fn summary(node: &str, service: &ServiceInfo) -> Vec<String> {
    let events = service.events.clone().unwrap_or_default().events;
    let last = events.last();
    vec![
        node.to_owned(),
        service.id.clone(),
        service.state.clone(),
        health(service).to_owned(),
        last.map(|event| format!("{} ago", age(event.ts)))
            .unwrap_or_default(),
        last.map_or_else(|| "<none>".to_owned(), |event| event.msg.clone()),
    ]
}

fn details(node: &str, service: &ServiceInfo) -> Table {
    let mut table = Table::default();
    table.row(["NODE", node]);
    table.row(["ID", &service.id]);
    table.row(["STATE", &service.state]);
    table.row(["HEALTH", health(service)]);
    let last = service.health.as_ref().map(|each| &each.last_message);
    if let Some(message) = last.filter(|message| !message.is_empty()) {
        table.row(["LAST HEALTH MESSAGE", message]);
    }
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

#[cfg(test)]
mod tests {
    use ichor_api::machine::{ServiceEvent, ServiceEvents, ServiceHealth};

    use super::*;

    fn service(id: &str) -> ServiceInfo {
        let event = |state: &str, msg: &str| ServiceEvent {
            state: state.into(),
            msg: msg.into(),
            ..ServiceEvent::default()
        };
        ServiceInfo {
            id: id.into(),
            state: "Running".into(),
            events: Some(ServiceEvents {
                events: vec![event("Preparing", "made"), event("Running", "started")],
            }),
            health: Some(ServiceHealth {
                last_message: "no answer".into(),
                ..ServiceHealth::default()
            }),
        }
    }

    #[test]
    fn a_service_has_its_newest_event_first() {
        let row = summary("n", &service("apid")).join("|");
        assert_eq!(row, "n|apid|Running|Fail|0s ago|started");
        let row = summary("n", &ServiceInfo::default()).join("|");
        assert_eq!(row, "n|||?||<none>");
        let expected = "\
NODE                  n
ID                    apid
STATE                 Running
HEALTH                Fail
LAST HEALTH MESSAGE   no answer
EVENTS                [Running]: started (0s ago)
                      [Preparing]: made (0s ago)
";
        assert_eq!(details("n", &service("apid")).take(), expected);
        assert_eq!(health(&ServiceInfo::default()), "?");
    }

    #[test]
    fn who_asks_for_an_unknown_service_is_told_the_others() {
        let services = || vec![service("apid"), service("machined")];
        assert_eq!(find(services(), "apid").unwrap().id, "apid");
        let error = find(services(), "kubelet").unwrap_err().to_string();
        let expected = "there is no service \"kubelet\"; there are: apid, machined";
        assert_eq!(error, expected);
    }
}
