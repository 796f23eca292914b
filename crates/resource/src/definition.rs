//! What types exist, how people may call them and what columns a table of them has.

mod block;
mod cluster;
mod config;
mod containers;
mod cri;
mod etcd;
mod files;
mod hardware;
mod ichor;
mod k8s;
mod kubeaccess;
mod kubespan;
mod meta;
mod network;
mod perf;
mod runtime;
mod secrets;
mod security;
mod siderolink;
mod storage;
mod time;
mod v1alpha1;

use std::sync::LazyLock;

use crate::Resource;
use crate::specs::meta::ResourceDefinition;

/// Who may read resources of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sensitivity {
    /// Every role that may read at all.
    NonSensitive,
    /// Administrators only.
    Sensitive,
}

/// A column of a table of resources.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// Header, in the case that people chose; printed in upper case.
    pub name: &'static str,
    /// JSONPath template over the YAML form of the spec, such as `{.address}`.
    pub json_path: &'static str,
}

impl Column {
    const fn new(name: &'static str, json_path: &'static str) -> Self {
        Self { name, json_path }
    }
}

/// One resource type.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Full type name, such as `Members.cluster.talos.dev`.
    pub type_name: &'static str,
    /// Singular, such as `Member`.
    pub display_type: &'static str,
    /// Namespace used when none is given.
    pub default_namespace: &'static str,
    /// Names chosen for people, first those given by hand.
    pub aliases: &'static [&'static str],
    /// Columns after the common ones.
    pub columns: &'static [Column],
    /// Who may read it.
    pub sensitivity: Sensitivity,
}

impl Definition {
    /// The plural name without its suffix, such as `Members`.
    pub fn name(&self) -> &'static str {
        self.type_name
            .split_once('.')
            .map_or(self.type_name, |(name, _)| name)
    }

    /// All names that are accepted besides the full one: the lower-case plural, alone and with the
    /// beginning of its suffix (`members.cluster`), then the aliases.
    pub fn all_aliases(&self) -> Vec<String> {
        let full = self.type_name.to_lowercase();
        let dots = full.match_indices('.').map(|(at, _)| at);
        let prefixes = dots.filter_map(|at| full.get(..at)).map(str::to_owned);
        prefixes
            .chain(self.aliases.iter().map(ToString::to_string))
            .collect()
    }
}

static DEFINITIONS: LazyLock<Vec<Definition>> = LazyLock::new(|| {
    let groups = [
        block::TYPES,
        cluster::TYPES,
        config::TYPES,
        containers::TYPES,
        cri::TYPES,
        etcd::TYPES,
        files::TYPES,
        hardware::TYPES,
        ichor::TYPES,
        k8s::TYPES,
        kubeaccess::TYPES,
        kubespan::TYPES,
        meta::TYPES,
        network::TYPES,
        perf::TYPES,
        runtime::TYPES,
        secrets::TYPES,
        security::TYPES,
        siderolink::TYPES,
        storage::TYPES,
        time::TYPES,
        v1alpha1::TYPES,
    ];
    let mut all = groups.concat();
    all.sort_by_key(|definition| definition.type_name);
    all
});

/// Every type that the API knows, sorted by type name.
pub fn definitions() -> &'static [Definition] {
    &DEFINITIONS
}

/// The definition of a full type name.
pub fn find_definition(type_name: &str) -> Option<&'static Definition> {
    let by_name = |definition: &Definition| definition.type_name.cmp(type_name);
    let found = DEFINITIONS.binary_search_by(by_name).ok()?;
    DEFINITIONS.get(found)
}

/// The definitions that people may mean by a name in any case: the full name or an alias.
pub fn definitions_by_alias(name: &str) -> Vec<&'static Definition> {
    let name = name.to_lowercase();
    let named = |definition: &&Definition| {
        definition.type_name.to_lowercase() == name || definition.all_aliases().contains(&name)
    };
    definitions().iter().filter(named).collect()
}

/// A resource for each type, to be stored at the start.
pub fn definition_resources() -> Vec<Resource<ResourceDefinition>> {
    let resource = |definition: &Definition| {
        let spec = ResourceDefinition::from(definition);
        Resource::new(definition.type_name.to_lowercase(), spec)
    };
    definitions().iter().map(resource).collect()
}

#[cfg(test)]
mod tests;
