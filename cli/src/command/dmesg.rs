//! `ichor dmesg`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::DmesgRequest;

use crate::connect::{NodeFlags, called, read};
use crate::lines::Lines;
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Keep printing what comes.
    #[arg(short, long)]
    follow: bool,
    /// Print only what comes; needs --follow.
    #[arg(long, requires = "follow")]
    tail: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 dmesg
  ichor -i -n 10.5.0.2,10.5.0.3 dmesg --follow --tail";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let request = DmesgRequest {
        follow: arguments.follow,
        tail: arguments.tail,
    };
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().dmesg(request).await;
        let stream = reply.map_err(called("Dmesg"))?.into_inner();
        let mut lines = Lines::new(&node.name);
        // Each message is one line, with or without its end.
        read("Dmesg", stream, |data| {
            output::print(lines.add(&data.bytes) + &lines.end())
        })
        .await
    });
    Ok(asked.await?.exit_code())
}
