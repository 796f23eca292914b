//! Why the state refused.

use ichor_resource::{DecodeError, Phase, Pointer, Version};

/// Why an operation on the state failed.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum StateError {
    /// There is no such resource.
    #[error("resource {0} does not exist")]
    NotFound(Pointer),
    /// A resource of that name is there already.
    #[error("resource {0} exists already")]
    AlreadyExists(Pointer),
    /// Someone else wrote the resource in between.
    #[error("resource {pointer} has version {stored}, the update is based on {given}{}", of_earlier(*stored, *given))]
    VersionConflict {
        /// What was to be updated.
        pointer: Pointer,
        /// The version in the store.
        stored: Version,
        /// The version that the update is based on.
        given: Version,
    },
    /// Only its owner may change a resource.
    #[error("resource {pointer} is owned by {owner:?}, not by {given:?}")]
    OwnerConflict {
        /// What was to be changed.
        pointer: Pointer,
        /// Its owner.
        owner: String,
        /// Who asked.
        given: String,
    },
    /// The resource is in another phase than the update expects.
    #[error("resource {pointer} is in phase {}", phase.as_str())]
    PhaseConflict {
        /// What was to be updated.
        pointer: Pointer,
        /// Its phase.
        phase: Phase,
    },
    /// Someone still uses the resource.
    #[error("resource {pointer} still has finalizers: {}", finalizers.join(", "))]
    PendingFinalizers {
        /// What was to be destroyed.
        pointer: Pointer,
        /// Who uses it.
        finalizers: Vec<String>,
    },
    /// The client may not see or do this.
    #[error("access denied: {0}")]
    Denied(String),
    /// A query or request is not valid.
    #[error("invalid request: {0}")]
    Invalid(String),
    /// A stored spec is not of the type that was asked for.
    #[error("{0}")]
    Decode(String),
    /// A watch position is not known (any more).
    #[error("the bookmark is not valid here")]
    InvalidBookmark,
    /// The connection to the state failed.
    #[error("state is not reachable: {0}")]
    Transport(String),
}

/// Versions begin at 1 again when a resource is destroyed and made anew.
fn of_earlier(stored: Version, given: Version) -> &'static str {
    match stored == given {
        true => " of an earlier one",
        false => "",
    }
}

impl From<DecodeError> for StateError {
    fn from(error: DecodeError) -> Self {
        Self::Decode(format!("{error}: {}", error.source))
    }
}
