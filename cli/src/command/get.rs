//! `ichor get`: resources as a table, as YAML, as JSON.

mod definition;
mod print;

use std::cell::RefCell;
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use clap::Args;
use ichor_api::cosi::resource::{
    Event, EventType, GetRequest, ListRequest, Resource, WatchOptions, WatchRequest,
};
use tonic::Code;

use crate::connect::{Connected, NodeFlags, called, read};
use crate::output;
use definition::Definition;
use print::{Change, Item, Output, Printer};

#[derive(Args, Debug)]
#[command(after_help = HELP)]
pub(crate) struct Arguments {
    /// Type of the resources: its full name, or any of its aliases.
    #[arg(value_name = "TYPE")]
    kind: Option<String>,
    /// One resource; without it, all are listed.
    id: Option<String>,
    /// Namespace; without it, the default one of the type.
    #[arg(long)]
    namespace: Option<String>,
    /// Output: table, yaml, json, or jsonpath=TEMPLATE.
    #[arg(short, long, default_value = "table")]
    output: Output,
    /// Keep printing what changes.
    #[arg(short, long)]
    watch: bool,
}

const HELP: &str = "\
A TEMPLATE is text with paths in braces, as kubectl has it: {.spec.mtu}, {.metadata.id}, {.node},
{.spec.list[*].x}, {range .spec.list[*]}{.x}{\"\\n\"}{end}, {.spec.list[?(@.type==\"x\")].y}.

Examples:
  ichor -i -n 10.5.0.2 get rd
  ichor -i -n 10.5.0.2,10.5.0.3 get links
  ichor -i -n 10.5.0.2 get link eth0 -o yaml
  ichor -i -n 10.5.0.2 get addresses --watch
  ichor -i -n 10.5.0.2 get addressspecs --namespace network-config
  ichor -i -n 10.5.0.2 get links -o jsonpath='{.metadata.id} {.spec.mtu}'";

/// What is asked for.
struct Query<'a> {
    kind: &'a str,
    arguments: &'a Arguments,
    /// One for all nodes, so that there is one table.
    printer: RefCell<Printer<'a>>,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let kind = arguments.kind.as_deref();
    let query = Query {
        kind: kind.context(
            "which resources? `ichor get rd` lists all types, for example links, addresses and \
             disks; see `ichor get --help`",
        )?,
        arguments,
        printer: RefCell::new(Printer::new(&arguments.output, arguments.watch)),
    };
    if arguments.watch {
        let answers = flags.ask(async |node| query.watch(node).await).await?;
        return Ok(answers.exit_code());
    }
    let answers = flags.ask(async |node| query.read(node).await).await?;
    let mut printer = query.printer.borrow_mut();
    for (node, (definition, resources)) in &answers.answers {
        printer.begin(definition);
        for resource in resources {
            printer.add(&Item {
                node,
                definition,
                change: Change::None,
                resource,
            });
        }
    }
    output::print(printer.take())?;
    Ok(answers.exit_code())
}

impl Query<'_> {
    fn namespace(&self, definition: &Definition) -> String {
        let given = self.arguments.namespace.as_ref();
        given.unwrap_or(&definition.default_namespace).clone()
    }

    async fn read(&self, node: &Connected) -> Result<(Definition, Vec<Resource>)> {
        let definition = definition::find(node, self.kind).await?;
        let (namespace, r#type) = (self.namespace(&definition), definition.type_name.clone());
        let mut state = node.client.state();
        let mut resources = Vec::new();
        if let Some(id) = self.arguments.id.clone() {
            let request = GetRequest {
                namespace,
                r#type,
                id,
                options: None,
            };
            match state.get(request.clone()).await {
                Ok(reply) => resources.extend(reply.into_inner().resource),
                Err(status) if status.code() == Code::NotFound => bail!(
                    "there is no {} {:?} in the namespace {}: `ichor get {}` lists all",
                    definition.display_type,
                    request.id,
                    request.namespace,
                    self.kind,
                ),
                Err(status) => return Err(called("Get")(status)),
            }
            return Ok((definition, resources));
        }
        let request = ListRequest {
            namespace,
            r#type,
            options: None,
        };
        let reply = state.list(request).await.map_err(called("List"))?;
        read("List", reply.into_inner(), |reply| {
            resources.extend(reply.resource);
            Ok(())
        })
        .await?;
        Ok((definition, resources))
    }

    async fn watch(&self, node: &Connected) -> Result<()> {
        let definition = definition::find(node, self.kind).await?;
        let id = self.arguments.id.clone();
        let is_complete = id.is_none();
        let request = WatchRequest {
            namespace: self.namespace(&definition),
            r#type: definition.type_name.clone(),
            id,
            options: Some(WatchOptions {
                bootstrap_contents: is_complete,
                ..WatchOptions::default()
            }),
            api_version: 1,
        };
        self.printer.borrow_mut().begin(&definition);
        let reply = node.client.state().watch(request).await;
        let stream = reply.map_err(called("Watch"))?.into_inner();
        // What there is comes first; it is printed at once, so that its columns are aligned.
        let mut is_live = !is_complete;
        read("Watch", stream, |reply| {
            for event in reply.event {
                is_live |= event.event_type() == EventType::Bootstrapped;
                self.keep(node, &definition, &event)?;
            }
            if is_live {
                output::print(self.printer.borrow_mut().take())?;
            }
            Ok(())
        })
        .await?;
        bail!("Watch: the node ended it; try again")
    }

    /// Keeps what an event says for printing.
    fn keep(&self, node: &Connected, definition: &Definition, event: &Event) -> Result<()> {
        let change = match event.event_type() {
            EventType::Created => Change::Created,
            EventType::Updated => Change::Updated,
            EventType::Destroyed => Change::Destroyed,
            EventType::Bootstrapped | EventType::Noop => return Ok(()),
            EventType::Errored => {
                let error = event.error.clone().unwrap_or_default();
                bail!("Watch: {error}; try again")
            }
        };
        if let Some(resource) = &event.resource {
            self.printer.borrow_mut().add(&Item {
                node: &node.name,
                definition,
                change,
                resource,
            });
        }
        Ok(())
    }
}
