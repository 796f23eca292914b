//! Measures a node: `./x bench` runs all of it; `load` runs against any endpoint.

mod first;
mod guest;
mod inside;
mod load;
mod native;
mod promises;
mod report;
mod state;
mod vm;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Parser, Subcommand};
use ichor_client::NodeAddress;

/// Measure a node.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Call Version again and again.
    Load {
        /// The node, such as 10.5.0.2 or 127.0.0.1:50000.
        endpoint: NodeAddress,
        #[command(flatten)]
        load: load::Settings,
        /// Print one line of JSON instead of a table.
        #[arg(long)]
        json: bool,
    },
    /// Try to connect until the first answer, and print when that was.
    #[command(hide = true)]
    First {
        /// The node.
        endpoint: NodeAddress,
    },
    /// Measure the speed of this computer.
    Speed {
        /// Stop the machine afterwards: for a guest in which this is the only program.
        #[arg(long)]
        json: bool,
    },
    /// Measure how long a machine takes to its first answer, and compare it with what is promised.
    Boot {
        #[command(flatten)]
        image: vm::Image,
    },
    /// Measure the resource state, and compare it with what is promised.
    State,
    /// Measure everything and compare it with what is promised.
    All {
        /// The root file system of the image.
        #[arg(long)]
        squashfs: PathBuf,
        #[command(flatten)]
        image: vm::Image,
        /// The disk of the image with the probe in it.
        #[arg(long)]
        probe_disk: PathBuf,
        /// How long an idle node is watched, in seconds.
        #[arg(long, default_value = "60")]
        idle: u64,
    },
}

fn main() -> Result<ExitCode> {
    // As the only program of a guest, it measures and ends the machine.
    if std::process::id() == 1 {
        return guest::main();
    }
    match Arguments::parse().command {
        Command::Load {
            endpoint,
            load,
            json,
        } => {
            let result = load::run(&endpoint, &load)?;
            match json {
                true => println!("{}", serde_json::to_string(&result)?),
                false => print!("{}", result.table()),
            }
        }
        Command::First { endpoint } => println!("{}", first::run(&endpoint)?),
        Command::Speed { json } => {
            let speed = ichor_speed::measure();
            match json {
                true => println!("{}", serde_json::to_string(&speed)?),
                false => println!("{speed}"),
            }
        }
        Command::Boot { image } => {
            let mut report = report::Report::new(ichor_speed::measure());
            vm::measure_boot(&image, &mut report)?;
            return Ok(report.end());
        }
        Command::State => {
            let mut report = report::Report::new(ichor_speed::measure());
            state::measure(&mut report)?;
            return Ok(report.end());
        }
        Command::All {
            squashfs,
            image,
            probe_disk,
            idle,
        } => {
            let idle = Duration::from_secs(idle);
            let mut report = report::Report::new(ichor_speed::measure());
            state::measure(&mut report)?;
            native::measure(&squashfs, idle, &mut report)?;
            vm::measure_boot(&image, &mut report)?;
            inside::measure(&probe_disk, idle, &mut report)?;
            return Ok(report.end());
        }
    }
    Ok(ExitCode::SUCCESS)
}
