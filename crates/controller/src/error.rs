//! Why a pass or a registration failed.

use std::error::Error;

use ichor_resource::Kind;
use ichor_state::StateError;

/// Why a pass failed; it is repeated with back-off.
#[derive(Debug, thiserror::Error)]
pub enum ReconcileError {
    /// The state refused.
    #[error(transparent)]
    State(#[from] StateError),
    /// The controller used a kind that it did not declare for this use.
    #[error("controller {controller} does not declare {kind} as {usage}")]
    Undeclared {
        /// The controller.
        controller: &'static str,
        /// What it used.
        kind: Kind,
        /// As what.
        usage: &'static str,
    },
    /// The effect could not be brought about.
    #[error(transparent)]
    Other(Box<dyn Error + Send + Sync>),
}

impl ReconcileError {
    /// Wraps an error of the controller's own; a text does as well.
    pub fn other(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Other(error.into())
    }

    /// Whether the cause is a race that the next pass resolves by itself.
    pub(crate) fn is_race(&self) -> bool {
        matches!(
            self,
            Self::State(
                StateError::VersionConflict { .. }
                    | StateError::PhaseConflict { .. }
                    | StateError::NotFound(_)
                    | StateError::AlreadyExists(_)
            )
        )
    }
}

/// Why a controller cannot be registered.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RegisterError {
    /// The name is the owner of resources, so it must be unique.
    #[error("controller {0} is registered twice")]
    Duplicate(&'static str),
    /// An exclusive output has another writer.
    #[error("controllers {first} and {second} both write {kind}, and one of them alone")]
    OutputTaken {
        /// Who declared it before.
        first: &'static str,
        /// Who declares it now.
        second: &'static str,
        /// What both want to write.
        kind: Kind,
    },
}

/// An error with its causes, for one line of a log.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
