//! `ichor usage`.

use anyhow::Result;
use clap::Args;
use ichor_api::machine::DiskUsageRequest;

use crate::connect::{NodeFlags, checked, explain};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {
    /// Where to measure; everything, without one.
    paths: Vec<String>,
    /// Show files too.
    #[arg(short, long)]
    all: bool,
    /// How deep; all the way, without it.
    #[arg(short, long, default_value_t = 0)]
    depth: i32,
    /// Show only what is as large as this in bytes; a negative number: as small as.
    #[arg(short, long, default_value_t = 0, allow_negative_numbers = true)]
    threshold: i64,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut table = Table::new(["NODE", "SIZE", "NAME"]);
    for node in std::mem::take(&mut connections.nodes) {
        let request = DiskUsageRequest {
            recursion_depth: arguments.depth,
            all: arguments.all,
            threshold: arguments.threshold,
            paths: arguments.paths.clone(),
        };
        let reply = node.client.machine().disk_usage(request).await;
        let Some(mut stream) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        loop {
            match stream.message().await {
                Ok(Some(info)) if info.error.is_empty() => {
                    table.row([node.name.clone(), info.size.to_string(), info.relative_name]);
                }
                Ok(Some(info)) => {
                    let error = anyhow::anyhow!("{}: {}", info.name, info.error);
                    connections.failed(&node.name, &error);
                }
                Ok(None) => break,
                Err(status) => {
                    connections.failed(&node.name, &explain(&status));
                    break;
                }
            }
        }
    }
    print!("{}", table.render());
    connections.finish()
}
