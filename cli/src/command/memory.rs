//! `ichor memory`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::MemInfo;

use crate::connect::{NodeFlags, called};
use crate::output;
use crate::table::Table;

const HEADER: &[&str] = &[
    "NODE",
    "TOTAL",
    "USED",
    "FREE",
    "SHARED",
    "BUFFERS",
    "CACHE",
    "AVAILABLE",
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print all that the kernel counts, in the form of /proc/meminfo.
    #[arg(short, long)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Sizes are in MiB; with --verbose in KiB, as the kernel has them.

Examples:
  ichor -i -n 10.5.0.2 memory
  ichor -i -n 10.5.0.2 free --verbose";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().memory(()).await;
        Ok(reply.map_err(called("Memory"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(HEADER.iter().copied());
    for (node, message) in answers.messages() {
        let info = message.meminfo.unwrap_or_default();
        match arguments.verbose {
            true => output::print(format!("NODE: {node}\n{}", lines(&info)))?,
            false => table.row(row(node, &info)),
        }
    }
    match arguments.verbose {
        true => Ok(answers.exit_code()),
        false => answers.finish(table),
    }
}

fn row(node: &str, info: &MemInfo) -> Vec<String> {
    let free = info.memfree + info.buffers + info.cached;
    let mebibytes = |kibibytes: u64| (kibibytes / 1024).to_string();
    vec![
        node.to_owned(),
        mebibytes(info.memtotal),
        mebibytes(info.memtotal.saturating_sub(free)),
        mebibytes(info.memfree),
        mebibytes(info.shmem),
        mebibytes(info.buffers),
        mebibytes(info.cached),
        mebibytes(info.memavailable),
    ]
}

/// A name and its value, in KiB.
type Field = (&'static str, fn(&MemInfo) -> u64);

/// All fields under the kernel's names (proc_meminfo(5)).
const FIELDS: &[Field] = &[
    ("MemTotal", |info| info.memtotal),
    ("MemFree", |info| info.memfree),
    ("MemAvailable", |info| info.memavailable),
    ("Buffers", |info| info.buffers),
    ("Cached", |info| info.cached),
    ("SwapCached", |info| info.swapcached),
    ("Active", |info| info.active),
    ("Inactive", |info| info.inactive),
    ("Active(anon)", |info| info.activeanon),
    ("Inactive(anon)", |info| info.inactiveanon),
    ("Active(file)", |info| info.activefile),
    ("Inactive(file)", |info| info.inactivefile),
    ("Unevictable", |info| info.unevictable),
    ("Mlocked", |info| info.mlocked),
    ("SwapTotal", |info| info.swaptotal),
    ("SwapFree", |info| info.swapfree),
    ("Dirty", |info| info.dirty),
    ("Writeback", |info| info.writeback),
    ("AnonPages", |info| info.anonpages),
    ("Mapped", |info| info.mapped),
    ("Shmem", |info| info.shmem),
    ("Slab", |info| info.slab),
    ("SReclaimable", |info| info.sreclaimable),
    ("SUnreclaim", |info| info.sunreclaim),
    ("KernelStack", |info| info.kernelstack),
    ("PageTables", |info| info.pagetables),
    ("NFS_Unstable", |info| info.nfsunstable),
    ("Bounce", |info| info.bounce),
    ("WritebackTmp", |info| info.writebacktmp),
    ("CommitLimit", |info| info.commitlimit),
    ("Committed_AS", |info| info.committedas),
    ("VmallocTotal", |info| info.vmalloctotal),
    ("VmallocUsed", |info| info.vmallocused),
    ("VmallocChunk", |info| info.vmallocchunk),
    ("HardwareCorrupted", |info| info.hardwarecorrupted),
    ("AnonHugePages", |info| info.anonhugepages),
    ("ShmemHugePages", |info| info.shmemhugepages),
    ("ShmemPmdMapped", |info| info.shmempmdmapped),
    ("CmaTotal", |info| info.cmatotal),
    ("CmaFree", |info| info.cmafree),
    ("HugePages_Total", |info| info.hugepagestotal),
    ("HugePages_Free", |info| info.hugepagesfree),
    ("HugePages_Rsvd", |info| info.hugepagesrsvd),
    ("HugePages_Surp", |info| info.hugepagessurp),
    ("Hugepagesize", |info| info.hugepagesize),
    ("DirectMap4k", |info| info.directmap4k),
    ("DirectMap2M", |info| info.directmap2m),
    ("DirectMap1G", |info| info.directmap1g),
];

fn lines(info: &MemInfo) -> String {
    let line = |(name, value): &Field| {
        // These count pages.
        let unit = match name.starts_with("HugePages_") {
            true => "",
            false => " kB",
        };
        format!("{:<18}{:>12}{unit}\n", format!("{name}:"), value(info))
    };
    FIELDS.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_can_be_had_back_is_not_used() {
        let info = MemInfo {
            memtotal: 2048 << 10,
            memfree: 1024 << 10,
            memavailable: 1500 << 10,
            buffers: 8 << 10,
            cached: 216 << 10,
            shmem: 4 << 10,
            hugepagestotal: 3,
            ..MemInfo::default()
        };
        let expected = "n 2048 800 1024 4 8 216 1500";
        assert_eq!(row("n", &info).join(" "), expected);
        let text = lines(&info);
        assert!(
            text.starts_with("MemTotal:              2097152 kB\n"),
            "{text}"
        );
        assert!(text.contains("HugePages_Total:             3\n"), "{text}");
        assert_eq!(text.lines().count(), FIELDS.len());
    }
}
