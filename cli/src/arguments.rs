//! What can be written after `ichor`, and what is said when it cannot be understood.

use std::ffi::OsString;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{ArgMatches, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::command::{
    boot, cluster, completion, controllers, diskfree, disks, dmesg, events, get, image, inspect,
    list, logs, memory, mounts, netstat, processes, service, usage, version,
};
use crate::connect::{self, NodeFlags};
use crate::later;
use crate::output;

/// Talk to Ichor nodes, and run some on this computer.
#[derive(Debug, Parser)]
#[command(name = "ichor", version, after_help = EXAMPLES)]
pub(crate) struct Arguments {
    #[command(flatten)]
    pub(crate) nodes: NodeFlags,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const EXAMPLES: &str = "\
Examples:
  ichor cluster create --image disk.raw
  ichor --insecure --nodes 10.5.0.2 version
  ichor -i -n 10.5.0.2,10.5.0.3 get links
  ichor -i -n 10.5.0.2 get addresses -o yaml --watch
  ichor -i -n 10.5.0.2 logs machined -f";

/// A command, by what it needs.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[command(flatten)]
    Online(Online),
    #[command(flatten)]
    Offline(Offline),
    /// Print the versions of this program and of nodes.
    Version(version::Arguments),
}

/// Commands that ask nodes.
#[derive(Debug, Subcommand)]
pub(crate) enum Online {
    /// Show how long each part of the boot took.
    Boot(boot::Arguments),
    /// Show what happened to the node's controllers.
    Controllers(controllers::Arguments),
    /// Show how full file systems are.
    #[command(visible_alias = "df")]
    Diskfree(diskfree::Arguments),
    /// List disks.
    Disks(disks::Arguments),
    /// Print the kernel log.
    Dmesg(dmesg::Arguments),
    /// Follow what happens on nodes.
    Events(events::Arguments),
    /// Get or watch resources.
    #[command(visible_alias = "g")]
    Get(get::Arguments),
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
    /// List services, show one, or start or end it.
    #[command(visible_alias = "services")]
    Service(service::Arguments),
    /// Show how much space directories take.
    #[command(visible_alias = "du")]
    Usage(usage::Arguments),
}

/// Commands that ask no node.
#[derive(Debug, Subcommand)]
pub(crate) enum Offline {
    /// Machines on this computer.
    Cluster(cluster::Arguments),
    /// Print the completion script of a shell.
    Completion(completion::Arguments),
    /// Look into images, and check them.
    #[command(visible_alias = "images")]
    Image {
        /// What to do.
        #[command(subcommand)]
        command: image::Command,
    },
}

/// The definition of all commands.
pub(crate) fn definition() -> clap::Command {
    connect::with_flags(Arguments::command())
}

/// Why the arguments were not taken.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// They cannot be understood, or ask for help.
    Clap(clap::Error),
    /// A sentence that says what to do.
    Sentence(String),
}

impl Refusal {
    /// Tells it, and gives the exit code.
    pub(crate) fn tell(&self) -> ExitCode {
        match self {
            Self::Sentence(sentence) => output::tell(format_args!("{sentence}")),
            Self::Clap(error) => {
                // Nobody is there to be told that nobody is there.
                error.print().ok();
            }
        }
        match self.is_failure() {
            true => ExitCode::FAILURE,
            false => ExitCode::SUCCESS,
        }
    }

    /// Who asks for help gets it.
    fn is_failure(&self) -> bool {
        use ErrorKind::{DisplayHelp, DisplayVersion};
        match self {
            Self::Sentence(_) => true,
            Self::Clap(error) => !matches!(error.kind(), DisplayHelp | DisplayVersion),
        }
    }
}

/// Understands the arguments, the program's name first.
pub(crate) fn parse(words: &[OsString]) -> Result<Arguments, Refusal> {
    let refuse = |error: clap::Error| match later::sentence(&error, words) {
        Some(sentence) => Refusal::Sentence(sentence),
        None => Refusal::Clap(error),
    };
    let matches = definition().try_get_matches_from(words).map_err(refuse)?;
    let mut arguments = Arguments::from_arg_matches(&matches).map_err(refuse)?;
    if matches!(arguments.command, Command::Offline(_)) {
        return match useless_flag(&matches) {
            Some(sentence) => Err(Refusal::Sentence(sentence)),
            None => Ok(arguments),
        };
    }
    let added = arguments.nodes.add_those_below(&matches);
    added.map_err(refuse)?;
    Ok(arguments)
}

/// Flags that choose nodes say nothing to a command that asks none.
fn useless_flag(matches: &ArgMatches) -> Option<String> {
    let flag = connect::first_given(matches)?;
    let (name, _) = matches.subcommand()?;
    Some(format!("`ichor {name}` asks no node: leave out --{flag}"))
}

#[cfg(test)]
mod tests;
