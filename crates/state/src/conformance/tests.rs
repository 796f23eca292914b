use std::sync::Arc;

use tokio::net::UnixListener;

use ichor_resource::{AnyResource, Kind, Phase, Pointer};

use crate::{
    Access, FilteredState, MemoryState, Permit, Query, RemoteState, State, StateError, StateServer,
    Watch, WatchOptions, WatchTarget, conformance,
};

fn filtered() -> FilteredState<MemoryState> {
    let access = Access::declared([(conformance::TYPE, Permit::Write)]);
    FilteredState::new(MemoryState::new(), access)
}

/// Serves a state on a socket in a directory of its own and connects to it.
fn remote(state: impl State + 'static) -> (tempfile::TempDir, RemoteState) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let listener = UnixListener::bind(&path).unwrap();
    let server = StateServer::new(state);
    tokio::spawn(server.serve_unix(listener, std::future::pending()));
    (directory, RemoteState::unix(path))
}

async fn check(state: impl State + 'static) {
    if let Err(failure) = conformance::run(Arc::new(state)).await {
        panic!("{failure}");
    }
}

#[tokio::test]
async fn memory() {
    check(MemoryState::new()).await;
}

#[tokio::test]
async fn over_a_socket() {
    let (_directory, state) = remote(MemoryState::new());
    check(state).await;
}

#[tokio::test]
async fn through_a_filter() {
    check(filtered()).await;
}

#[tokio::test]
async fn through_a_filter_over_a_socket() {
    let (_directory, state) = remote(filtered());
    check(state).await;
}

#[tokio::test]
async fn the_suite_notices_a_state_that_forgets_owners() {
    /// Writes everything as the owner.
    #[derive(Debug)]
    struct Forgetful(MemoryState);

    #[async_trait::async_trait]
    impl State for Forgetful {
        async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
            self.0.get(pointer).await
        }

        async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
            self.0.list(kind, query).await
        }

        async fn create(
            &self,
            resource: AnyResource,
            owner: &str,
        ) -> Result<AnyResource, StateError> {
            self.0.create(resource, owner).await
        }

        async fn update(
            &self,
            resource: AnyResource,
            _owner: &str,
            expected_phase: Option<Phase>,
        ) -> Result<AnyResource, StateError> {
            self.0.update(resource, "owner", expected_phase).await
        }

        async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
            self.0.destroy(pointer, owner).await
        }

        async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
            self.0.teardown(pointer, owner).await
        }

        async fn watch(
            &self,
            target: WatchTarget,
            options: WatchOptions,
        ) -> Result<Watch, StateError> {
            self.0.watch(target, options).await
        }
    }

    let failure = conformance::run(Arc::new(Forgetful(MemoryState::new())))
        .await
        .unwrap_err();
    assert_eq!(failure.case, "update_checks_version_owner_and_phase");
}
