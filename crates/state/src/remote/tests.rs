use std::path::Path;
use std::sync::Arc;

use ichor_api::cosi::resource::state_client::StateClient as RawClient;
use ichor_resource::specs::network::AddressStatus;
use ichor_resource::specs::runtime::{Environment, PlatformMetadata};
use ichor_resource::{Resource, Spec};
use tokio::net::UnixListener;
use tokio::runtime::Runtime;

use super::*;
use crate::server::MAX_REQUEST_BYTES;
use crate::{
    Access, FilteredState, LabelOp, LabelQuery, LabelTerm, MemoryState, StateExt, StateServer,
};

/// A server in a runtime of its own: dropping it ends its connections as the end of a process does.
struct Served(Option<Runtime>);

impl Drop for Served {
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

fn serve(state: impl State + 'static, path: &Path) -> Served {
    serve_as(StateServer::new(state), path)
}

fn serve_as(server: StateServer, path: &Path) -> Served {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()
        .unwrap();
    let listener = {
        let _entered = runtime.enter();
        UnixListener::bind(path).unwrap()
    };
    runtime.spawn(server.serve_unix(listener, std::future::pending()));
    Served(Some(runtime))
}

#[tokio::test]
async fn reads_wait_for_a_server_that_was_away_and_watches_say_so() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let memory = Arc::new(MemoryState::new());
    let environment = Resource::new("a", Environment::default());
    let pointer = environment.metadata.pointer();
    let state = RemoteState::unix(&path);
    let write = state.create_as(environment.clone(), "").await;
    assert!(matches!(write, Err(StateError::Transport(_))), "{write:?}");
    let early = {
        let (state, pointer) = (state.clone(), pointer.clone());
        tokio::spawn(async move { state.get(&pointer).await })
    };
    tokio::time::sleep(Duration::from_millis(50)).await;
    let served = serve(Arc::clone(&memory), &path);
    let missing = early.await.unwrap();
    assert_eq!(missing, Err(StateError::NotFound(pointer.clone())));
    state.create_as(environment, "").await.unwrap();
    let target = WatchTarget::One(pointer.clone());
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    assert!(matches!(
        &watch.next().await.unwrap()[..],
        [Event::Created(..)]
    ));

    drop(served);
    let last = watch.next().await.unwrap();
    assert!(matches!(&last[..], [Event::Errored(_)]), "{last:?}");
    assert!(watch.next().await.is_none());
    std::fs::remove_file(&path).unwrap();
    let _served = serve(memory, &path);
    assert!(state.find::<Environment>("a").await.unwrap().is_some());
}

#[tokio::test]
async fn a_time_of_creation_that_a_client_made_up_counts_for_components_only() {
    let directory = tempfile::tempdir().unwrap();
    let memory = Arc::new(MemoryState::new());
    let resource = Resource::new("a", Environment::default());
    let mut update = memory.create(resource.into(), "").await.unwrap();
    Arc::make_mut(&mut update.metadata).created += jiff::SignedDuration::from_secs(1);
    let component = directory.path().join("component.sock");
    let _served = serve(Arc::clone(&memory), &component);
    let state = RemoteState::unix(component);
    let refused = state.update(update.clone(), "", None).await.unwrap_err();
    assert!(matches!(refused, StateError::VersionConflict { .. }));
    let any = directory.path().join("any.sock");
    let server = StateServer::new(Arc::clone(&memory)).for_any_client();
    let _served = serve_as(server, &any);
    let state = RemoteState::unix(any);
    state.update(update, "", None).await.unwrap();
}

#[tokio::test]
async fn slow_reader_of_a_socket_gets_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let memory = Arc::new(MemoryState::new());
    let _served = serve(Arc::clone(&memory), &path);
    let state = RemoteState::unix(&path);
    let target = WatchTarget::Kind(Environment::kind(), Query::default());
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    let variables = vec!["x".repeat(4096)];
    for number in 0..4096 {
        let spec = Environment {
            variables: variables.clone(),
        };
        let resource = Resource::new(number.to_string(), spec);
        memory.create_as(resource, "").await.unwrap();
    }
    let mut seen = 0;
    loop {
        let batch = watch.next().await.unwrap();
        if let [Event::Errored(_)] = &batch[..] {
            break;
        }
        seen += batch.len();
    }
    assert!(seen < 4096, "nothing was lost");
    // Others on the same connection go on.
    assert!(state.find::<Environment>("4095").await.unwrap().is_some());
}

#[tokio::test]
async fn typed_upserts_over_the_socket_write_only_what_differs() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let _served = serve(MemoryState::new(), &path);
    let state = RemoteState::unix(&path);
    let metadata = |region: &str| {
        let tags = (0..20).map(|n| (n.to_string(), n.to_string())).collect();
        let spec = PlatformMetadata {
            region: region.into(),
            tags,
            ..PlatformMetadata::default()
        };
        Resource::new("platformmetadata", spec)
    };
    // The order of a map differs from one encoding to the next.
    for (region, version) in [("x", 1), ("x", 1), ("x", 1), ("y", 2)] {
        let stored = state.upsert(metadata(region), "me").await.unwrap();
        assert_eq!(stored.metadata.version.number(), version, "{region}");
    }
}

#[tokio::test]
async fn requests_that_say_too_little_are_refused_by_field() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let _served = serve(MemoryState::new(), &path);
    let mut client = RemoteState::unix(&path).client;
    let mut refused = Vec::new();
    let get = pb::GetRequest {
        namespace: "runtime".into(),
        r#type: Environment::TYPE.into(),
        ..pb::GetRequest::default()
    };
    refused.push(client.get(get.clone()).await.unwrap_err());
    let no_type = pb::GetRequest {
        r#type: String::new(),
        id: "a".into(),
        ..get
    };
    refused.push(client.get(no_type).await.unwrap_err());
    refused.push(
        client
            .create(pb::CreateRequest::default())
            .await
            .unwrap_err(),
    );
    let metadata = pb::Metadata {
        namespace: "runtime".into(),
        r#type: Environment::TYPE.into(),
        id: "a".into(),
        ..pb::Metadata::default()
    };
    for metadata in [
        pb::Metadata {
            version: "-1".into(),
            ..metadata.clone()
        },
        pb::Metadata {
            phase: "asleep".into(),
            ..metadata
        },
    ] {
        let resource = pb::Resource {
            metadata: Some(metadata),
            spec: Some(pb::Spec::default()),
        };
        let request = pb::CreateRequest {
            resource: Some(resource),
            options: None,
        };
        refused.push(client.create(request).await.unwrap_err());
    }
    let garbage = pb::Resource {
        metadata: Some(pb::Metadata {
            namespace: "network".into(),
            r#type: AddressStatus::TYPE.into(),
            id: "a".into(),
            ..pb::Metadata::default()
        }),
        spec: Some(pb::Spec {
            proto_spec: bytes::Bytes::from_static(b"garbage"),
            ..pb::Spec::default()
        }),
    };
    let request = pb::CreateRequest {
        resource: Some(garbage),
        options: None,
    };
    refused.push(client.create(request).await.unwrap_err());
    let fields = [
        "id",
        "type",
        "resource",
        "metadata.version",
        "metadata.phase",
        "resource.spec.proto_spec",
    ];
    assert_eq!(refused.len(), fields.len());
    for (status, field) in refused.iter().zip(fields) {
        assert_eq!(status.code(), Code::InvalidArgument);
        let text = status.message();
        assert!(text.contains(&format!("{field}: ")), "{text} names {field}");
    }
}

#[tokio::test]
async fn codes_are_those_that_other_clients_know() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let memory = Arc::new(MemoryState::new());
    let environment = Resource::new("a", Environment::default());
    memory.create_as(environment.clone(), "me").await.unwrap();
    let _served = serve(FilteredState::new(memory, Access::public(false)), &path);
    let mut client: RawClient<_> = RemoteState::unix(&path).client;
    let denied = client
        .list(pb::ListRequest {
            namespace: "runtime".into(),
            r#type: "Things.test".into(),
            options: None,
        })
        .await
        .unwrap_err();
    assert_eq!(denied.code(), Code::PermissionDenied);
    let destroy = pb::DestroyRequest {
        namespace: "runtime".into(),
        r#type: Environment::TYPE.into(),
        id: "a".into(),
        options: None,
    };
    assert_eq!(
        client.destroy(destroy).await.unwrap_err().code(),
        Code::PermissionDenied
    );
    let watch = pb::WatchRequest {
        namespace: "runtime".into(),
        r#type: Environment::TYPE.into(),
        options: Some(pb::WatchOptions {
            bootstrap_contents: true,
            ..pb::WatchOptions::default()
        }),
        ..pb::WatchRequest::default()
    };
    // Version 0 of the API: no end of the bootstrap; one event in each message.
    let mut replies = client.watch(watch).await.unwrap().into_inner();
    assert!(replies.next().await.unwrap().unwrap().event.is_empty());
    let [created] = &replies.next().await.unwrap().unwrap().event[..] else {
        panic!("not one event")
    };
    assert_eq!(created.event_type(), pb::EventType::Created);
    let spec = created.resource.clone().unwrap().spec.unwrap();
    assert_eq!(spec.yaml_spec, "variables: []\n");
    assert_eq!(spec.proto_spec, environment.value().encode());
    let silence = tokio::time::timeout(Duration::from_millis(50), replies.next()).await;
    assert!(silence.is_err(), "{silence:?}");
}

#[tokio::test]
async fn tombstones_have_an_empty_spec_on_the_wire() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let _served = serve(MemoryState::new(), &path);
    let mut client = RemoteState::unix(&path).client;
    let watch = pb::WatchRequest {
        namespace: "runtime".into(),
        r#type: Environment::TYPE.into(),
        id: Some("a".into()),
        ..pb::WatchRequest::default()
    };
    let mut replies = client.watch(watch).await.unwrap().into_inner();
    assert!(replies.next().await.unwrap().unwrap().event.is_empty());
    let [absent] = &replies.next().await.unwrap().unwrap().event[..] else {
        panic!("not one event")
    };
    assert_eq!(absent.event_type(), pb::EventType::Destroyed);
    // Clients in Go refuse a resource without the message.
    assert_eq!(
        absent.resource.clone().unwrap().spec,
        Some(pb::Spec::default())
    );
}

#[tokio::test]
async fn long_names_are_refused_and_do_not_end_the_connection() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let _served = serve(MemoryState::new(), &path);
    let state = RemoteState::unix(&path);
    let target = WatchTarget::One(Environment::pointer("a"));
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    assert_eq!(watch.next().await.unwrap().len(), 1);
    let long = "x".repeat(1 << 20);
    let mut refused = Vec::new();
    refused.push(state.get(&Environment::pointer(&long)).await.map(drop));
    let environment = |id: &str| AnyResource::from(Resource::new(id, Environment::default()));
    refused.push(state.create(environment(&long), "").await.map(drop));
    refused.push(state.create(environment("a"), &long).await.map(drop));
    refused.push(state.destroy(&Environment::pointer("a"), &long).await);
    let mut named = environment("a");
    let metadata = Arc::make_mut(&mut named.metadata);
    metadata.finalizers.push(long.clone());
    refused.push(state.create(named, "").await.map(drop));
    let term = |key: &str| LabelTerm {
        key: key.to_owned(),
        op: LabelOp::Equal,
        values: Vec::new(),
        invert: false,
    };
    let query = Query {
        labels: vec![LabelQuery {
            terms: vec![term(&long)],
        }],
        id_regexp: None,
    };
    refused.push(state.list(&Environment::kind(), &query).await.map(drop));
    for refused in refused {
        let Err(StateError::Invalid(text)) = &refused else {
            panic!("{refused:?}")
        };
        assert!(text.len() < 4096, "{}", text.len());
    }
    // The watch goes on: it shares the connection.
    state.create(environment("a"), "").await.unwrap();
    let batch = watch.next().await.unwrap();
    assert!(matches!(&batch[..], [Event::Created(..)]), "{batch:?}");
}

#[tokio::test]
async fn what_fits_into_a_request_fits_into_every_event_and_more_is_refused() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("state.sock");
    let _served = serve(MemoryState::new(), &path);
    let state = RemoteState::unix(&path);
    let large = |bytes: usize| {
        let variables = vec!["x".repeat(bytes)];
        AnyResource::from(Resource::new("a", Environment { variables }))
    };
    let refused = state.create(large(MAX_REQUEST_BYTES), "").await;
    assert!(
        matches!(refused, Err(StateError::Invalid(_))),
        "{refused:?}"
    );
    let target = WatchTarget::One(Environment::pointer("a"));
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    assert_eq!(watch.next().await.unwrap().len(), 1);
    let fits = MAX_REQUEST_BYTES - 1024;
    let mut stored = state.create(large(fits), "").await.unwrap();
    stored.spec = large(fits - 1).spec;
    state.update(stored, "", None).await.unwrap();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        seen.extend(watch.next().await.unwrap());
    }
    assert!(
        matches!(&seen[..], [Event::Created(..), Event::Updated { .. }]),
        "the watch is lost"
    );
}
