//! The forms in which resources are printed.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::str::FromStr;

use ichor_api::cosi::resource::{Metadata, Resource};
use ichor_jsonpath::Template;
use serde_json::{Map, Value, json};

use super::definition::Definition;
use crate::plain;
use crate::table::Table;

/// The form.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Output {
    Table,
    Yaml,
    Json,
    JsonPath(Template),
}

impl FromStr for Output {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "table" => Ok(Self::Table),
            "yaml" => Ok(Self::Yaml),
            "json" => Ok(Self::Json),
            other => match other.strip_prefix("jsonpath=") {
                Some(template) if template.contains('{') => Template::parse(template)
                    .map(Self::JsonPath)
                    .map_err(|error| error.to_string()),
                Some(_) => Err("a path stands in braces: jsonpath={.spec.x}".into()),
                None => Err("table, yaml, json and jsonpath=TEMPLATE are known".into()),
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

/// A resource of a node.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Item<'a> {
    pub(crate) node: &'a str,
    pub(crate) definition: &'a Definition,
    pub(crate) change: Change,
    pub(crate) resource: &'a Resource,
}

/// Turns resources into text.
#[derive(Debug)]
pub(crate) struct Printer<'a> {
    output: &'a Output,
    watched: bool,
    has_begun: bool,
    table: Table,
    text: String,
}

impl<'a> Printer<'a> {
    pub(crate) fn new(output: &'a Output, watched: bool) -> Self {
        Self {
            output,
            watched,
            has_begun: false,
            table: Table::default(),
            text: String::new(),
        }
    }

    /// Makes the header of a type, the first time. It stands also above nothing.
    pub(crate) fn begin(&mut self, definition: &Definition) {
        if self.has_begun || *self.output != Output::Table {
            return;
        }
        self.has_begun = true;
        let mut header = vec!["NODE"];
        if self.watched {
            header.push("*");
        }
        header.extend(["NAMESPACE", "TYPE", "ID", "VERSION"]);
        let columns = definition.columns.iter();
        header.extend(columns.map(|column| column.header.as_str()));
        self.table.row(header);
    }

    /// Keeps a resource for printing.
    pub(crate) fn add(&mut self, item: &Item<'_>) {
        match self.output {
            Output::Table => self.add_row(item),
            Output::Yaml => self.add_yaml(item),
            Output::Json => {
                let text = ichor_jsonpath::pretty(&object(item));
                self.text.push_str(&escaped(&text));
            }
            Output::JsonPath(template) => {
                let text = template.lines(&object(item));
                self.text.push_str(&plain::lines(&text));
            }
        }
    }

    /// The text of what was kept since the last time.
    pub(crate) fn take(&mut self) -> String {
        match self.output {
            Output::Table => self.table.take(),
            _ => std::mem::take(&mut self.text),
        }
    }

    fn add_row(&mut self, item: &Item<'_>) {
        let spec = spec(item.resource);
        let metadata = item.resource.metadata.clone().unwrap_or_default();
        let mut cells = vec![item.node.to_owned()];
        if self.watched {
            cells.push(item.change.mark().to_owned());
        }
        cells.extend([
            metadata.namespace,
            item.definition.display_type.clone(),
            metadata.id,
            metadata.version,
        ]);
        let columns = item.definition.columns.iter();
        cells.extend(columns.map(|column| column.cell(&spec)));
        self.table.row(cells);
    }

    fn add_yaml(&mut self, item: &Item<'_>) {
        if self.has_begun {
            self.text.push_str("---\n");
        }
        self.has_begun = true;
        push(&mut self.text, "", "node", item.node);
        if let Some(word) = item.change.word() {
            push(&mut self.text, "", "event", word);
        }
        self.text.push_str("metadata:\n");
        let metadata = item.resource.metadata.clone().unwrap_or_default();
        push_metadata(&mut self.text, &metadata);
        push_spec(&mut self.text, item.resource);
    }
}

/// A key with a value, quoted if it must be; nothing stands for no text.
fn push(text: &mut String, indent: &str, key: &str, value: &str) {
    let value = match value {
        "" => String::new(),
        value => format!(" {}", ichor_yaml::quote(value)),
    };
    // Writing to a text cannot fail.
    writeln!(text, "{indent}{}:{value}", ichor_yaml::quote(key)).ok();
}

fn push_metadata(text: &mut String, metadata: &Metadata) {
    const INDENT: &str = "    ";
    const DEEPER: &str = "        ";
    for (key, value) in [
        ("namespace", &metadata.namespace),
        ("type", &metadata.r#type),
        ("id", &metadata.id),
    ] {
        push(text, INDENT, key, value);
    }
    // A number, which must not be quoted.
    let version = plain::line(&metadata.version);
    writeln!(text, "{INDENT}version: {version}").ok();
    push(text, INDENT, "owner", &metadata.owner);
    push(text, INDENT, "phase", &metadata.phase);
    for (key, time) in [("created", metadata.created), ("updated", metadata.updated)] {
        writeln!(text, "{INDENT}{key}: {}", seconds(time)).ok();
    }
    for (key, map) in [
        ("labels", &metadata.labels),
        ("annotations", &metadata.annotations),
    ] {
        if !map.is_empty() {
            writeln!(text, "{INDENT}{key}:").ok();
        }
        for (key, value) in map.iter().collect::<BTreeMap<_, _>>() {
            push(text, DEEPER, key, value);
        }
    }
    if !metadata.finalizers.is_empty() {
        writeln!(text, "{INDENT}finalizers:").ok();
    }
    for finalizer in &metadata.finalizers {
        writeln!(text, "{DEEPER}- {}", ichor_yaml::quote(finalizer)).ok();
    }
}

fn push_spec(text: &mut String, resource: &Resource) {
    let yaml = resource.spec.clone().unwrap_or_default().yaml_spec;
    let yaml = plain::lines(&yaml);
    let is_block = match spec(resource) {
        Value::Object(map) => !map.is_empty(),
        Value::Array(list) => !list.is_empty(),
        _ => false,
    };
    match is_block {
        true => {
            text.push_str("spec:\n");
            for line in yaml.lines() {
                writeln!(text, "{}", format!("    {line}").trim_end()).ok();
            }
        }
        false => {
            writeln!(text, "{}", format!("spec: {}", yaml.trim_end()).trim_end()).ok();
        }
    }
}

/// JSON may have DEL and the control characters above it as they are, but a terminal obeys them.
fn escaped(json: &str) -> String {
    let mut text = String::new();
    for letter in json.chars() {
        match letter {
            '\u{7f}'..='\u{9f}' => {
                // Writing to a text cannot fail.
                write!(text, "\\u{:04x}", u32::from(letter)).ok();
            }
            letter => text.push(letter),
        }
    }
    text
}

/// A time in whole seconds, as RFC 3339 has it.
fn seconds(time: Option<prost_types::Timestamp>) -> String {
    let whole = time.map(|time| prost_types::Timestamp { nanos: 0, ..time });
    whole.map(|time| time.to_string()).unwrap_or_default()
}

/// A resource as one value.
fn object(item: &Item<'_>) -> Value {
    let mut object = Map::new();
    let metadata = item.resource.metadata.clone().unwrap_or_default();
    object.insert("metadata".into(), metadata_value(&metadata));
    object.insert("spec".into(), spec(item.resource));
    object.insert("node".into(), item.node.into());
    if let Some(word) = item.change.word() {
        object.insert("event".into(), word.into());
    }
    Value::Object(object)
}

/// The spec as a value; what is not valid YAML is shown as text.
fn spec(resource: &Resource) -> Value {
    let yaml = resource.spec.as_ref().map(|spec| spec.yaml_spec.as_str());
    let yaml = yaml.unwrap_or_default();
    serde_saphyr::from_str(yaml).unwrap_or_else(|_not_yaml| Value::String(yaml.to_owned()))
}

fn metadata_value(metadata: &Metadata) -> Value {
    let version = match metadata.version.parse::<u64>() {
        Ok(number) => number.into(),
        Err(_undefined) => Value::String(metadata.version.clone()),
    };
    let mut value = json!({
        "namespace": metadata.namespace,
        "type": metadata.r#type,
        "id": metadata.id,
        "version": version,
        "owner": metadata.owner,
        "phase": metadata.phase,
        "created": seconds(metadata.created),
        "updated": seconds(metadata.updated),
    });
    let sorted = |map: &std::collections::HashMap<String, String>| {
        map.clone().into_iter().collect::<BTreeMap<_, _>>()
    };
    let optional = [
        ("labels", json!(sorted(&metadata.labels))),
        ("annotations", json!(sorted(&metadata.annotations))),
        ("finalizers", json!(metadata.finalizers)),
    ];
    for (key, part) in optional {
        let is_empty = part == json!({}) || part == json!([]);
        if let (Some(map), false) = (value.as_object_mut(), is_empty) {
            map.insert(key.to_owned(), part);
        }
    }
    value
}

#[cfg(test)]
mod tests;
