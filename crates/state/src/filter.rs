//! A view of a state that shows and allows only what a client may see and do.

mod access;

use std::sync::Arc;

use async_trait::async_trait;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};

use crate::{Query, State, StateError, Watch, WatchOptions, WatchTarget};
pub use access::{Access, Permit};

/// A state behind an access table. Everything that the table does not allow is denied.
#[derive(Clone, Debug)]
pub struct FilteredState<S> {
    state: S,
    access: Access,
}

impl<S: State> FilteredState<S> {
    /// Puts the table in front of a state.
    pub fn new(state: S, access: Access) -> Self {
        Self { state, access }
    }

    fn need_read(&self, kind: &Kind) -> Result<(), StateError> {
        self.access.check(kind, Permit::Read)
    }

    fn need(&self, pointer: &Pointer, permit: Permit) -> Result<(), StateError> {
        self.access.check_one(pointer, permit)
    }

    /// What one that may only hold writes: the stored resource with other finalizers.
    async fn held(&self, wanted: &AnyResource) -> Result<AnyResource, StateError> {
        let pointer = wanted.metadata.pointer();
        let mut stored = self.state.get(&pointer).await?;
        let (new, old) = (&wanted.metadata, &stored.metadata);
        if !new.is_copy_of(old) {
            return Err(StateError::VersionConflict {
                pointer,
                stored: old.version,
                given: new.version,
            });
        }
        let same = new.phase == old.phase
            && new.labels == old.labels
            && new.annotations == old.annotations
            && wanted.spec == stored.spec;
        if !same {
            return Err(StateError::Denied(format!(
                "only the finalizers of {pointer} may be changed"
            )));
        }
        // Specs count as the same when their binary forms are, so the stored one is kept; its version
        // and time of creation make sure that this is what the update replaces.
        let finalizers = &mut Arc::make_mut(&mut stored.metadata).finalizers;
        finalizers.clone_from(&new.finalizers);
        Ok(stored)
    }
}

#[async_trait]
impl<S: State> State for FilteredState<S> {
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        self.need_read(&pointer.kind)?;
        self.state.get(pointer).await
    }

    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
        self.need_read(kind)?;
        self.state.list(kind, query).await
    }

    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError> {
        self.need(&resource.metadata.pointer(), Permit::Write)?;
        self.state.create(resource, owner).await
    }

    async fn update(
        &self,
        mut resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        let pointer = resource.metadata.pointer();
        if self.need(&pointer, Permit::Write).is_err() {
            self.need(&pointer, Permit::Hold)?;
            resource = self.held(&resource).await?;
        }
        self.state.update(resource, owner, expected_phase).await
    }

    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        self.need(pointer, Permit::Write)?;
        self.state.destroy(pointer, owner).await
    }

    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        self.need(pointer, Permit::Write)?;
        self.state.teardown(pointer, owner).await
    }

    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError> {
        let kind = match &target {
            WatchTarget::One(pointer) => &pointer.kind,
            WatchTarget::Kind(kind, _) => kind,
        };
        self.need_read(kind)?;
        self.state.watch(target, options).await
    }
}

#[cfg(test)]
mod tests;
