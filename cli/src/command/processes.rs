//! `ichor processes`.

use anyhow::Result;
use clap::{Args, ValueEnum};

use crate::connect::{NodeFlags, checked};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {
    /// What the list is sorted by, largest first.
    #[arg(short, long, value_enum, default_value = "rss")]
    sort: Sort,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Memory that is resident.
    Rss,
    /// Time on a processor.
    Cpu,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut table = Table::new([
        "NODE", "PID", "STATE", "THREADS", "CPU-TIME", "VIRTMEM", "RESMEM", "LABEL", "COMMAND",
    ]);
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().processes(()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        let messages = reply.messages.into_iter();
        let mut processes: Vec<_> = messages.flat_map(|message| message.processes).collect();
        processes.sort_by(|a, b| match arguments.sort {
            Sort::Rss => b.resident_memory.cmp(&a.resident_memory),
            Sort::Cpu => b.cpu_time.total_cmp(&a.cpu_time),
        });
        for process in processes {
            let command = match process.args.is_empty() {
                true => process.command,
                false => process.args,
            };
            table.row([
                node.name.clone(),
                process.pid.to_string(),
                process.state,
                process.threads.to_string(),
                format!("{:.2}", process.cpu_time),
                mebibytes(process.virtual_memory),
                mebibytes(process.resident_memory),
                process.label,
                command,
            ]);
        }
    }
    print!("{}", table.render());
    connections.finish()
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}
