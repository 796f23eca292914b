//! `ichor inspect`.

use std::collections::BTreeSet;
use std::fmt::Write;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use ichor_api::inspect::{ControllerDependencyEdge, DependencyEdgeType};

use crate::connect::{NodeFlags, checked};

#[derive(Subcommand)]
pub(crate) enum Command {
    /// Print which controllers depend on which, as a graph for Graphviz.
    #[command(after_help = "Example:\n  ichor -i -n 10.5.0.2 inspect dependencies | dot -Tsvg")]
    Dependencies(Dependencies),
}

#[derive(Args)]
pub(crate) struct Dependencies {
    /// Show the resources between the controllers too.
    #[arg(long)]
    with_resources: bool,
}

pub(crate) async fn run(flags: &NodeFlags, command: &Command) -> Result<()> {
    let Command::Dependencies(arguments) = command;
    let mut connections = flags.connect().await?;
    let nodes = std::mem::take(&mut connections.nodes);
    if nodes.len() > 1 {
        bail!("a graph is of one node: name only one");
    }
    for node in nodes {
        let mut client = node.client.inspect();
        let reply = client.controller_runtime_dependencies(());
        let Some(reply) = checked(&mut connections, &node.name, reply.await) else {
            continue;
        };
        let messages = reply.messages.into_iter();
        let edges: Vec<_> = messages.flat_map(|message| message.edges).collect();
        print!("{}", graph(&edges, arguments.with_resources)?);
    }
    connections.finish()
}

/// A graph in the language of Graphviz, the same for the same edges.
fn graph(edges: &[ControllerDependencyEdge], with_resources: bool) -> Result<String> {
    let mut lines = BTreeSet::new();
    for edge in edges {
        let controller = &edge.controller_name;
        lines.insert(format!("{controller:?} [shape=box];"));
        if with_resources {
            let resource = resource(edge);
            let style = style(edge.edge_type());
            lines.insert(format!("{resource:?} [shape=note];"));
            lines.insert(match is_output(edge) {
                true => format!("{controller:?} -> {resource:?} [{style}];"),
                false => format!("{resource:?} -> {controller:?} [{style}];"),
            });
            continue;
        }
        if is_output(edge) {
            for reader in edges.iter().filter(|other| reads(other, edge)) {
                let (to, name) = (&reader.controller_name, &edge.resource_type);
                lines.insert(format!("{controller:?} -> {to:?} [label={name:?}];"));
            }
        }
    }
    let mut text = String::from("digraph {\n  rankdir=LR;\n");
    for line in lines {
        writeln!(text, "  {line}")?;
    }
    text.push_str("}\n");
    Ok(text)
}

fn is_output(edge: &ControllerDependencyEdge) -> bool {
    use DependencyEdgeType::{OutputExclusive, OutputShared};
    matches!(edge.edge_type(), OutputExclusive | OutputShared)
}

fn reads(input: &ControllerDependencyEdge, output: &ControllerDependencyEdge) -> bool {
    !is_output(input)
        && input.resource_type == output.resource_type
        && input.resource_namespace == output.resource_namespace
}

fn resource(edge: &ControllerDependencyEdge) -> String {
    let (namespace, kind) = (&edge.resource_namespace, &edge.resource_type);
    match edge.resource_id.as_str() {
        "" => format!("{namespace}/{kind}"),
        id => format!("{namespace}/{kind}/{id}"),
    }
}

fn style(kind: DependencyEdgeType) -> &'static str {
    match kind {
        DependencyEdgeType::OutputExclusive => "style=bold",
        DependencyEdgeType::OutputShared | DependencyEdgeType::InputStrong => "style=solid",
        DependencyEdgeType::InputWeak => "style=dotted",
        DependencyEdgeType::InputDestroyReady => "style=dashed",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn edge(
        controller: &str,
        kind: DependencyEdgeType,
        resource: &str,
    ) -> ControllerDependencyEdge {
        ControllerDependencyEdge {
            controller_name: controller.into(),
            edge_type: kind.into(),
            resource_namespace: "network".into(),
            resource_type: resource.into(),
            resource_id: String::new(),
        }
    }

    #[test]
    fn a_writer_points_to_its_readers() {
        let edges = [
            edge("a", DependencyEdgeType::OutputExclusive, "Links"),
            edge("b", DependencyEdgeType::InputWeak, "Links"),
            edge("b", DependencyEdgeType::OutputShared, "Routes"),
        ];
        let short = graph(&edges, false).unwrap();
        assert!(
            short.contains("\"a\" -> \"b\" [label=\"Links\"];"),
            "{short}"
        );
        assert_eq!(short.matches("->").count(), 1);
        let long = graph(&edges, true).unwrap();
        assert_eq!(long.matches("->").count(), 3);
        assert!(
            long.contains("\"network/Links\" -> \"b\" [style=dotted];"),
            "{long}"
        );
    }
}
