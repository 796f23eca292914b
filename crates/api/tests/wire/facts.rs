//! The compiled contract against the facts of the wire: every package, message, field, enum value
//! and method has the number, type and label that existing clients expect, and no more.
//!
//! The facts are tables in `testdata/wire`, one for each package; their first line names the columns.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use prost::Message;
use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// Facts as lines: what it is, whose, its name, and what else must be equal.
type Facts = BTreeSet<String>;

#[test]
fn the_contract_is_exactly_what_the_facts_say() {
    let expected = load_facts();
    let found = compile_facts();
    let missing: Vec<_> = expected.difference(&found).collect();
    let surplus: Vec<_> = found.difference(&expected).collect();
    assert!(missing.is_empty(), "missing or different: {missing:#?}");
    assert!(surplus.is_empty(), "not in the facts: {surplus:#?}");
    assert!(
        expected.len() > 3500,
        "only {} facts were read",
        expected.len()
    );
}

#[test]
fn a_changed_number_is_noticed() {
    let mut found = compile_facts();
    let line = "field machine.VersionInfo tag = 1 string singular";
    assert!(found.remove(line));
    assert_ne!(found, load_facts());
}

fn load_facts() -> Facts {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/wire");
    let mut facts = Facts::new();
    for entry in std::fs::read_dir(directory).unwrap() {
        let text = std::fs::read_to_string(entry.unwrap().path()).unwrap();
        let mut lines = text.lines();
        let columns: Vec<&str> = lines.next().unwrap().split('\t').collect();
        for line in lines {
            let row: BTreeMap<_, _> = columns.iter().copied().zip(line.split('\t')).collect();
            facts.extend(fact_of(&row));
        }
    }
    facts
}

fn fact_of(row: &BTreeMap<&str, &str>) -> Option<String> {
    let (parent, name, number) = (row["parent"], row["name"], row["number"]);
    Some(match row["kind"] {
        "message" | "enum" | "service" => format!("{} {parent} {name}", row["kind"]),
        "field" => {
            let label = row["label"];
            format!("field {parent} {name} = {number} {} {label}", row["type"])
        }
        "value" => format!("value {parent} {name} = {number}"),
        "method" => {
            let (kind, input, output) = (row["type"], row["input"], row["output"]);
            format!("method {parent} {name} {kind} {input} {output}")
        }
        _ => return None,
    })
}

fn compile_facts() -> Facts {
    let set = FileDescriptorSet::decode(ichor_api::DESCRIPTORS).unwrap();
    let mut facts = Facts::new();
    for file in &set.file {
        let package = file.package();
        // Google's own messages, and what only we have, are not in the tables.
        if package.starts_with("google.") || package.starts_with("ichor.") {
            continue;
        }
        file.message_type
            .iter()
            .for_each(|each| add_message(each, package, &mut facts));
        file.enum_type
            .iter()
            .for_each(|each| enumeration(each, package, &mut facts));
        for service in &file.service {
            facts.insert(format!("service {package} {}", service.name()));
            for method in &service.method {
                let kind = match (method.client_streaming(), method.server_streaming()) {
                    (false, false) => "unary",
                    (false, true) => "server_stream",
                    (true, false) => "client_stream",
                    (true, true) => "bidi_stream",
                };
                facts.insert(format!(
                    "method {package}.{} {} {kind} {} {}",
                    service.name(),
                    method.name(),
                    &method.input_type()[1..],
                    &method.output_type()[1..],
                ));
            }
        }
    }
    facts
}

fn add_message(message: &DescriptorProto, parent: &str, facts: &mut Facts) {
    facts.insert(format!("message {parent} {}", message.name()));
    let full = format!("{parent}.{}", message.name());
    for field in &message.field {
        let (kind, label) = kind_and_label(field, message, &full);
        facts.insert(format!(
            "field {full} {} = {} {kind} {label}",
            field.name(),
            field.number()
        ));
    }
    message
        .enum_type
        .iter()
        .for_each(|each| enumeration(each, &full, facts));
    // Maps are messages to the compiler, and types to everyone else.
    for nested in message.nested_type.iter().filter(|each| !is_map(each)) {
        add_message(nested, &full, facts);
    }
}

fn enumeration(each: &EnumDescriptorProto, parent: &str, facts: &mut Facts) {
    facts.insert(format!("enum {parent} {}", each.name()));
    for value in &each.value {
        let (name, number) = (value.name(), value.number());
        facts.insert(format!("value {parent}.{} {name} = {number}", each.name()));
    }
}

fn kind_and_label(
    field: &FieldDescriptorProto,
    message: &DescriptorProto,
    full: &str,
) -> (String, String) {
    let entry = message
        .nested_type
        .iter()
        .find(|each| is_map(each) && field.type_name() == format!(".{full}.{}", each.name()));
    if let Some(entry) = entry {
        let kind = |index: usize| type_name(&entry.field[index]);
        return (format!("map<{},{}>", kind(0), kind(1)), "map".into());
    }
    let label = if field.label() == Label::Repeated {
        "repeated".into()
    } else if field.proto3_optional() {
        "optional".into()
    } else if let Some(index) = field.oneof_index {
        format!("oneof:{}", message.oneof_decl[index as usize].name())
    } else {
        "singular".into()
    };
    (type_name(field), label)
}

fn is_map(message: &DescriptorProto) -> bool {
    message
        .options
        .as_ref()
        .is_some_and(|options| options.map_entry())
}

fn type_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum => field.type_name()[1..].to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}
