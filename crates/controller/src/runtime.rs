//! Registers controllers and runs them.

use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::join_all;
use ichor_resource::{Resource, Spec};
use ichor_state::State;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::backoff::{Random, random_seed};
use crate::controller::AnyController;
use crate::declare::{Edge, EdgeKind, Input, Output};
use crate::replica::Replicas;
use crate::report;
use crate::watch::{Subscriber, Watcher};
use crate::worker::Worker;
use crate::{Backoff, Controller, ControllerStats, Ctx, RegisterError, Transform, Waker};

/// Controllers over one state.
pub struct Runtime {
    state: Arc<dyn State>,
    random: Random,
    entries: Vec<Entry>,
    watchers: Vec<Watcher>,
    observer: Observer,
    reported_as: Option<&'static str>,
    replicates: bool,
}

/// Looks at the controllers of a runtime, also while it runs. Clones show the same.
#[derive(Clone, Debug, Default)]
pub struct Observer {
    shared: Arc<Mutex<Vec<Observed>>>,
    changed: Arc<Notify>,
}

struct Entry {
    controller: Box<dyn AnyController>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    waker: Waker,
    stats: Arc<Mutex<ControllerStats>>,
}

#[derive(Debug)]
struct Observed {
    edges: Vec<Edge>,
    waker: Waker,
    stats: Arc<Mutex<ControllerStats>>,
}

impl std::fmt::Debug for Runtime {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runtime")
            .field("controllers", &self.entries.len())
            .finish_non_exhaustive()
    }
}

impl Runtime {
    /// A runtime without controllers.
    pub fn new(state: Arc<dyn State>) -> Self {
        Self {
            state,
            random: Random::new(random_seed()),
            entries: Vec::new(),
            watchers: Vec::new(),
            observer: Observer::default(),
            reported_as: None,
            replicates: false,
        }
    }

    /// The same seed gives the same pauses between retries.
    #[must_use]
    pub fn with_seed(mut self, seed: u64) -> Self {
        self.random = Random::new(seed);
        self
    }

    /// While it runs, writes what happens to each controller into the state, as a resource
    /// `Controllers.runtime.ichor.dev` that names and is owned by `component`.
    #[must_use]
    pub fn reported_as(mut self, component: &'static str) -> Self {
        self.reported_as = Some(component);
        self
    }

    /// Lets passes read their inputs from copies that the watches keep, for a state behind a socket,
    /// where each read costs a round trip. A copy lags behind by what is under way; a pass sees at
    /// least the change that woke it.
    #[must_use]
    pub fn with_replicas(mut self) -> Self {
        self.replicates = true;
        self
    }

    /// Adds a controller.
    ///
    /// # Errors
    /// [`RegisterError`] when its name or one of its outputs is taken; it is not added then.
    pub fn register(&mut self, controller: impl Controller) -> Result<&mut Self, RegisterError> {
        self.add(Box::new(controller))
    }

    /// Adds a controller that is one pure function.
    ///
    /// # Errors
    /// As [`Runtime::register`].
    pub fn register_transform<I, O, F>(
        &mut self,
        transform: Transform<I, O, F>,
    ) -> Result<&mut Self, RegisterError>
    where
        I: Spec,
        O: Spec,
        F: Fn(&Resource<I>) -> Option<(String, O)> + Send + Sync + 'static,
    {
        self.add(Box::new(transform))
    }

    /// A view that stays when the runtime runs.
    pub fn observer(&self) -> Observer {
        self.observer.clone()
    }

    /// As [`Observer::stats`].
    pub fn stats(&self) -> Vec<ControllerStats> {
        self.observer.stats()
    }

    /// As [`Observer::graph`].
    pub fn graph(&self) -> Vec<Edge> {
        self.observer.graph()
    }

    /// Runs all controllers until `shutdown` is cancelled; passes in progress are dropped then.
    ///
    /// Every controller gets a first pass once the watches of all inputs are open. An input whose
    /// watch cannot be opened does not keep the others: it is tried again and wakes its
    /// controllers when it opens. Dropping the future stops everything too.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let state = Arc::clone(&self.state);
        let epoch = Arc::<AtomicU64>::default();
        let mut watchers = std::mem::take(&mut self.watchers);
        let replicas: Replicas = match self.replicates {
            true => Replicas::new(watchers.iter_mut().map(Watcher::replicate)),
            false => Replicas::default(),
        };
        let opening = join_all(watchers.iter().map(|watcher| watcher.open(&*state)));
        let Some(opened) = shutdown.run_until_cancelled(opening).await else {
            return;
        };
        let mut watches = JoinSet::new();
        for (watcher, opened) in watchers.into_iter().zip(opened) {
            let backoff = Backoff::new(self.random.next());
            watches.spawn(watcher.run(Arc::clone(&state), opened, Arc::clone(&epoch), backoff));
        }
        if let Some(component) = self.reported_as {
            let observer = self.observer.clone();
            watches.spawn(report::follow(observer, Arc::clone(&state), component));
        }
        let mut workers = JoinSet::new();
        for entry in std::mem::take(&mut self.entries) {
            let worker = self.worker(entry, &replicas, &epoch);
            workers.spawn(worker.run(shutdown.clone()));
        }
        shutdown.cancelled().await;
        while let Some(ended) = workers.join_next().await {
            if let Err(error) = ended {
                tracing::error!(%error, "a controller ended on its own");
            }
        }
        watches.shutdown().await;
    }

    fn add(&mut self, controller: Box<dyn AnyController>) -> Result<&mut Self, RegisterError> {
        let entry = Entry {
            inputs: controller.inputs(),
            outputs: controller.outputs(),
            waker: controller.waker().unwrap_or_default(),
            stats: Arc::new(Mutex::new(ControllerStats {
                name: controller.name(),
                ..ControllerStats::default()
            })),
            controller,
        };
        self.check(&entry)?;
        self.subscribe(&entry);
        self.observer.add(&entry);
        self.entries.push(entry);
        Ok(self)
    }

    fn check(&self, entry: &Entry) -> Result<(), RegisterError> {
        let second = entry.controller.name();
        for known in &self.entries {
            let first = known.controller.name();
            if first == second {
                return Err(RegisterError::Duplicate(second));
            }
            for output in &entry.outputs {
                let clashes = |other: &&Output| {
                    let alone = EdgeKind::OutputExclusive;
                    other.kind == output.kind && (other.edge == alone || output.edge == alone)
                };
                if known.outputs.iter().find(clashes).is_some() {
                    let kind = output.kind.clone();
                    return Err(RegisterError::OutputTaken {
                        first,
                        second,
                        kind,
                    });
                }
            }
        }
        Ok(())
    }

    fn subscribe(&mut self, entry: &Entry) {
        for input in &entry.inputs {
            let subscriber = Subscriber {
                name: entry.controller.name(),
                edge: input.edge,
                waker: entry.waker.clone(),
            };
            match self.watchers.iter_mut().find(|known| known.serves(input)) {
                Some(watcher) => watcher.subscribe(subscriber),
                None => {
                    let mut watcher = Watcher::new(input);
                    watcher.subscribe(subscriber);
                    self.watchers.push(watcher);
                }
            }
        }
    }

    fn worker(&mut self, entry: Entry, replicas: &Replicas, epoch: &Arc<AtomicU64>) -> Worker {
        let cx = Ctx::new(
            entry.controller.name(),
            Arc::clone(&self.state),
            entry.inputs,
            entry.outputs,
            replicas.clone(),
            Arc::clone(epoch),
        );
        Worker {
            controller: entry.controller,
            cx,
            state: Arc::clone(&self.state),
            waker: entry.waker,
            stats: entry.stats,
            observer: self.observer.clone(),
            backoff: Backoff::new(self.random.next()),
        }
    }
}

impl Observer {
    /// What happened to each controller, in the order of registration.
    pub fn stats(&self) -> Vec<ControllerStats> {
        let observed = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        let snapshot = |each: &Observed| {
            let stats = each.stats.lock().unwrap_or_else(PoisonError::into_inner);
            ControllerStats {
                wakeups: each.waker.count(),
                ..stats.clone()
            }
        };
        observed.iter().map(snapshot).collect()
    }

    /// Who reads and writes what, in the order of registration.
    pub fn graph(&self) -> Vec<Edge> {
        let observed = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        observed
            .iter()
            .flat_map(|each| each.edges.clone())
            .collect()
    }

    /// Returns when a pass has ended since it returned last. One follower at a time.
    pub(crate) async fn changed(&self) {
        self.changed.notified().await;
    }

    /// Lets [`Observer::changed`] return.
    pub(crate) fn note_change(&self) {
        self.changed.notify_one();
    }

    fn add(&self, entry: &Entry) {
        let controller = entry.controller.name();
        let inputs = entry.inputs.iter().map(|input| Edge {
            controller,
            kind: input.edge,
            resource: input.kind.clone(),
            id: input.id.clone(),
        });
        let outputs = entry.outputs.iter().map(|output| Edge {
            controller,
            kind: output.edge,
            resource: output.kind.clone(),
            id: None,
        });
        let observed = Observed {
            edges: inputs.chain(outputs).collect(),
            waker: entry.waker.clone(),
            stats: Arc::clone(&entry.stats),
        };
        let mut shared = self.shared.lock().unwrap_or_else(PoisonError::into_inner);
        shared.push(observed);
    }
}
