//! The forms in which resources are printed.

use std::str::FromStr;

use anyhow::Result;
use ichor_api::cosi::resource::{Metadata, Resource};
use serde_json::{Value, json};

use super::definition::Definition;
use crate::jsonpath;
use crate::table::Table;

/// The form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    Table,
    Yaml,
    Json,
    JsonPath(String),
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            other => match other.strip_prefix("jsonpath=") {
                Some(template) => Ok(Self::JsonPath(template.to_owned())),
                None => Err("table, yaml, json or jsonpath=TEMPLATE are known".into()),
            },
        }
    }
}

/// What happened to a resource that is watched.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    /// It is not watched.
    None,
    Created,
    Updated,
    Destroyed,
}

impl Change {
    fn mark(self) -> &'static str {
        match self {
            Self::None | Self::Updated => "",
            Self::Created => "+",
            Self::Destroyed => "-",
        }
    }

    fn word(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::Created => Some("created"),
            Self::Updated => Some("updated"),
            Self::Destroyed => Some("destroyed"),
        }
    }
}

pub(crate) struct Printer<'a> {
    node: &'a str,
    definition: &'a Definition,
    output: &'a Output,
    watched: bool,
    table: Table,
    documents: usize,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(
        node: &'a str,
        definition: &'a Definition,
        output: &'a Output,
        watched: bool,
    ) -> Self {
        let mut header = vec!["NODE".to_owned()];
        if watched {
            header.push("*".into());
        }
        header.extend(["NAMESPACE", "TYPE", "ID", "VERSION"].map(str::to_owned));
        header.extend(
            definition
                .columns
                .iter()
                .map(|(name, _)| name.to_uppercase()),
        );
        Self {
            node,
            definition,
            output,
            watched,
            table: Table::new(header),
            documents: 0,
        }
    }

    /// Prints a resource, or keeps it for the table.
    pub(crate) fn add(&mut self, change: Change, resource: &Resource) -> Result<()> {
        let metadata = resource.metadata.clone().unwrap_or_default();
        let yaml = resource.spec.clone().unwrap_or_default().yaml_spec;
        match self.output {
            Output::Table => self.add_row(change, &metadata, &value(&yaml)),
            Output::Yaml => self.print_yaml(change, &metadata, &yaml),
            Output::Json => {
                let mut object = json!({
                    "metadata": metadata_value(&metadata),
                    "spec": value(&yaml),
                    "node": self.node,
                });
                if let (Some(word), Some(map)) = (change.word(), object.as_object_mut()) {
                    map.insert("event".into(), word.into());
                }
                println!("{object:#}");
            }
            Output::JsonPath(template) => {
                let object = json!({"metadata": metadata_value(&metadata), "spec": value(&yaml)});
                println!("{}", jsonpath::render(template, &object));
            }
        }
        Ok(())
    }

    /// Prints what is kept.
    pub(crate) fn finish(&mut self) {
        if *self.output == Output::Table {
            print!("{}", self.table.render());
        }
    }

    /// Prints what is kept so far, for watches.
    pub(crate) fn flush(&mut self) {
        self.finish();
        self.table = Table::default();
    }

    fn add_row(&mut self, change: Change, metadata: &Metadata, spec: &Value) {
        let mut cells = vec![self.node.to_owned()];
        if self.watched {
            cells.push(change.mark().to_owned());
        }
        cells.extend([
            metadata.namespace.clone(),
            self.definition.display_type.clone(),
            metadata.id.clone(),
            metadata.version.clone(),
        ]);
        let columns = self.definition.columns.iter();
        cells.extend(columns.map(|(_, path)| jsonpath::render(path, spec)));
        self.table.row(cells);
    }

    fn print_yaml(&mut self, change: Change, metadata: &Metadata, spec: &str) {
        if self.documents > 0 {
            println!("---");
        }
        self.documents += 1;
        println!("node: {}", self.node);
        if let Some(word) = change.word() {
            println!("event: {word}");
        }
        println!("metadata:");
        for (key, value) in [
            ("namespace", metadata.namespace.clone()),
            ("type", metadata.r#type.clone()),
            ("id", metadata.id.clone()),
            ("version", metadata.version.clone()),
            ("owner", metadata.owner.clone()),
            ("phase", metadata.phase.clone()),
            (
                "created",
                metadata
                    .created
                    .map(|time| time.to_string())
                    .unwrap_or_default(),
            ),
            (
                "updated",
                metadata
                    .updated
                    .map(|time| time.to_string())
                    .unwrap_or_default(),
            ),
        ] {
            println!("    {key}: {value}");
        }
        if spec.contains('\n') && spec.trim_end().contains([':', '-']) {
            println!("spec:");
            for line in spec.lines() {
                println!("    {line}");
            }
        } else {
            println!("spec: {}", spec.trim_end());
        }
    }
}

/// A spec as a value; what is not valid YAML is shown as text.
fn value(yaml: &str) -> Value {
    serde_saphyr::from_str(yaml).unwrap_or_else(|_not_yaml| Value::String(yaml.to_owned()))
}

fn metadata_value(metadata: &Metadata) -> Value {
    json!({
        "namespace": metadata.namespace,
        "type": metadata.r#type,
        "id": metadata.id,
        "version": metadata.version,
        "owner": metadata.owner,
        "phase": metadata.phase,
        "created": metadata.created.map(|time| time.to_string()),
        "updated": metadata.updated.map(|time| time.to_string()),
    })
}
