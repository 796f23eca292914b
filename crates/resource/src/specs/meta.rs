//! What resource types and namespaces there are.

use ichor_api::cosi::resource::meta as wire;
use serde::Serialize;

use super::text;
use super::wire::{Field, InvalidField};
use crate::{Definition, Sensitivity};

/// A namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Namespace {
    /// What is in it.
    pub description: String,
}

message!(Namespace, wire::NamespaceSpec { description });
spec!(
    Namespace,
    wire::NamespaceSpec,
    "Namespaces.meta.cosi.dev",
    "meta"
);

/// A resource type.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ResourceDefinition {
    /// Full type name.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// Singular name.
    pub display_type: String,
    /// Namespace used when none is given.
    pub default_namespace: String,
    /// Names for people.
    pub aliases: Vec<String>,
    /// All names that are accepted.
    pub all_aliases: Vec<String>,
    /// Columns of a table.
    pub print_columns: Vec<PrintColumn>,
    /// Whether only administrators may read it.
    #[serde(
        rename = "sensitivity",
        skip_serializing_if = "text::unset",
        serialize_with = "sensitivity"
    )]
    pub sensitive: bool,
}

/// A column of a table.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PrintColumn {
    /// Header.
    pub name: String,
    /// Where the value is in the YAML form of the spec.
    pub json_path: String,
}

message!(
    PrintColumn,
    wire::resource_definition_spec::PrintColumn { name, json_path }
);

impl Field<wire::ResourceDefinitionSpec> for ResourceDefinition {
    fn to_wire(&self) -> wire::ResourceDefinitionSpec {
        let sensitivity = match self.sensitive {
            true => wire::resource_definition_spec::Sensitivity::Sensitive,
            false => wire::resource_definition_spec::Sensitivity::NonSensitive,
        };
        wire::ResourceDefinitionSpec {
            resource_type: self.resource_type.clone(),
            display_type: self.display_type.clone(),
            default_namespace: self.default_namespace.clone(),
            aliases: self.aliases.clone(),
            all_aliases: self.all_aliases.clone(),
            print_columns: self.print_columns.to_wire(),
            sensitivity: sensitivity.into(),
        }
    }

    fn from_wire(wire: wire::ResourceDefinitionSpec) -> Result<Self, InvalidField> {
        let sensitivity =
            wire::resource_definition_spec::Sensitivity::try_from(wire.sensitivity)
                .map_err(|error| InvalidField::new(error.to_string()).within("sensitivity"))?;
        Ok(Self {
            resource_type: wire.resource_type,
            display_type: wire.display_type,
            default_namespace: wire.default_namespace,
            aliases: wire.aliases,
            all_aliases: wire.all_aliases,
            print_columns: Field::from_wire(wire.print_columns)?,
            sensitive: sensitivity == wire::resource_definition_spec::Sensitivity::Sensitive,
        })
    }
}

spec!(
    ResourceDefinition,
    wire::ResourceDefinitionSpec,
    "ResourceDefinitions.meta.cosi.dev",
    "meta"
);

impl From<&Definition> for ResourceDefinition {
    fn from(definition: &Definition) -> Self {
        let column = |column: &crate::Column| PrintColumn {
            name: column.name.to_owned(),
            json_path: column.json_path.to_owned(),
        };
        Self {
            resource_type: definition.type_name.to_owned(),
            display_type: definition.display_type.to_owned(),
            default_namespace: definition.default_namespace.to_owned(),
            aliases: definition.aliases.iter().map(ToString::to_string).collect(),
            all_aliases: definition.all_aliases(),
            print_columns: definition.columns.iter().map(column).collect(),
            sensitive: definition.sensitivity == Sensitivity::Sensitive,
        }
    }
}

/// Only called for sensitive types.
fn sensitivity<S: serde::Serializer>(_sensitive: &bool, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str("sensitive")
}
