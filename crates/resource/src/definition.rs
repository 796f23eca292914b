//! What types exist, how people may call them and what columns a table of them has.

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

/// Every type that the API knows, sorted by type name.
pub fn definitions() -> &'static [Definition] {
    &[]
}

/// The definition of a full type name.
pub fn find_definition(type_name: &str) -> Option<&'static Definition> {
    definitions()
        .iter()
        .find(|definition| definition.type_name == type_name)
}
