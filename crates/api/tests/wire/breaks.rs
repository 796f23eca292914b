//! What would break between two contracts.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use prost_types::field_descriptor_proto::{Label, Type};
use prost_types::{
    DescriptorProto, EnumDescriptorProto, FieldDescriptorProto, FileDescriptorSet,
    MethodDescriptorProto, ServiceDescriptorProto,
};

/// What is in `old` and not the same in `new`: things that are gone, and properties that changed,
/// each a line. What `new` has besides breaks nothing, but where `old` reserved its number or name.
///
/// Assumes that both were accepted by a compiler.
pub(crate) fn breaks(old: &FileDescriptorSet, new: &FileDescriptorSet) -> BTreeSet<String> {
    let (old, new) = (Contract::of(old), Contract::of(new));
    let mut found = BTreeSet::new();
    for (name, before) in &old.items {
        match new.items.get(name) {
            Some(after) => found.extend(changes(name, before, after)),
            // What is gone with its parent is not told again.
            None if new.items.contains_key(&before.parent) || before.parent.is_empty() => {
                found.insert(format!("{name} is gone"));
            }
            None => {}
        }
    }
    let added = new
        .items
        .iter()
        .filter(|(name, _)| !old.items.contains_key(*name));
    found.extend(added.filter_map(|(name, item)| old.reuse(name, item)));
    found
}

fn changes(name: &str, before: &Item, after: &Item) -> Vec<String> {
    let pairs = before.properties.iter().zip(&after.properties);
    let changed = pairs.filter(|(before, after)| before != after);
    changed
        .map(|((what, before), (_, after))| format!("{name}: {what} {before} became {after}"))
        .collect()
}

/// A contract as a flat list.
#[derive(Default)]
struct Contract {
    /// By kind and full name, such as `field machine.VersionInfo.tag`.
    items: BTreeMap<String, Item>,
    /// Numbers and names that are not to be used, by kind and full name of what they are not to be
    /// used in.
    reserved: BTreeMap<String, (Vec<RangeInclusive<i32>>, Vec<String>)>,
}

/// Something that a contract has.
struct Item {
    /// Kind and full name of what it belongs to; empty for a package.
    parent: String,
    /// Its own name, and its number, when it has one.
    name: String,
    number: Option<i32>,
    /// What must stay as it is.
    properties: Vec<(&'static str, String)>,
}

impl Contract {
    fn of(set: &FileDescriptorSet) -> Self {
        let mut contract = Self::default();
        for file in &set.file {
            let (package, parent) = (file.package(), format!("package {}", file.package()));
            // What comes with the compiler is not ours to keep.
            if package == "google.protobuf" {
                continue;
            }
            contract.add("package", package, "", None, Vec::new());
            for message in &file.message_type {
                contract.message(message, package, &parent);
            }
            for each in &file.enum_type {
                contract.enumeration(each, package, &parent);
            }
            for service in &file.service {
                contract.service(service, package, &parent);
            }
            for field in &file.extension {
                let name = format!("{package}.{}", field.name());
                let mut properties = properties(field, &DescriptorProto::default());
                properties.push(("extended type", field.extendee().to_owned()));
                contract.add("extension", &name, &parent, None, properties);
            }
        }
        contract
    }

    fn message(&mut self, message: &DescriptorProto, scope: &str, parent: &str) {
        let name = format!("{scope}.{}", message.name());
        let own = self.add("message", &name, parent, None, Vec::new());
        for field in &message.field {
            let properties = properties(field, message);
            let name = format!("{name}.{}", field.name());
            self.add("field", &name, &own, Some(field.number()), properties);
        }
        for nested in message.nested_type.iter().filter(|each| !is_map(each)) {
            self.message(nested, &name, &own);
        }
        for each in &message.enum_type {
            self.enumeration(each, &name, &own);
        }
        // The end of a range is not in it.
        let ranges = message.reserved_range.iter();
        let ranges = ranges.map(|each| each.start()..=each.end() - 1).collect();
        self.reserved
            .insert(own, (ranges, message.reserved_name.clone()));
    }

    fn enumeration(&mut self, each: &EnumDescriptorProto, scope: &str, parent: &str) {
        let name = format!("{scope}.{}", each.name());
        let own = self.add("enum", &name, parent, None, Vec::new());
        for value in &each.value {
            let name = format!("{name}.{}", value.name());
            let properties = vec![("number", value.number().to_string())];
            self.add("value", &name, &own, Some(value.number()), properties);
        }
        // The end of a range is in it, other than in messages.
        let ranges = each.reserved_range.iter();
        let ranges = ranges.map(|each| each.start()..=each.end()).collect();
        self.reserved
            .insert(own, (ranges, each.reserved_name.clone()));
    }

    fn service(&mut self, service: &ServiceDescriptorProto, package: &str, parent: &str) {
        let name = format!("{package}.{}", service.name());
        let own = self.add("service", &name, parent, None, Vec::new());
        for method in &service.method {
            let name = format!("{name}.{}", method.name());
            let properties = vec![
                ("request", method.input_type().to_owned()),
                ("response", method.output_type().to_owned()),
                ("kind", kind(method).to_owned()),
            ];
            self.add("method", &name, &own, None, properties);
        }
    }

    /// Adds something and tells how its children name it.
    fn add(
        &mut self,
        kind: &str,
        name: &str,
        parent: &str,
        number: Option<i32>,
        properties: Vec<(&'static str, String)>,
    ) -> String {
        let key = format!("{kind} {name}");
        let item = Item {
            parent: parent.to_owned(),
            name: name.rsplit('.').next().unwrap_or(name).to_owned(),
            number,
            properties,
        };
        self.items.insert(key.clone(), item);
        key
    }

    /// The use of a number or name that is reserved here.
    fn reuse(&self, key: &str, item: &Item) -> Option<String> {
        let (ranges, names) = self.reserved.get(&item.parent)?;
        let number = item.number?;
        if ranges.iter().any(|range| range.contains(&number)) {
            return Some(format!("{key}: number {number} was reserved"));
        }
        let is_reserved = names.contains(&item.name);
        is_reserved.then(|| format!("{key}: the name was reserved"))
    }
}

/// What must stay as it is of a field in a message.
fn properties(
    field: &FieldDescriptorProto,
    message: &DescriptorProto,
) -> Vec<(&'static str, String)> {
    let (kind, label) = match map_entry(field, message) {
        Some(entry) => {
            let kinds: Vec<_> = entry.field.iter().map(scalar_or_name).collect();
            (format!("map<{}>", kinds.join(", ")), "map".to_owned())
        }
        None => (scalar_or_name(field), label(field, message)),
    };
    vec![
        ("number", field.number().to_string()),
        ("type", kind),
        ("label", label),
        ("JSON name", field.json_name().to_owned()),
    ]
}

fn scalar_or_name(field: &FieldDescriptorProto) -> String {
    match field.r#type() {
        Type::Message | Type::Enum | Type::Group => field.type_name().to_owned(),
        scalar => format!("{scalar:?}").to_lowercase(),
    }
}

fn label(field: &FieldDescriptorProto, message: &DescriptorProto) -> String {
    let index = field.oneof_index.map(usize::try_from);
    let oneof = index.and_then(|index| message.oneof_decl.get(index.ok()?));
    match (field.label(), oneof) {
        (Label::Repeated, _) => "repeated".to_owned(),
        (Label::Required, _) => "required".to_owned(),
        // The compiler makes a oneof of each optional field.
        (Label::Optional, _) if field.proto3_optional() => "optional".to_owned(),
        (Label::Optional, None) => "singular".to_owned(),
        (Label::Optional, Some(oneof)) => format!("oneof {}", oneof.name()),
    }
}

/// The message that the compiler made of the entries of a map.
fn map_entry<'a>(
    field: &FieldDescriptorProto,
    message: &'a DescriptorProto,
) -> Option<&'a DescriptorProto> {
    let (_, name) = field.type_name().rsplit_once('.')?;
    let mut entries = message.nested_type.iter().filter(|each| is_map(each));
    entries.find(|entry| field.label() == Label::Repeated && entry.name() == name)
}

fn is_map(message: &DescriptorProto) -> bool {
    let options = message.options.as_ref();
    options.is_some_and(|options| options.map_entry())
}

fn kind(method: &MethodDescriptorProto) -> &'static str {
    match (method.client_streaming(), method.server_streaming()) {
        (false, false) => "unary",
        (false, true) => "server stream",
        (true, false) => "client stream",
        (true, true) => "both streams",
    }
}

#[cfg(test)]
mod tests;
