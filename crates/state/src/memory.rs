//! The state in memory: one collection for each kind, each with a lock and a bounded history.
//!
//! Watchers keep no queue: each remembers a position and reads the history of its collection. A
//! watcher that falls behind the history is told so and ends. While nothing changes, none runs.

mod collection;
mod cursor;
mod history;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, PoisonError, RwLock};

use async_trait::async_trait;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};

use crate::{Matcher, Query, State, StateError, Watch, WatchOptions, WatchTarget};
use collection::Collection;

/// Marks the bookmarks of one kind in one store, so that those of an earlier process and of other
/// kinds are refused.
type Session = [u8; 8];

/// A state that lives as long as this value.
#[derive(Debug)]
pub struct MemoryState {
    collections: RwLock<HashMap<Kind, Arc<Collection>>>,
    /// The standard library seeds it from the system's random numbers.
    sessions: RandomState,
}

impl MemoryState {
    /// An empty state.
    pub fn new() -> Self {
        Self {
            collections: RwLock::default(),
            sessions: RandomState::new(),
        }
    }

    /// How many resources are stored.
    pub fn len(&self) -> usize {
        let collections = self
            .collections
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        collections.values().map(|each| each.len()).sum()
    }

    /// Whether nothing is stored.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    fn find(&self, kind: &Kind) -> Option<Arc<Collection>> {
        self.collections
            .read()
            .unwrap_or_else(PoisonError::into_inner)
            .get(kind)
            .map(Arc::clone)
    }

    fn expect(&self, pointer: &Pointer) -> Result<Arc<Collection>, StateError> {
        self.find(&pointer.kind)
            .ok_or_else(|| StateError::NotFound(pointer.clone()))
    }

    fn find_or_add(&self, kind: &Kind) -> Arc<Collection> {
        if let Some(found) = self.find(kind) {
            return found;
        }
        let mut collections = self
            .collections
            .write()
            .unwrap_or_else(PoisonError::into_inner);
        // A watch of a kind that never gets a resource leaves an empty collection behind.
        collections.retain(|_, each| Arc::strong_count(each) > 1 || each.was_used());
        Arc::clone(collections.entry(kind.clone()).or_default())
    }
}

impl Default for MemoryState {
    fn default() -> Self {
        Self::new()
    }
}

#[async_trait]
impl State for MemoryState {
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        self.expect(pointer)?.get(pointer)
    }

    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
        let matcher = Matcher::new(query)?;
        Ok(self
            .find(kind)
            .map(|collection| collection.list(&matcher))
            .unwrap_or_default())
    }

    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError> {
        if resource.spec.is_none() || resource.metadata.id.is_empty() {
            return Err(StateError::Invalid(format!(
                "resource {} has no spec or no id",
                resource.metadata.pointer()
            )));
        }
        self.find_or_add(&resource.metadata.kind)
            .create(resource, owner)
    }

    async fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        if resource.spec.is_none() {
            return Err(StateError::Invalid(format!(
                "resource {} has no spec",
                resource.metadata.pointer()
            )));
        }
        match self.find(&resource.metadata.kind) {
            Some(collection) => collection.update(resource, owner, expected_phase),
            None => Err(StateError::NotFound(resource.metadata.pointer())),
        }
    }

    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        self.expect(pointer)?.destroy(pointer, owner)
    }

    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        self.expect(pointer)?.teardown(pointer, owner)
    }

    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError> {
        let kind = match &target {
            WatchTarget::One(pointer) => &pointer.kind,
            WatchTarget::Kind(kind, _) => kind,
        };
        let collection = self.find_or_add(kind);
        let session: Session = self.sessions.hash_one(kind).to_ne_bytes();
        cursor::open(collection, session, target, &options)
    }
}

#[cfg(test)]
mod tests;
