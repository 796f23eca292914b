//! `ichor memory`.

use anyhow::Result;
use clap::Args;

use crate::connect::{NodeFlags, checked};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {}

pub(crate) async fn run(flags: &NodeFlags, _: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut table = Table::new([
        "NODE",
        "TOTAL",
        "USED",
        "FREE",
        "SHARED",
        "BUFFERS",
        "CACHE",
        "AVAILABLE",
    ]);
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().memory(()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        for message in reply.messages {
            let info = message.meminfo.unwrap_or_default();
            let free = info.memfree + info.buffers + info.cached;
            let mebibytes = |kibibytes: u64| (kibibytes / 1024).to_string();
            table.row([
                node.name.clone(),
                mebibytes(info.memtotal),
                mebibytes(info.memtotal.saturating_sub(free)),
                mebibytes(info.memfree),
                mebibytes(info.shmem),
                mebibytes(info.buffers),
                mebibytes(info.cached),
                mebibytes(info.memavailable),
            ]);
        }
    }
    print!("{}", table.render());
    connections.finish()
}
