use super::*;
use crate::{Event, StateExt, WatchStart};
use bytes::Bytes;
use futures_util::StreamExt;
use ichor_resource::specs::runtime::Environment;
use ichor_resource::{EncodedSpec, Metadata, Spec, SpecValue, specs};

fn kind() -> Kind {
    Kind {
        namespace: "runtime".into(),
        type_name: "Things.test".into(),
    }
}

fn thing(id: &str, text: &str) -> AnyResource {
    let spec = EncodedSpec {
        proto: Bytes::copy_from_slice(text.as_bytes()),
        yaml: format!("{text}\n"),
    };
    AnyResource::new(Metadata::new(kind(), id), SpecValue::new(spec))
}

fn at(id: &str) -> Pointer {
    Pointer {
        kind: kind(),
        id: id.into(),
    }
}

#[tokio::test]
async fn slow_watcher_gets_an_error_and_ends() {
    let state = MemoryState::new();
    let target = WatchTarget::Kind(kind(), Query::default());
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    for number in 0..=history::MAX_CAPACITY {
        state
            .create(thing(&number.to_string(), "x"), "")
            .await
            .unwrap();
    }
    let batch = watch.next().await.unwrap();
    assert!(matches!(batch.as_slice(), [Event::Errored(_)]), "{batch:?}");
    assert!(watch.next().await.is_none());
}

#[tokio::test]
async fn watcher_within_the_history_sees_every_change() {
    let state = MemoryState::new();
    let target = WatchTarget::Kind(kind(), Query::default());
    let mut watch = state.watch(target, WatchOptions::default()).await.unwrap();
    let count = history::MAX_CAPACITY;
    for number in 0..count {
        state
            .create(thing(&number.to_string(), "x"), "")
            .await
            .unwrap();
    }
    let mut seen = 0;
    while seen < count {
        for event in watch.next().await.unwrap() {
            let Event::Created(resource, _) = event else {
                panic!("{event:?}")
            };
            assert_eq!(resource.metadata.id, seen.to_string());
            seen += 1;
        }
    }
}

/// How many of so many changes of one resource are kept.
async fn kept(count: usize, make: impl Fn(&str) -> AnyResource) -> usize {
    let state = MemoryState::new();
    let mut stored = state.create(make("a"), "").await.unwrap();
    for _ in 1..count {
        stored.set_content(&make("a"));
        stored = state.update(stored, "", None).await.unwrap();
    }
    let target = WatchTarget::One(at("a"));
    let options = WatchOptions {
        start: WatchStart::Tail(count),
        ..WatchOptions::default()
    };
    let mut watch = state.watch(target, options).await.unwrap();
    watch.next().await.unwrap().len()
}

#[tokio::test]
async fn history_keeps_few_changes_of_long_resources() {
    let spec = "x".repeat(1 << 20);
    let long = kept(40, |id| thing(id, &spec)).await;
    assert!((1..=4).contains(&long), "{long}");
    let environment = Environment {
        variables: vec![spec.clone()],
    };
    let decoded = specs::decode(Environment::TYPE, &environment.encode());
    let decoded = decoded.unwrap().unwrap();
    let decoded = kept(40, |id| {
        AnyResource::new(Metadata::new(kind(), id), decoded.clone())
    });
    let decoded = decoded.await;
    assert!((1..=4).contains(&decoded), "{decoded}");
    let labelled = kept(40, |id| {
        let mut thing = thing(id, "x");
        let metadata = Arc::make_mut(&mut thing.metadata);
        metadata.labels.insert("a".into(), spec.clone());
        thing
    });
    let labelled = labelled.await;
    assert!((1..=4).contains(&labelled), "{labelled}");
    assert_eq!(kept(40, |id| thing(id, "x")).await, 40);
}

#[tokio::test]
async fn the_last_change_is_kept_however_long_it_is() {
    let spec = "x".repeat(10 << 20);
    assert_eq!(kept(2, |id| thing(id, &spec)).await, 1);
}

#[tokio::test]
async fn bookmark_of_another_store_is_refused() {
    let (one, other) = (MemoryState::new(), MemoryState::new());
    let mut watch = one
        .watch(WatchTarget::One(at("a")), WatchOptions::default())
        .await
        .unwrap();
    let [Event::Destroyed(_, bookmark)] = &watch.next().await.unwrap()[..] else {
        panic!("no tombstone")
    };
    assert_eq!(bookmark.len(), 16);
    let after = WatchOptions {
        start: WatchStart::After(bookmark.clone()),
        ..WatchOptions::default()
    };
    let target = WatchTarget::One(at("a"));
    assert!(one.watch(target.clone(), after.clone()).await.is_ok());
    let refused = other.watch(target, after).await.err();
    assert_eq!(refused, Some(StateError::InvalidBookmark));
}

#[tokio::test]
async fn watching_many_absent_kinds_leaves_nothing_behind() {
    let state = MemoryState::new();
    for number in 0..100 {
        let kind = Kind {
            namespace: number.to_string().into(),
            type_name: "Things.test".into(),
        };
        let target = WatchTarget::Kind(kind, Query::default());
        drop(state.watch(target, WatchOptions::default()).await.unwrap());
    }
    assert!(state.collections.read().unwrap().len() <= 1);
}

#[tokio::test]
async fn teardown_and_destroy_waits_for_the_finalizer() {
    let state = Arc::new(MemoryState::new());
    state.create(thing("a", "x"), "me").await.unwrap();
    state.add_finalizer(&at("a"), "user").await.unwrap();
    let destroy = {
        let state = Arc::clone(&state);
        tokio::spawn(async move { state.teardown_and_destroy(&at("a"), "me").await })
    };
    let tearing =
        |any: Option<&AnyResource>| any.is_some_and(|any| any.metadata.phase == Phase::TearingDown);
    state.wait_for(&at("a"), tearing).await.unwrap();
    let late = state.add_finalizer(&at("a"), "late").await;
    assert!(matches!(late, Err(StateError::PhaseConflict { .. })));
    state.remove_finalizer(&at("a"), "user").await.unwrap();
    destroy.await.unwrap().unwrap();
    assert!(state.is_empty());
    state.remove_finalizer(&at("a"), "user").await.unwrap();
}

#[tokio::test]
async fn upsert_writes_only_what_differs() {
    let state = MemoryState::new();
    for (text, version) in [("x", 1), ("x", 1), ("y", 2)] {
        let stored = state.upsert_any(thing("a", text), "me").await.unwrap();
        assert_eq!(stored.metadata.version.number(), version, "{text}");
    }
    let other = state.upsert_any(thing("a", "z"), "you").await;
    assert!(matches!(other, Err(StateError::OwnerConflict { .. })));
    state.teardown(&at("a"), "me").await.unwrap();
    for text in ["y", "z"] {
        let late = state.upsert_any(thing("a", text), "me").await;
        assert!(
            matches!(late, Err(StateError::PhaseConflict { .. })),
            "{text}: {late:?}"
        );
    }
}

#[tokio::test]
async fn concurrent_edits_are_all_kept() {
    let state = Arc::new(MemoryState::new());
    state.create(thing("a", ""), "").await.unwrap();
    let tasks: Vec<_> = (0..16)
        .map(|number: u8| {
            let state = Arc::clone(&state);
            tokio::spawn(async move {
                let edit = |any: &mut AnyResource| {
                    let metadata = Arc::make_mut(&mut any.metadata);
                    metadata.labels.insert(number.to_string(), String::new());
                };
                state.modify_any(&at("a"), None, None, edit).await
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap().unwrap();
    }
    let stored = state.get(&at("a")).await.unwrap();
    assert_eq!(stored.metadata.labels.len(), 16);
    assert_eq!(stored.metadata.version.number(), 17);
}
