//! `ichor logs`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ichor_api::machine::LogsRequest;
use tonic::Code;

use crate::connect::{Connected, NodeFlags, called, read};
use crate::lines::Lines;
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The service.
    service: String,
    /// Keep printing what comes.
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last lines; -1 for all.
    #[arg(
        long,
        default_value_t = -1,
        allow_negative_numbers = true,
        value_name = "LINES"
    )]
    tail: i32,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 logs machined
  ichor -i -n 10.5.0.2 logs apid --tail 20
  ichor -i -n 10.5.0.2,10.5.0.3 logs networkd --follow";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| print_log(node, arguments).await);
    Ok(asked.await?.exit_code())
}

async fn print_log(node: &Connected, arguments: &Arguments) -> Result<()> {
    let request = LogsRequest {
        namespace: "system".into(),
        id: arguments.service.clone(),
        driver: 0,
        follow: arguments.follow,
        tail_lines: arguments.tail,
    };
    let stream = match node.client.machine().logs(request).await {
        Ok(reply) => reply.into_inner(),
        Err(status) if status.code() == Code::NotFound => {
            bail!(unknown(node, &arguments.service).await?)
        }
        Err(status) => return Err(called("Logs")(status)),
    };
    let mut lines = Lines::new(&node.name);
    let read = read("Logs", stream, |data| output::print(lines.add(&data.bytes)));
    let ended = read.await;
    output::print(lines.end())?;
    ended
}

/// What to say of a log that is not there: which ones are.
async fn unknown(node: &Connected, service: &str) -> Result<String> {
    let reply = node.client.machine().logs_containers(()).await;
    let messages = reply.map_err(called("LogsContainers"))?.into_inner();
    let ids = messages.messages.into_iter().flat_map(|each| each.ids);
    let mut ids: Vec<_> = ids.collect();
    ids.sort();
    Ok(format!(
        "there is no log of {service:?}; there are: {}",
        ids.join(", ")
    ))
}
