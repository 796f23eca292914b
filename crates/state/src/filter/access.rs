//! Who may do what with which type.

use std::collections::BTreeMap;
use std::sync::Arc;

use ichor_resource::{Kind, Sensitivity, find_definition, is_namespace};

use crate::StateError;

/// What may be done with the resources of a type. Each includes those before it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Permit {
    /// Get, list and watch.
    Read,
    /// Add and remove finalizers besides, as strong inputs need it.
    Hold,
    /// Create, update, tear down and destroy besides. Owners are still checked by the state.
    Write,
}

/// An access table.
#[derive(Clone, Debug)]
pub struct Access(Arc<Table>);

#[derive(Debug)]
enum Table {
    /// The types of a component; all others are denied.
    Declared(BTreeMap<String, Permit>),
    /// All registered types in namespaces that exist, for reading; the sensitive ones for
    /// administrators.
    Public { admin: bool },
}

impl Access {
    /// A component's access: the types that it declared. The wider permit wins for one named twice.
    pub fn declared<T: Into<String>>(types: impl IntoIterator<Item = (T, Permit)>) -> Self {
        let mut table = BTreeMap::new();
        for (type_name, permit) in types {
            let known = table.entry(type_name.into()).or_insert(permit);
            *known = permit.max(*known);
        }
        Self(Arc::new(Table::Declared(table)))
    }

    /// The access of people over the API: reading only, of registered types in namespaces that exist.
    pub fn public(admin: bool) -> Self {
        Self(Arc::new(Table::Public { admin }))
    }

    /// # Errors
    /// [`StateError::Denied`] with the reason.
    pub(super) fn check(&self, kind: &Kind, wanted: Permit) -> Result<(), StateError> {
        let (type_name, namespace) = (&*kind.type_name, &*kind.namespace);
        let reason = match &*self.0 {
            Table::Declared(table) => match table.get(type_name) {
                Some(permit) if *permit >= wanted => return Ok(()),
                Some(_) => "is read-only here",
                None => "is not declared by this component",
            },
            Table::Public { .. } if wanted != Permit::Read => "is read-only over the API",
            Table::Public { .. } if !is_namespace(namespace) => {
                let text = format!("namespace {namespace} does not exist");
                return Err(StateError::Denied(text));
            }
            Table::Public { admin } => match find_definition(type_name) {
                None => "is not registered",
                Some(known) if known.sensitivity == Sensitivity::NonSensitive || *admin => {
                    return Ok(());
                }
                Some(_) => "is sensitive and needs the role os:admin",
            },
        };
        Err(StateError::Denied(format!("type {type_name} {reason}")))
    }
}
