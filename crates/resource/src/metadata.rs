//! Identity, version and life cycle of a resource.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;

/// Labels and annotations: sorted, so that equal maps print equally.
pub type Labels = BTreeMap<String, String>;

/// A collection of resources: one type in one namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Kind {
    /// Namespace, such as `network`.
    pub namespace: Cow<'static, str>,
    /// Full type name, such as `LinkStatuses.net.talos.dev`.
    pub type_name: Cow<'static, str>,
}

/// Names one resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pointer {
    /// The collection that holds the resource.
    pub kind: Kind,
    /// Unique within the collection.
    pub id: String,
}

impl Pointer {
    /// The same id and type in another namespace, such as `network-config`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &'static str) -> Self {
        self.kind.namespace = Cow::Borrowed(namespace);
        self
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.type_name)
    }
}

impl fmt::Display for Pointer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.kind, self.id)
    }
}

/// How often a resource was written: undefined before creation, then 1, 2, ….
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Version(u64);

impl Version {
    /// The version of a resource that was never stored.
    pub const UNDEFINED: Self = Self(0);

    /// A stored resource's version; 0 means undefined.
    pub const fn new(number: u64) -> Self {
        Self(number)
    }

    /// The version after one more write.
    pub const fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// The number, 0 when undefined.
    pub const fn number(self) -> u64 {
        self.0
    }
}

impl fmt::Display for Version {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            0 => f.write_str("undefined"),
            number => write!(f, "{number}"),
        }
    }
}

/// Life cycle: a resource being torn down waits for its finalizers, and never comes back.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Phase {
    /// In use.
    #[default]
    Running,
    /// Marked for removal; destroyed when the last finalizer is gone.
    TearingDown,
}

impl Phase {
    /// The text used on the wire and in YAML.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::TearingDown => "tearingDown",
        }
    }
}

/// All of a resource but its spec.
#[derive(Clone, Debug, PartialEq)]
pub struct Metadata {
    /// The collection.
    pub kind: Kind,
    /// Unique within the collection.
    pub id: String,
    /// Version of the stored resource this is a copy of.
    pub version: Version,
    /// Name of the controller that created the resource; empty when nobody owns it.
    pub owner: String,
    /// Life cycle.
    pub phase: Phase,
    /// Names of those who must act before the resource may be destroyed, without repetition.
    pub finalizers: Vec<String>,
    /// Queryable.
    pub labels: Labels,
    /// Not queryable.
    pub annotations: Labels,
    /// When the resource was created; set by the store.
    pub created: Timestamp,
    /// When it was last written; set by the store.
    pub updated: Timestamp,
}

impl Metadata {
    /// Metadata of a resource that is not stored yet.
    pub fn new(kind: Kind, id: impl Into<String>) -> Self {
        Self {
            kind,
            id: id.into(),
            version: Version::UNDEFINED,
            owner: String::new(),
            phase: Phase::Running,
            finalizers: Vec::new(),
            labels: Labels::new(),
            annotations: Labels::new(),
            created: Timestamp::UNIX_EPOCH,
            updated: Timestamp::UNIX_EPOCH,
        }
    }

    /// Whether this is a copy of a stored resource as it is now, and not of an earlier version or of
    /// one that was destroyed before this one took its name: versions begin at 1 again.
    ///
    /// A copy without a time of creation was not read from a state; its version alone counts.
    pub fn is_copy_of(&self, stored: &Self) -> bool {
        let same_birth = self.created == Timestamp::UNIX_EPOCH || self.created == stored.created;
        self.version == stored.version && same_birth
    }

    /// What names this resource.
    pub fn pointer(&self) -> Pointer {
        Pointer {
            kind: self.kind.clone(),
            id: self.id.clone(),
        }
    }
}
