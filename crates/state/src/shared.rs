//! A shared state is a state.

use std::sync::Arc;

use async_trait::async_trait;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};

use crate::{Query, State, StateError, Watch, WatchOptions, WatchTarget};

#[async_trait]
impl<S: State + ?Sized> State for Arc<S> {
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        (**self).get(pointer).await
    }

    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
        (**self).list(kind, query).await
    }

    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError> {
        (**self).create(resource, owner).await
    }

    async fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        (**self).update(resource, owner, expected_phase).await
    }

    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        (**self).destroy(pointer, owner).await
    }

    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        (**self).teardown(pointer, owner).await
    }

    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError> {
        (**self).watch(target, options).await
    }
}
