//! The resource state: one trait, implemented in memory, over gRPC, and filtered.

mod error;
mod event;
mod ext;
mod filter;
#[cfg(feature = "fuzzing")]
pub mod fuzzing;
mod memory;
mod query;
mod remote;
mod server;
mod shared;
mod wire;

pub mod conformance;

use async_trait::async_trait;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};

pub use error::StateError;
pub use event::{Event, Watch, WatchOptions, WatchStart, WatchTarget};
pub use ext::StateExt;
pub use filter::{Access, FilteredState, Permit};
pub use memory::MemoryState;
pub use query::{LabelOp, LabelQuery, LabelTerm, Matcher, Query};
pub use remote::RemoteState;
pub use server::{MAX_MESSAGE_BYTES, StateServer};

/// A store of resources.
///
/// Guarantees: writes to one resource are serialised; a watcher sees every change of what it
/// watches in order, or an error event; a list is a snapshot. Every method may be cancelled: the
/// write then has happened or has not, never in part.
#[async_trait]
pub trait State: Send + Sync {
    /// Reads one resource.
    ///
    /// # Errors
    /// [`StateError::NotFound`].
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError>;

    /// Reads the resources of a kind that match, sorted by id bytewise.
    ///
    /// # Errors
    /// Only those of the transport and of access: an unknown kind is an empty list.
    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError>;

    /// Stores a new resource as version 1, owned by `owner` (empty: by nobody), and returns it.
    ///
    /// # Errors
    /// [`StateError::AlreadyExists`].
    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError>;

    /// Replaces a resource whose stored version, owner and phase are the expected ones.
    ///
    /// `expected_phase: None` accepts every phase. A copy of a resource that was destroyed and made
    /// anew since has the wrong version, whatever its number is.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::VersionConflict`], [`StateError::OwnerConflict`],
    /// [`StateError::PhaseConflict`].
    async fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError>;

    /// Removes a resource that has no finalizers.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::OwnerConflict`], [`StateError::PendingFinalizers`].
    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError>;

    /// Marks a resource for removal. `true` when it has no finalizers and may be destroyed.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::OwnerConflict`].
    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError>;

    /// Follows the changes of one resource or of a kind.
    ///
    /// The watch is established when this returns: no later change is missed. Memory is bounded;
    /// a watcher that is too slow gets [`Event::Errored`] and the stream ends.
    ///
    /// # Errors
    /// [`StateError::InvalidBookmark`] when a position asked for is not known any more.
    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError>;
}
