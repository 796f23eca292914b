//! `ichor mounts`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::MountStat;

use crate::connect::{NodeFlags, called};
use crate::table::Table;

const HEADER: &[&str] = &[
    "NODE",
    "FILESYSTEM",
    "SIZE(GB)",
    "USED(GB)",
    "AVAILABLE(GB)",
    "PERCENT USED",
    "MOUNTED ON",
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 mounts";

pub(crate) async fn run(flags: &NodeFlags, _: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().mounts(()).await;
        Ok(reply.map_err(called("Mounts"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(HEADER.iter().copied());
    for (node, message) in answers.messages() {
        for mount in &message.stats {
            table.row(row(node, mount));
        }
    }
    answers.finish(table)
}

fn row(node: &str, mount: &MountStat) -> Vec<String> {
    let used = mount.size.saturating_sub(mount.available);
    let percent = match mount.size {
        0 => 0.0,
        size => used as f64 / size as f64 * 100.0,
    };
    vec![
        node.to_owned(),
        mount.filesystem.clone(),
        gigabytes(mount.size),
        gigabytes(used),
        gigabytes(mount.available),
        format!("{percent:.2}%"),
        mount.mounted_on.clone(),
    ]
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.2}", bytes as f64 / 1e9)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_in_gigabytes() {
        let mount = MountStat {
            filesystem: "tmpfs".into(),
            size: 12_640_000_000,
            available: 9_480_000_000,
            mounted_on: "/run".into(),
        };
        let expected = "n tmpfs 12.64 3.16 9.48 25.00% /run";
        assert_eq!(row("n", &mount).join(" "), expected);
        assert_eq!(row("n", &mount).len(), HEADER.len());
        let empty = MountStat::default();
        assert_eq!(row("n", &empty).join(" "), "n  0.00 0.00 0.00 0.00% ");
    }
}
