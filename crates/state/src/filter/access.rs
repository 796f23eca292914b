//! Who may do what with which type.

use std::collections::BTreeMap;
use std::sync::Arc;

use ichor_resource::{Kind, Pointer, Sensitivity, find_definition, is_namespace};

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
    Declared {
        types: BTreeMap<String, Permit>,
        /// Of these types, more than reading is for these ids only.
        ids: BTreeMap<String, &'static [&'static str]>,
    },
    /// All registered types in namespaces that exist, for reading; the sensitive ones for
    /// administrators.
    Public { admin: bool },
}

impl Access {
    /// A component's access: the types that it declared. The wider permit wins for one named twice.
    pub fn declared<T: Into<String>>(types: impl IntoIterator<Item = (T, Permit)>) -> Self {
        Self::declared_with_ids(types, [])
    }

    /// The same, where of some types only the resources with certain ids may be more than read.
    pub fn declared_with_ids<T: Into<String>>(
        types: impl IntoIterator<Item = (T, Permit)>,
        ids: impl IntoIterator<Item = (T, &'static [&'static str])>,
    ) -> Self {
        let mut table = BTreeMap::new();
        for (type_name, permit) in types {
            let known = table.entry(type_name.into()).or_insert(permit);
            *known = permit.max(*known);
        }
        let ids = ids.into_iter();
        Self(Arc::new(Table::Declared {
            types: table,
            ids: ids.map(|(name, ids)| (name.into(), ids)).collect(),
        }))
    }

    /// The access of people over the API: reading only, of registered types in namespaces that exist.
    pub fn public(admin: bool) -> Self {
        Self(Arc::new(Table::Public { admin }))
    }

    /// Whether one resource may be written or held.
    ///
    /// # Errors
    /// [`StateError::Denied`] with the reason.
    pub(super) fn check_one(&self, pointer: &Pointer, wanted: Permit) -> Result<(), StateError> {
        self.check(&pointer.kind, wanted)?;
        let Table::Declared { ids, .. } = &*self.0 else {
            return Ok(());
        };
        match ids.get(&*pointer.kind.type_name) {
            Some(ids) if !ids.contains(&&*pointer.id) => {
                let text = format!("{pointer} is read-only here");
                Err(StateError::Denied(text))
            }
            Some(_) | None => Ok(()),
        }
    }

    /// Whether all resources of a kind may be read, or some of them be more than that.
    ///
    /// # Errors
    /// [`StateError::Denied`] with the reason.
    pub(super) fn check(&self, kind: &Kind, wanted: Permit) -> Result<(), StateError> {
        let (type_name, namespace) = (&*kind.type_name, &*kind.namespace);
        let reason = match &*self.0 {
            Table::Declared { types, .. } => match types.get(type_name) {
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
