//! `ichor disks`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::storage::Disk;
use ichor_resource::specs::pretty_size;

use crate::connect::{NodeFlags, called};
use crate::table::Table;

const HEADER: &[&str] = &[
    "NODE",
    "DEV",
    "MODEL",
    "SERIAL",
    "TYPE",
    "UUID",
    "WWID",
    "MODALIAS",
    "NAME",
    "SIZE",
    "BUS PATH",
    "SUBSYSTEM",
    "READ ONLY",
    "SYSTEM DISK",
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Loop devices that have a file, and disks that are made of others, are listed too. A star marks the
disk that the system is installed on.

Examples:
  ichor -i -n 10.5.0.2 disks
  ichor -i -n 10.5.0.2 get disks --watch
  ichor -i -n 10.5.0.2 get disk vda -o yaml
  ichor -i -n 10.5.0.2 get blocksymlinks -o yaml
  ichor -i -n 10.5.0.2 get systemdisk";

pub(crate) async fn run(flags: &NodeFlags, _: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.storage().disks(()).await;
        Ok(reply.map_err(called("Disks"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(HEADER.iter().copied());
    for (node, message) in answers.messages() {
        for disk in &message.disks {
            table.row(row(node, disk));
        }
    }
    answers.finish(table)
}

fn row(node: &str, disk: &Disk) -> Vec<String> {
    let cells = [
        node,
        &disk.device_name,
        &disk.model,
        &disk.serial,
        disk.r#type().as_str_name(),
        &disk.uuid,
        &disk.wwid,
        &disk.modalias,
        &disk.name,
        &pretty_size(disk.size),
        &disk.bus_path,
        &disk.subsystem,
        if disk.readonly { "true" } else { "false" },
        if disk.system_disk { "*" } else { "" },
    ];
    let shown = |cell: &&str| match *cell {
        "" => "-".to_owned(),
        // Some have blanks within.
        cell => cell.split_whitespace().collect::<Vec<_>>().join(" "),
    };
    let mut row: Vec<String> = cells.iter().map(shown).collect();
    if let Some(last) = row.last_mut().filter(|last| *last == "-") {
        last.clear();
    }
    row
}

#[cfg(test)]
mod tests {
    use ichor_api::storage::disk::DiskType;

    use super::*;

    #[test]
    fn a_row_has_a_cell_for_each_column() {
        let disk = Disk {
            device_name: "/dev/sda".into(),
            r#type: DiskType::Ssd.into(),
            size: 6 << 30,
            wwid: "t10.ATA     QEMU HARDDISK      QM00001     ".into(),
            system_disk: true,
            ..Disk::default()
        };
        let found = row("node-1", &disk);
        assert_eq!(found.len(), HEADER.len());
        let expected =
            "node-1 /dev/sda - - SSD - t10.ATA QEMU HARDDISK QM00001 - - 6.4 GB - - false *";
        assert_eq!(found.join(" "), expected);
        assert_eq!(row("node-1", &Disk::default()).last().unwrap(), "");
    }
}
