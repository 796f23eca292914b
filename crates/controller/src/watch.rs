//! Turns changes of the state into wake-ups.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};
use ichor_state::{Event, Query, State, StateError, Watch, WatchOptions, WatchStart, WatchTarget};
use tokio::time::Instant;

use crate::declare::EdgeKind;
use crate::replica::{self, Replica};
use crate::{Backoff, Input, Waker};

/// A watch that is lost sooner has not worked: the pause before it is opened again grows.
const STEADY: Duration = Duration::from_secs(60);

/// A controller that a watch wakes.
pub(crate) struct Subscriber {
    pub(crate) name: &'static str,
    pub(crate) edge: EdgeKind,
    pub(crate) waker: Waker,
}

/// One watch of the state, shared by all controllers with the same input.
pub(crate) struct Watcher {
    kind: Kind,
    id: Option<String>,
    subscribers: Vec<Subscriber>,
    replica: Option<Arc<Replica>>,
}

impl Watcher {
    pub(crate) fn new(input: &Input) -> Self {
        Self {
            kind: input.kind.clone(),
            id: input.id.clone(),
            subscribers: Vec::new(),
            replica: None,
        }
    }

    pub(crate) fn serves(&self, input: &Input) -> bool {
        self.kind == input.kind && self.id == input.id
    }

    pub(crate) fn subscribe(&mut self, subscriber: Subscriber) {
        self.subscribers.push(subscriber);
    }

    /// Keeps a copy of what the watch shows, for passes to read.
    pub(crate) fn replicate(&mut self) -> replica::Input {
        let replica = Arc::new(match self.id {
            Some(_) => Replica::of_one(),
            None => Replica::of_kind(),
        });
        self.replica = Some(Arc::clone(&replica));
        replica::Input {
            kind: self.kind.clone(),
            id: self.id.clone(),
            replica,
        }
    }

    pub(crate) async fn open(&self, state: &dyn State) -> Result<Watch, StateError> {
        // A watch of one resource begins with it anyway.
        let start = match (&self.replica, &self.id) {
            (Some(_), None) => WatchStart::Contents,
            _ => WatchStart::Now,
        };
        let options = WatchOptions {
            start,
            ..WatchOptions::default()
        };
        state.watch(self.target(), options).await
    }

    /// Follows the watch and opens it again when it is lost. Runs until it is dropped.
    pub(crate) async fn run(
        self,
        state: Arc<dyn State>,
        opened: Result<Watch, StateError>,
        epoch: Arc<AtomicU64>,
        mut backoff: Backoff,
    ) {
        let mut opened = opened;
        loop {
            let lost = match opened {
                Ok(watch) => {
                    let began = Instant::now();
                    let lost = self.follow(watch).await;
                    if began.elapsed() >= STEADY {
                        backoff.reset();
                    }
                    lost
                }
                Err(error) => error.to_string(),
            };
            tracing::warn!(kind = %self.kind, error = %lost, "watch lost, opening it again");
            if let Some(replica) = &self.replica {
                replica.reset();
            }
            tokio::time::sleep(backoff.next_pause()).await;
            opened = self.open(&*state).await;
            if opened.is_ok() {
                // What happened in between is not known: everybody looks again, and without cache.
                epoch.fetch_add(1, Ordering::Release);
                self.subscribers.iter().for_each(|each| each.waker.wake());
            }
        }
    }

    async fn follow(&self, mut watch: Watch) -> String {
        while let Some(batch) = watch.next().await {
            for event in &batch {
                if let Event::Errored(text) = event {
                    return text.clone();
                }
                if let Some(replica) = &self.replica {
                    replica.apply(event);
                }
            }
            for subscriber in &self.subscribers {
                if batch.iter().any(|event| subscriber.cares(event)) {
                    subscriber.waker.wake();
                }
            }
        }
        "the watch ended".into()
    }

    fn target(&self) -> WatchTarget {
        match &self.id {
            Some(id) => WatchTarget::One(Pointer {
                kind: self.kind.clone(),
                id: id.clone(),
            }),
            None => WatchTarget::Kind(self.kind.clone(), Query::default()),
        }
    }
}

impl Subscriber {
    fn cares(&self, event: &Event) -> bool {
        match event {
            Event::Bootstrapped(..) | Event::Noop(..) | Event::Errored(_) => false,
            Event::Created(new, _) | Event::Updated { new, .. }
                if self.edge == EdgeKind::InputDestroyReady =>
            {
                new.metadata.phase == Phase::TearingDown && new.metadata.finalizers.is_empty()
            }
            Event::Updated { new, old, .. } => !self.is_own_finalizer(old, new),
            Event::Created(..) => true,
            Event::Destroyed(..) => self.edge != EdgeKind::InputDestroyReady,
        }
    }

    /// Whether all that changed is the mark that this controller itself put there or took away.
    fn is_own_finalizer(&self, old: &AnyResource, new: &AnyResource) -> bool {
        let (before, after) = (&old.metadata, &new.metadata);
        let others = |names: &[String]| -> Vec<String> {
            let kept = names.iter().filter(|name| *name != self.name);
            kept.cloned().collect()
        };
        before.finalizers != after.finalizers
            && others(&before.finalizers) == others(&after.finalizers)
            && before.phase == after.phase
            && before.labels == after.labels
            && before.annotations == after.annotations
            && old.spec == new.spec
    }
}
