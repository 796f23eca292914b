//! `ichor get`: resources as a table, as YAML, as JSON.

mod definition;
mod print;

use anyhow::{Result, bail};
use clap::Args;
use ichor_api::cosi::resource::{
    Event, EventType, GetRequest, ListRequest, Resource, WatchOptions, WatchRequest,
};

use crate::connect::{Connected, NodeFlags, explain};
use definition::Definition;
use print::{Change, Printer};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Type of the resources: full name, or any of its aliases.
    #[arg(value_name = "TYPE")]
    kind: String,
    /// One resource; without it, all are listed.
    id: Option<String>,
    /// Namespace; without it, the default one of the type.
    #[arg(long)]
    namespace: Option<String>,
    /// Output: table, yaml, json, or jsonpath=TEMPLATE.
    #[arg(short, long, default_value = "table")]
    output: print::Output,
    /// Keep printing what changes.
    #[arg(short, long)]
    watch: bool,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    for node in std::mem::take(&mut connections.nodes) {
        if let Err(error) = one_node(&node, arguments).await {
            connections.failed(&node.name, &error);
        }
    }
    connections.finish()
}

async fn one_node(node: &Connected, arguments: &Arguments) -> Result<()> {
    let definition = definition::find(node, &arguments.kind).await?;
    let namespace = arguments.namespace.clone();
    let namespace = namespace.unwrap_or_else(|| definition.default_namespace.clone());
    let mut printer = Printer::new(&node.name, &definition, &arguments.output, arguments.watch);
    if arguments.watch {
        return watch(node, &definition, namespace, arguments, &mut printer).await;
    }
    for resource in read(node, &definition, namespace, arguments.id.clone()).await? {
        printer.add(Change::None, &resource)?;
    }
    printer.finish();
    Ok(())
}

async fn read(
    node: &Connected,
    definition: &Definition,
    namespace: String,
    id: Option<String>,
) -> Result<Vec<Resource>> {
    let r#type = definition.type_name.clone();
    let mut state = node.client.state();
    if let Some(id) = id {
        let request = GetRequest {
            namespace,
            r#type,
            id,
            options: None,
        };
        let reply = state
            .get(request)
            .await
            .map_err(|status| explain(&status))?;
        return Ok(reply.into_inner().resource.into_iter().collect());
    }
    let request = ListRequest {
        namespace,
        r#type,
        options: None,
    };
    let reply = state
        .list(request)
        .await
        .map_err(|status| explain(&status))?;
    let mut stream = reply.into_inner();
    let mut resources = Vec::new();
    while let Some(reply) = stream.message().await.map_err(|status| explain(&status))? {
        resources.extend(reply.resource);
    }
    Ok(resources)
}

async fn watch(
    node: &Connected,
    definition: &Definition,
    namespace: String,
    arguments: &Arguments,
    printer: &mut Printer<'_>,
) -> Result<()> {
    let request = WatchRequest {
        namespace,
        r#type: definition.type_name.clone(),
        id: arguments.id.clone(),
        options: Some(WatchOptions {
            bootstrap_contents: arguments.id.is_none(),
            ..WatchOptions::default()
        }),
        api_version: 1,
    };
    let reply = node.client.state().watch(request).await;
    let mut stream = reply.map_err(|status| explain(&status))?.into_inner();
    while let Some(reply) = stream.message().await.map_err(|status| explain(&status))? {
        for event in reply.event {
            show(&event, printer)?;
        }
    }
    bail!("the node ended the watch")
}

fn show(event: &Event, printer: &mut Printer<'_>) -> Result<()> {
    let change = match event.event_type() {
        EventType::Created => Change::Created,
        EventType::Updated => Change::Updated,
        EventType::Destroyed => Change::Destroyed,
        EventType::Bootstrapped | EventType::Noop => return Ok(()),
        EventType::Errored => bail!("{}", event.error.clone().unwrap_or_default()),
    };
    if let Some(resource) = &event.resource {
        printer.add(change, resource)?;
        printer.flush();
    }
    Ok(())
}
