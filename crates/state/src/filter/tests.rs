use std::sync::Arc;

use ichor_resource::specs::runtime::Environment;
use ichor_resource::specs::secrets::CertSan;
use ichor_resource::{EncodedSpec, Metadata, Resource, Spec, SpecValue};

use super::*;
use crate::{MemoryState, StateExt};

async fn memory() -> Arc<MemoryState> {
    let state = Arc::new(MemoryState::new());
    let environment = Resource::new("apid", Environment::default());
    state.create_as(environment, "owner").await.unwrap();
    state
        .create_as(Resource::new("api", CertSan::default()), "")
        .await
        .unwrap();
    state
}

fn denied<T>(result: Result<T, StateError>) -> bool {
    matches!(result, Err(StateError::Denied(_)))
}

#[tokio::test]
async fn public_access_reads_registered_types_only() {
    let state = memory().await;
    let reader = FilteredState::new(Arc::clone(&state), Access::public(false));
    let admin = FilteredState::new(state, Access::public(true));
    assert!(reader.find::<Environment>("apid").await.unwrap().is_some());
    assert!(denied(reader.find::<CertSan>("api").await));
    assert!(admin.find::<CertSan>("api").await.unwrap().is_some());
    let unknown = Kind::named("runtime", "Things.test");
    for state in [&reader, &admin] {
        assert!(denied(state.list(&unknown, &Query::default()).await));
        let target = WatchTarget::Kind(unknown.clone(), Query::default());
        assert!(denied(
            state.watch(target, WatchOptions::default()).await.map(drop)
        ));
        let fresh = Resource::new("x", Environment::default());
        assert!(denied(state.create_as(fresh, "").await));
        let pointer = Resource::new("apid", Environment::default())
            .metadata
            .pointer();
        assert!(denied(state.teardown(&pointer, "owner").await));
        assert!(denied(state.destroy(&pointer, "owner").await));
        assert!(denied(state.add_finalizer(&pointer, "me").await));
    }
}

#[tokio::test]
async fn public_access_reads_namespaces_that_exist_only() {
    let state = memory().await;
    let elsewhere = Resource::new("x", Environment::default()).in_namespace("nowhere");
    let pointer = elsewhere.metadata.pointer();
    state.create_as(elsewhere, "").await.unwrap();
    for admin in [false, true] {
        let reader = FilteredState::new(Arc::clone(&state), Access::public(admin));
        assert!(denied(reader.get(&pointer).await));
        assert!(denied(reader.list(&pointer.kind, &Query::default()).await));
        let target = WatchTarget::Kind(pointer.kind.clone(), Query::default());
        assert!(denied(
            reader
                .watch(target, WatchOptions::default())
                .await
                .map(drop)
        ));
        // A type may be in another namespace than its own, where it is absent.
        let other = Kind::named("network", Environment::TYPE);
        let found = reader.list(&other, &Query::default()).await;
        assert_eq!(found, Ok(Vec::new()));
    }
}

#[tokio::test]
async fn declared_access_denies_what_was_not_declared() {
    let access = Access::declared([(Environment::TYPE, Permit::Write)]);
    let state = FilteredState::new(memory().await, access);
    assert!(denied(state.find::<CertSan>("api").await));
    state
        .create_as(Resource::new("x", Environment::default()), "me")
        .await
        .unwrap();
}

#[tokio::test]
async fn holding_changes_finalizers_and_nothing_else() {
    let access = Access::declared([(Environment::TYPE, Permit::Hold)]);
    let state = FilteredState::new(memory().await, access);
    let pointer = Resource::new("apid", Environment::default())
        .metadata
        .pointer();
    state.add_finalizer(&pointer, "me").await.unwrap();
    let edit = |each: &mut Resource<Environment>| each.value_mut().variables.push("A=b".into());
    assert!(denied(state.modify(&pointer, "owner", edit).await));
    let label = |each: &mut AnyResource| {
        Arc::make_mut(&mut each.metadata)
            .labels
            .insert("a".into(), "b".into());
    };
    assert!(denied(state.modify_any(&pointer, None, None, label).await));
    let teardown = |each: &mut AnyResource| {
        Arc::make_mut(&mut each.metadata).phase = Phase::TearingDown;
    };
    assert!(denied(
        state.modify_any(&pointer, None, None, teardown).await
    ));
    assert!(denied(state.destroy(&pointer, "owner").await));
    state.remove_finalizer(&pointer, "me").await.unwrap();
}

#[tokio::test]
async fn holding_leaves_the_form_for_people_as_it_is() {
    let state = Arc::new(MemoryState::new());
    let kind = Kind::named("runtime", "Things.test");
    let spec = |yaml: &str| {
        SpecValue::new(EncodedSpec {
            proto: "x".into(),
            yaml: yaml.into(),
        })
    };
    let mut thing = AnyResource::new(Metadata::new(kind, "a"), spec("true: 1\n"));
    thing = state.create(thing, "owner").await.unwrap();
    let access = Access::declared([("Things.test", Permit::Hold)]);
    let holder = FilteredState::new(Arc::clone(&state), access);
    let metadata = Arc::make_mut(&mut thing.metadata);
    metadata.finalizers.push("me".into());
    thing.spec = Some(spec("false: 1\n"));
    holder.update(thing.clone(), "owner", None).await.unwrap();
    let stored = state.get(&thing.metadata.pointer()).await.unwrap();
    assert_eq!(stored.metadata.finalizers, ["me"]);
    assert_eq!(stored.spec.unwrap().yaml(), "true: 1\n");
}

#[tokio::test]
async fn a_type_may_be_written_by_some_ids_only() {
    let state = memory().await;
    let types = [(Environment::TYPE, Permit::Write)];
    let ids: &'static [&'static str] = &["networkd"];
    let access = Access::declared_with_ids(types, [(Environment::TYPE, ids)]);
    let state = FilteredState::new(state, access);
    let own = Resource::new("networkd", Environment::default());
    state.upsert(own, "").await.unwrap();
    state
        .add_finalizer(&Environment::pointer("networkd"), "me")
        .await
        .unwrap();
    state
        .remove_finalizer(&Environment::pointer("networkd"), "me")
        .await
        .unwrap();
    let other = Environment::pointer("apid");
    assert!(state.find::<Environment>("apid").await.unwrap().is_some());
    let changed = |id: &str| {
        let variables = vec!["A=b".to_owned()];
        Resource::new(id, Environment { variables })
    };
    assert!(denied(state.create_as(changed("x"), "").await));
    assert!(denied(state.upsert(changed("apid"), "owner").await));
    assert!(denied(state.add_finalizer(&other, "me").await));
    assert!(denied(state.teardown(&other, "owner").await));
    assert!(denied(state.destroy(&other, "owner").await));
    let own = Environment::pointer("networkd");
    state.teardown_and_destroy(&own, "").await.unwrap();
}
