//! `ichor cluster destroy`.

use anyhow::Result;
use clap::Args;
use ichor_vm::Cluster;

use super::Place;
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// It is no error when there is no such cluster.
    #[arg(short, long)]
    force: bool,
}

const EXAMPLES: &str = "\
Only what belongs to the cluster is ended and removed; other files in its directory are kept.

Examples:
  ichor cluster destroy
  ichor cluster destroy --name three --force";

pub(super) fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    if arguments.force && !place.directory()?.exists() {
        output::print(format!("there is no cluster {}\n", place.name))?;
        return Ok(());
    }
    let cluster = place.open()?;
    let gone = describe(&cluster);
    cluster.destroy()?;
    output::print(format!("{gone} is gone\n"))?;
    Ok(())
}

/// What is about to go.
fn describe(cluster: &Cluster) -> String {
    let (name, directory) = (&cluster.plan().name, cluster.directory().display());
    let machines = match cluster.nodes().len() {
        1 => "1 machine".to_owned(),
        count => format!("{count} machines"),
    };
    format!("the cluster {name} ({machines}, {directory})")
}
