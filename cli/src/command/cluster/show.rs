//! `ichor cluster show`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use ichor_vm::{Cluster, Node, NodePlan};

use super::Place;
use crate::output;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What runs the machines.
    #[arg(long, value_enum, default_value = "qemu")]
    provisioner: Provisioner,
}

const EXAMPLES: &str = "\
Examples:
  ichor cluster show
  ichor cluster show --name three";

/// What runs the machines.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(super) enum Provisioner {
    /// QEMU, without root.
    Qemu,
}

/// The port of a node's API.
pub(super) const API_PORT: u16 = 50000;

pub(super) fn run(place: &Place) -> Result<()> {
    output::print(describe(&mut place.open()?))?;
    Ok(())
}

/// The cluster, its machines, and the command that reaches them.
pub(super) fn describe(cluster: &mut Cluster) -> String {
    let mut head = Table::default();
    head.row(["NAME", &cluster.plan().name]);
    head.row(["DIRECTORY", &cluster.directory().display().to_string()]);
    head.row(["NETWORK", state(cluster.has_network())]);
    head.row(["RUN BY", &format!("{:?}", cluster.plan().accel)]);
    let mut table = Table::new([
        "MACHINE", "STATE", "ADDRESS", "CPUS", "MEMORY", "ENDPOINT", "FORWARDS",
    ]);
    for node in cluster.nodes_mut() {
        let is_on = node.is_running();
        table.row(row(node, is_on));
    }
    let endpoints: Vec<_> = cluster.nodes().iter().map(Node::plan).collect();
    let endpoints: Vec<_> = endpoints.into_iter().filter_map(endpoint).collect();
    let hint = match endpoints.is_empty() {
        true => String::new(),
        false => format!(
            "\nichor --insecure --nodes {} version\n",
            endpoints.join(",")
        ),
    };
    format!("{}\n{}{hint}", head.take(), table.take())
}

fn row(node: &Node, is_on: bool) -> Vec<String> {
    let plan = node.plan();
    let forwards = plan.forwards.iter();
    let forwards = forwards.map(|each| format!("127.0.0.1:{}->{}", each.host, each.guest));
    vec![
        plan.name.clone(),
        state(is_on).to_owned(),
        plan.address.to_string(),
        plan.spec.cpus.to_string(),
        format!("{} MiB", plan.spec.memory_mib),
        endpoint(plan).unwrap_or_default(),
        forwards.collect::<Vec<_>>().join(" "),
    ]
}

/// Where this computer reaches a machine's API.
pub(super) fn endpoint(plan: &NodePlan) -> Option<String> {
    plan.port(API_PORT).map(|port| format!("127.0.0.1:{port}"))
}

fn state(is_on: bool) -> &'static str {
    match is_on {
        true => "on",
        false => "off",
    }
}
