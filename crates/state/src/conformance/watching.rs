//! Watches.

use std::sync::Arc;

use bytes::Bytes;
use ichor_resource::AnyResource;

use super::{Outcome, Stage, Wrong, bookmark, ensure, short, shorts, take};
use crate::{
    Event, LabelOp, LabelQuery, LabelTerm, Query, StateError, Watch, WatchOptions, WatchStart,
    WatchTarget,
};

impl Stage {
    async fn watch_kind(&self, query: Query, start: WatchStart) -> Result<Watch, StateError> {
        let target = WatchTarget::Kind(self.kind(), query);
        self.state.watch(target, from(start)).await
    }

    /// The same with a bookmark.
    async fn watch_marked(&self, start: WatchStart) -> Result<Watch, StateError> {
        let target = WatchTarget::Kind(self.kind(), Query::default());
        self.state.watch(target, marked(start)).await
    }

    async fn watch_one(&self, id: &str, start: WatchStart) -> Result<Watch, StateError> {
        let target = WatchTarget::One(self.at(id));
        self.state.watch(target, from(start)).await
    }

    async fn destroy(&self, id: &str) -> Result<(), StateError> {
        self.state.destroy(&self.at(id), "owner").await
    }
}

fn from(start: WatchStart) -> WatchOptions {
    WatchOptions {
        start,
        bookmark: false,
    }
}

fn marked(start: WatchStart) -> WatchOptions {
    WatchOptions {
        start,
        bookmark: true,
    }
}

async fn expect(watch: &mut Watch, expected: &[&str]) -> Result<Vec<Event>, Wrong> {
    let events = take(watch, expected.len()).await?;
    let seen = shorts(&events);
    ensure!(seen == expected, "saw {seen:?}, expected {expected:?}");
    Ok(events)
}

pub(super) async fn one_resource(stage: &Stage) -> Outcome {
    let first = stage.create("a").await?;
    for options in [from(WatchStart::Contents), marked(WatchStart::Now)] {
        let target = WatchTarget::One(stage.at("a"));
        let mut watch = stage.state.watch(target, options).await?;
        expect(&mut watch, &["created a 1"]).await?;
    }
    let mut watch = stage.watch_one("a", WatchStart::Now).await?;
    let events = expect(&mut watch, &["created a 1"]).await?;
    ensure!(
        events.iter().all(|event| bookmark(event).len() == 16),
        "{events:?}"
    );
    stage.create("b").await?;
    let second = stage.update(&first, "second").await?;
    let events = expect(&mut watch, &["updated a 2"]).await?;
    let [Event::Updated { new, old, .. }] = events.as_slice() else {
        return Err(Wrong(format!("{events:?}")));
    };
    ensure!(*new == second && *old == first, "{events:?}");
    stage.destroy("a").await?;
    stage.create("a").await?;
    expect(&mut watch, &["destroyed a 2", "created a 1"]).await?;
    Ok(())
}

pub(super) async fn one_absent_resource(stage: &Stage) -> Outcome {
    let mut watch = stage.watch_one("a", WatchStart::Now).await?;
    expect(&mut watch, &["destroyed a undefined tombstone"]).await?;
    stage.create("a").await?;
    expect(&mut watch, &["created a 1"]).await?;
    Ok(())
}

pub(super) async fn a_kind_with_its_contents(stage: &Stage) -> Outcome {
    for id in ["b", "a"] {
        stage.create(id).await?;
    }
    let mut watch = stage
        .watch_kind(Query::default(), WatchStart::Contents)
        .await?;
    let bootstrapped = "bootstrapped  undefined tombstone";
    expect(&mut watch, &["created a 1", "created b 1", bootstrapped]).await?;
    stage.create("c").await?;
    expect(&mut watch, &["created c 1"]).await?;
    Ok(())
}

pub(super) async fn a_kind_from_now_on(stage: &Stage) -> Outcome {
    let first = stage.create("a").await?;
    let mut watch = stage.watch_kind(Query::default(), WatchStart::Now).await?;
    stage.update(&first, "second").await?;
    expect(&mut watch, &["updated a 2"]).await?;
    stage.state.teardown(&stage.at("a"), "owner").await?;
    expect(&mut watch, &["updated a 3"]).await?;
    stage.destroy("a").await?;
    expect(&mut watch, &["destroyed a 3"]).await?;
    Ok(())
}

pub(super) async fn a_query_turns_updates_round(stage: &Stage) -> Outcome {
    let labelled = LabelTerm {
        key: "wanted".into(),
        op: LabelOp::Exists,
        values: Vec::new(),
        invert: false,
    };
    let query = Query {
        labels: vec![LabelQuery {
            terms: vec![labelled],
        }],
        id_regexp: None,
    };
    let mut watch = stage.watch_kind(query, WatchStart::Now).await?;
    let plain = stage.create("a").await?;
    let with = |resource: &AnyResource| {
        let mut resource = resource.clone();
        let labels = &mut Arc::make_mut(&mut resource.metadata).labels;
        labels.insert("wanted".into(), String::new());
        resource
    };
    let second = stage.state.update(with(&plain), "owner", None).await?;
    expect(&mut watch, &["created a 2"]).await?;
    let third = stage.update(&second, "third").await?;
    expect(&mut watch, &["updated a 3"]).await?;
    let mut without = third.clone();
    Arc::make_mut(&mut without.metadata).labels.clear();
    let fourth = stage.state.update(without, "owner", None).await?;
    expect(&mut watch, &["destroyed a 4"]).await?;
    stage.update(&fourth, "fifth").await?;
    stage.destroy("a").await?;
    stage
        .state
        .create(with(&stage.resource("b", "x")), "")
        .await?;
    expect(&mut watch, &["created b 1"]).await?;
    Ok(())
}

pub(super) async fn bookmarks_resume(stage: &Stage) -> Outcome {
    let mut watch = stage.watch_marked(WatchStart::Now).await?;
    let events = expect(&mut watch, &["noop  undefined tombstone"]).await?;
    let start = events.first().map(bookmark).unwrap_or_default();
    ensure!(start.len() == 16, "{start:?}");
    stage.create("a").await?;
    let events = expect(&mut watch, &["created a 1"]).await?;
    let after_a = events.first().map(bookmark).unwrap_or_default();
    stage.create("b").await?;
    for (position, expected) in [(start, "created a 1"), (after_a.clone(), "created b 1")] {
        let mut resumed = stage
            .watch_kind(Query::default(), WatchStart::After(position))
            .await?;
        let first = first(&mut resumed).await?;
        ensure!(first == expected, "{first}");
    }
    let mut one = stage.watch_one("b", WatchStart::After(after_a)).await?;
    let first = first(&mut one).await?;
    ensure!(first == "created b 1", "{first}");
    Ok(())
}

pub(super) async fn bookmarks_go_with_every_start(stage: &Stage) -> Outcome {
    stage.create("a").await?;
    let noop = "noop  undefined tombstone";
    let bootstrapped = "bootstrapped  undefined tombstone";
    let mut watch = stage.watch_marked(WatchStart::Contents).await?;
    let events = expect(&mut watch, &["created a 1", bootstrapped, noop]).await?;
    let after_a = events.last().map(bookmark).unwrap_or_default();
    stage.create("b").await?;
    let mut tail = stage.watch_marked(WatchStart::Tail(1)).await?;
    let events = expect(&mut tail, &[noop, "created b 1"]).await?;
    let before_b = events.first().map(bookmark);
    ensure!(before_b == Some(after_a.clone()), "{events:?}");
    let mut resumed = stage.watch_marked(WatchStart::After(after_a)).await?;
    expect(&mut resumed, &[noop, "created b 1"]).await?;
    Ok(())
}

pub(super) async fn tails_repeat(stage: &Stage) -> Outcome {
    let first_a = stage.create("a").await?;
    stage.create("b").await?;
    stage.update(&first_a, "second").await?;
    for (count, expected) in [(1, "updated a 2"), (2, "created b 1"), (99, "created a 1")] {
        let mut watch = stage
            .watch_kind(Query::default(), WatchStart::Tail(count))
            .await?;
        let seen = first(&mut watch).await?;
        ensure!(seen == expected, "tail {count}: {seen}");
    }
    let mut one = stage.watch_one("a", WatchStart::Tail(2)).await?;
    let seen = first(&mut one).await?;
    ensure!(seen == "created a 1", "{seen}");
    Ok(())
}

pub(super) async fn bad_bookmarks_are_refused(stage: &Stage) -> Outcome {
    for bad in [&b""[..], b"x", &[0; 16], &[0xff; 16]] {
        let start = WatchStart::After(Bytes::copy_from_slice(bad));
        let refused = stage.watch_kind(Query::default(), start).await.err();
        ensure!(
            refused == Some(StateError::InvalidBookmark),
            "{bad:?}: {refused:?}"
        );
    }
    Ok(())
}

pub(super) async fn bookmarks_of_another_kind_are_refused(stage: &Stage) -> Outcome {
    stage.create("a").await?;
    let mut watch = stage.watch_marked(WatchStart::Now).await?;
    let events = expect(&mut watch, &["noop  undefined tombstone"]).await?;
    let here = events.first().map(bookmark).unwrap_or_default();
    let other = Stage {
        state: Arc::clone(&stage.state),
        namespace: "another_kind",
    };
    other.create("a").await?;
    let start = WatchStart::After(here);
    let refused = other.watch_kind(Query::default(), start).await.err();
    ensure!(refused == Some(StateError::InvalidBookmark), "{refused:?}");
    Ok(())
}

/// The first event of the next batch, in short.
async fn first(watch: &mut Watch) -> Result<String, Wrong> {
    use futures_util::StreamExt;
    let batch = watch.next().await.unwrap_or_default();
    let event = batch.first().map(short);
    event.ok_or_else(|| Wrong("the watch ended".into()))
}
