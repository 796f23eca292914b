//! `ichor usage`.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use ichor_api::machine::{DiskUsageInfo, DiskUsageRequest};

use crate::connect::{Connected, NodeFlags, called, read};
use crate::human;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Where to measure; everything, without one.
    #[arg(value_name = "PATH")]
    paths: Vec<String>,
    /// Show files too.
    #[arg(short, long)]
    all: bool,
    /// Show sizes for people.
    #[arg(short = 'H', long)]
    humanize: bool,
    /// How deep; all the way, with 0.
    #[arg(short, long, default_value_t = 0, value_parser = clap::value_parser!(i32).range(0..))]
    depth: i32,
    /// Show only what is as large as this in bytes; a negative number: as small as.
    #[arg(
        short,
        long,
        default_value_t = 0,
        allow_negative_numbers = true,
        value_name = "BYTES"
    )]
    threshold: i64,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 usage /var --depth 1
  ichor -i -n 10.5.0.2,10.5.0.3 du -aH /etc
  ichor -i -n 10.5.0.2 usage /usr /var --threshold 1000000";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| arguments.measure(node).await);
    let answers = asked.await?;
    let mut table = match flags.are_several() {
        true => Table::new(["NODE", "SIZE", "NAME"]),
        false => Table::new(["SIZE", "NAME"]),
    };
    for (node, info) in answers.messages() {
        let size = u64::try_from(info.size).unwrap_or_default();
        let size = human::size(size, arguments.humanize);
        match flags.are_several() {
            true => table.row([node, &size, &info.relative_name]),
            false => table.row([&size, &info.relative_name]),
        }
    }
    answers.finish(table)
}

impl Arguments {
    async fn measure(&self, node: &Connected) -> Result<Vec<DiskUsageInfo>> {
        let request = DiskUsageRequest {
            recursion_depth: self.depth,
            all: self.all,
            threshold: self.threshold,
            paths: self.paths.clone(),
        };
        let reply = node.client.machine().disk_usage(request).await;
        let stream = reply.map_err(called("DiskUsage"))?.into_inner();
        let mut found = Vec::new();
        let measured = read("DiskUsage", stream, |info| {
            match info.error.as_str() {
                "" => found.push(info),
                error => node.complain(&anyhow!("DiskUsage: {}: {error}", info.name)),
            }
            Ok(())
        });
        measured.await?;
        Ok(found)
    }
}
