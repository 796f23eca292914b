//! `ichor mounts`.

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
        "FILESYSTEM",
        "SIZE(GB)",
        "USED(GB)",
        "AVAILABLE(GB)",
        "PERCENT USED",
        "MOUNTED ON",
    ]);
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().mounts(()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        for mount in reply.messages.into_iter().flat_map(|message| message.stats) {
            let used = mount.size.saturating_sub(mount.available);
            let percent = match mount.size {
                0 => 0.0,
                size => used as f64 / size as f64 * 100.0,
            };
            table.row([
                node.name.clone(),
                mount.filesystem,
                gigabytes(mount.size),
                gigabytes(used),
                gigabytes(mount.available),
                format!("{percent:.2}%"),
                mount.mounted_on,
            ]);
        }
    }
    print!("{}", table.render());
    connections.finish()
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e9)
}
