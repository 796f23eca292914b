//! `ichor cluster reboot`.

use anyhow::Result;
use clap::Args;

use super::{Place, find};
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// Which; all when not given.
    machines: Vec<String>,
    /// Which, too, separated by commas.
    #[arg(
        short = 'n',
        long = "node",
        alias = "nodes",
        value_delimiter = ',',
        value_name = "MACHINE"
    )]
    also: Vec<String>,
}

const EXAMPLES: &str = "\
Examples:
  ichor cluster reboot
  ichor cluster reboot node-1 node-2
  ichor cluster reboot --node node-2";

pub(super) fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    let mut cluster = place.open()?;
    let machines = [&arguments.machines[..], &arguments.also].concat();
    for machine in &machines {
        find(cluster.nodes(), machine)?;
    }
    for index in 0..cluster.nodes().len() {
        let Some(node) = cluster.nodes_mut().get_mut(index) else {
            continue;
        };
        let name = node.plan().name.clone();
        if machines.is_empty() || machines.contains(&name) {
            node.cut_power()?;
            cluster.start_node(index)?;
            output::print(format!("{name} starts again\n"))?;
        }
    }
    Ok(())
}
