//! `ichor processes`.

use std::io::IsTerminal;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, ValueEnum};
use ichor_api::machine::ProcessInfo;

use crate::connect::{Answers, Connected, NodeFlags, called};
use crate::output;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// What the list is sorted by, largest first.
    #[arg(short, long, value_enum, default_value = "rss")]
    sort: Sort,
    /// Print the list again every second, until interrupted.
    #[arg(short, long)]
    watch: bool,
    /// Show parents and programs too.
    #[arg(short, long)]
    verbose: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 processes
  ichor -i -n 10.5.0.2,10.5.0.3 ps --sort cpu
  ichor -i -n 10.5.0.2 processes --watch --verbose";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Sort {
    /// Memory that is resident.
    Rss,
    /// Time on a processor.
    Cpu,
}

/// Between two lists.
const PAUSE: Duration = Duration::from_secs(1);
/// Goes to the top left and erases what is below (ECMA-48, CUP and ED).
const CLEAR: &str = "\x1b[H\x1b[2J";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    if !arguments.watch {
        let mut answers = flags.ask(list).await?;
        let table = arguments.table(&mut answers);
        return answers.finish(table);
    }
    let clear = match std::io::stdout().is_terminal() {
        true => CLEAR,
        false => "",
    };
    loop {
        let mut answers = flags.ask(list).await?;
        output::print(format!("{clear}{}", arguments.table(&mut answers).take()))?;
        if answers.answers.is_empty() {
            return Ok(answers.exit_code());
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn list(node: &Connected) -> Result<Vec<ProcessInfo>> {
    let reply = node.client.machine().processes(()).await;
    let messages = reply.map_err(called("Processes"))?.into_inner().messages;
    let processes = messages.into_iter().flat_map(|message| message.processes);
    Ok(processes.collect())
}

impl Arguments {
    fn table(&self, answers: &mut Answers<Vec<ProcessInfo>>) -> Table {
        let mut header = vec!["NODE", "PID"];
        if self.verbose {
            header.push("PPID");
        }
        header.extend(["STATE", "THREADS", "CPU-TIME", "VIRTMEM", "RESMEM", "LABEL"]);
        if self.verbose {
            header.push("PROGRAM");
        }
        header.push("COMMAND");
        let mut table = Table::new(header);
        for (_, processes) in &mut answers.answers {
            processes.sort_by(|a, b| match self.sort {
                Sort::Rss => b.resident_memory.cmp(&a.resident_memory),
                Sort::Cpu => b.cpu_time.total_cmp(&a.cpu_time),
            });
        }
        for (node, process) in answers.messages() {
            table.row(self.row(node, process));
        }
        table
    }

    fn row(&self, node: &str, process: &ProcessInfo) -> Vec<String> {
        let mut row = vec![node.to_owned(), process.pid.to_string()];
        if self.verbose {
            row.push(process.ppid.to_string());
        }
        row.extend([
            process.state.clone(),
            process.threads.to_string(),
            format!("{:.2}", process.cpu_time),
            mebibytes(process.virtual_memory),
            mebibytes(process.resident_memory),
            process.label.clone(),
        ]);
        if self.verbose {
            row.push(process.executable.clone());
        }
        row.push(match process.args.is_empty() {
            true => process.command.clone(),
            false => process.args.clone(),
        });
        row
    }
}

fn mebibytes(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn process(pid: i32, resident_memory: u64, cpu_time: f64) -> ProcessInfo {
        ProcessInfo {
            pid,
            ppid: 1,
            state: "S".into(),
            threads: 2,
            cpu_time,
            virtual_memory: 64 << 20,
            resident_memory,
            command: "apid".into(),
            executable: "/usr/bin/ichor-os".into(),
            ..ProcessInfo::default()
        }
    }

    fn table(words: &[&str]) -> String {
        let words = [&["processes"], words].concat();
        let arguments = Line::parse_from(words).arguments;
        let processes = vec![process(7, 1 << 20, 2.5), process(8, 5 << 20, 0.125)];
        let mut answers = Answers::of("n", processes);
        arguments.table(&mut answers).take()
    }

    #[test]
    fn the_largest_is_first() {
        let expected = "\
NODE   PID   STATE   THREADS   CPU-TIME   VIRTMEM   RESMEM   LABEL   COMMAND
n      8     S       2         0.12       64 MiB    5 MiB            apid
n      7     S       2         2.50       64 MiB    1 MiB            apid
";
        assert_eq!(table(&[]), expected);
        let by_time = table(&["-s", "cpu", "-v"]);
        let first = by_time.lines().nth(1).unwrap();
        let words: Vec<_> = first.split_whitespace().collect();
        assert_eq!(words[1..3], ["7", "1"]);
        assert!(first.contains("/usr/bin/ichor-os"), "{first}");
    }
}
