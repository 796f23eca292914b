//! `ichor cluster`: machines on this computer.

mod create;
mod destroy;
mod logs;
mod reboot;
mod show;

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use ichor_vm::{Cluster, ClusterError, Node};

#[derive(Args, Debug)]
pub(crate) struct Arguments {
    #[command(flatten)]
    place: Place,
    #[command(subcommand)]
    command: Command,
}

/// Which cluster is meant.
#[derive(Args, Debug)]
struct Place {
    /// Name of the cluster.
    #[arg(long, global = true, default_value = "local")]
    name: String,
    /// Where clusters are kept, each in a directory of its name; ~/.ichor/clusters without this.
    #[arg(long, global = true, value_name = "DIRECTORY")]
    state: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Make a cluster of QEMU machines, which go on in the background.
    Create(Box<create::Arguments>),
    /// Show the machines and how to reach them.
    Show(show::Arguments),
    /// Print what a machine has written to its console.
    Logs(logs::Arguments),
    /// Cut the power of machines and turn them on again.
    Reboot(reboot::Arguments),
    /// End the machines and remove their disks.
    Destroy(destroy::Arguments),
}

pub(crate) fn run(Arguments { place, command }: &Arguments) -> Result<ExitCode> {
    match command {
        Command::Create(arguments) => return create::run(place, arguments),
        Command::Show(_) => show::run(place)?,
        Command::Logs(arguments) => logs::run(place, arguments)?,
        Command::Reboot(arguments) => reboot::run(place, arguments)?,
        Command::Destroy(arguments) => destroy::run(place, arguments)?,
    }
    Ok(ExitCode::SUCCESS)
}

impl Place {
    fn directory(&self) -> Result<PathBuf> {
        Ok(match &self.state {
            Some(base) => Cluster::directory_in(base, &self.name)?,
            None => Cluster::directory_of(&self.name)?,
        })
    }

    fn open(&self) -> Result<Cluster> {
        match Cluster::open(&self.directory()?) {
            Err(ClusterError::Missing(directory)) => {
                let base = directory.parent().map(Cluster::names_in);
                let names = base.unwrap_or_default();
                let name = &self.name;
                match names.is_empty() {
                    true => {
                        bail!("there is no cluster {name}: make one with `ichor cluster create`")
                    }
                    false => bail!(
                        "there is no cluster {name}: choose one with --name; there are: {}",
                        names.join(", ")
                    ),
                }
            }
            other => Ok(other?),
        }
    }

    /// The command that begins with these words, for this cluster.
    fn command(&self, words: &str) -> String {
        let mut command = format!("ichor cluster {words}");
        if self.name != "local" {
            command += &format!(" --name {}", self.name);
        }
        if let Some(state) = &self.state {
            command += &format!(" --state {}", state.display());
        }
        command
    }
}

fn find<'a>(nodes: &'a [Node], machine: &str) -> Result<&'a Node> {
    let found = nodes.iter().find(|node| node.plan().name == machine);
    found.with_context(|| {
        let names: Vec<_> = nodes.iter().map(|node| node.plan().name.as_str()).collect();
        format!(
            "there is no machine {machine:?}; there are: {}",
            names.join(", ")
        )
    })
}
