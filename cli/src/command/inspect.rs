//! `ichor inspect`.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use ichor_api::inspect::{ControllerDependencyEdge, DependencyEdgeType};

use crate::connect::{NodeFlags, called};
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Print which controllers depend on which, as a graph for Graphviz.
    #[command(after_help = EXAMPLES)]
    Dependencies(Dependencies),
}

#[derive(Args, Debug)]
pub(crate) struct Dependencies {
    /// Show the resources between the controllers too.
    #[arg(long)]
    with_resources: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 inspect dependencies | dot -Tsvg > controllers.svg
  ichor -i -n 10.5.0.2 inspect dependencies --with-resources | dot -Tpdf > all.pdf";

pub(crate) async fn run(flags: &NodeFlags, command: &Command) -> Result<ExitCode> {
    let Command::Dependencies(arguments) = command;
    flags.require_one("a graph")?;
    let asked = flags.ask(async |node| {
        let reply = node
            .client
            .inspect()
            .controller_runtime_dependencies(())
            .await;
        let reply = reply.map_err(called("ControllerRuntimeDependencies"))?;
        let messages = reply.into_inner().messages.into_iter();
        let edges: Vec<_> = messages.flat_map(|message| message.edges).collect();
        graph(&edges, arguments.with_resources)
    });
    let answers = asked.await?;
    for (_, graph) in &answers.answers {
        output::print(graph)?;
    }
    Ok(answers.exit_code())
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
