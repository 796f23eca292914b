//! `ichor`: the command line.

mod command;
mod connect;
mod jsonpath;
mod table;

use std::process::ExitCode;

use clap::{CommandFactory, Parser, Subcommand};
use clap_complete::Shell;

use command::{
    boot, cluster, controllers, disks, dmesg, events, get, inspect, list, logs, memory, mounts,
    netstat, processes, service, usage, version,
};
use connect::NodeFlags;

/// Talk to Ichor nodes.
#[derive(Parser)]
#[command(name = "ichor", version, after_help = EXAMPLES)]
struct Arguments {
    #[command(flatten)]
    nodes: NodeFlags,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  ichor -i -n 10.5.0.2 version
  ichor -i -n 10.5.0.2 get links
  ichor -i -n 10.5.0.2 get addresses -o yaml --watch
  ichor -i -n 10.5.0.2 logs machined -f";

#[derive(Subcommand)]
enum Command {
    /// Show how long each part of the boot took.
    Boot(boot::Arguments),
    /// Machines on this computer.
    Cluster(cluster::Arguments),
    /// Print the shell's completion script.
    Completion {
        /// Which shell.
        shell: Shell,
    },
    /// Show what happened to the node's controllers.
    Controllers(controllers::Arguments),
    /// List disks.
    Disks(disks::Arguments),
    /// Print the kernel log.
    Dmesg(dmesg::Arguments),
    /// Follow what happens on nodes.
    Events(events::Arguments),
    /// Get or watch resources.
    #[command(visible_alias = "g")]
    Get(get::Arguments),
    /// Look into images, and check them.
    Image {
        /// What to do.
        #[command(subcommand)]
        command: ichor_imager::command::Command,
    },
    /// Look at the inside of a node.
    Inspect {
        /// What to look at.
        #[command(subcommand)]
        command: inspect::Command,
    },
    /// List a directory.
    #[command(visible_alias = "ls")]
    List(list::Arguments),
    /// Print the log of a service.
    Logs(logs::Arguments),
    /// Show how memory is used.
    #[command(visible_aliases = ["m", "free"])]
    Memory(memory::Arguments),
    /// List mounts and their sizes.
    #[command(visible_alias = "mount")]
    Mounts(mounts::Arguments),
    /// List sockets.
    #[command(visible_alias = "ss")]
    Netstat(netstat::Arguments),
    /// List processes.
    #[command(visible_aliases = ["p", "ps"])]
    Processes(processes::Arguments),
    /// List services, or show one.
    #[command(visible_alias = "services")]
    Service(service::Arguments),
    /// Show how much space directories take.
    #[command(visible_alias = "du")]
    Usage(usage::Arguments),
    /// Print the versions of client and node.
    Version(version::Arguments),
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    ichor_sys::signals::end_at_broken_pipe();
    let Arguments { nodes, command } = Arguments::parse();
    let result = match command {
        Command::Cluster(arguments) => cluster::run(&arguments),
        Command::Completion { shell } => {
            let mut command = Arguments::command();
            clap_complete::generate(shell, &mut command, "ichor", &mut std::io::stdout());
            Ok(())
        }
        Command::Boot(arguments) => boot::run(&nodes, &arguments).await,
        Command::Controllers(arguments) => controllers::run(&nodes, &arguments).await,
        Command::Inspect { command } => inspect::run(&nodes, &command).await,
        Command::Netstat(arguments) => netstat::run(&nodes, &arguments).await,
        Command::Disks(arguments) => disks::run(&nodes, &arguments).await,
        Command::Dmesg(arguments) => dmesg::run(&nodes, &arguments).await,
        Command::Get(arguments) => get::run(&nodes, &arguments).await,
        Command::Image { command } => ichor_imager::command::run(command),
        Command::Logs(arguments) => logs::run(&nodes, &arguments).await,
        Command::Memory(arguments) => memory::run(&nodes, &arguments).await,
        Command::Service(arguments) => service::run(&nodes, &arguments).await,
        Command::Events(arguments) => events::run(&nodes, &arguments).await,
        Command::List(arguments) => list::run(&nodes, &arguments).await,
        Command::Mounts(arguments) => mounts::run(&nodes, &arguments).await,
        Command::Processes(arguments) => processes::run(&nodes, &arguments).await,
        Command::Usage(arguments) => usage::run(&nodes, &arguments).await,
        Command::Version(arguments) => version::run(&nodes, &arguments).await,
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error:#}");
            ExitCode::FAILURE
        }
    }
}
