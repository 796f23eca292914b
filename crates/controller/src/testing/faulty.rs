//! A state with conflicts, lost answers and lost watches.

use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures_util::StreamExt;
use futures_util::stream;
use ichor_resource::{AnyResource, Kind, Phase, Pointer};
use ichor_state::{Event, Query, State, StateError, Watch, WatchOptions, WatchTarget};
use tokio_util::sync::CancellationToken;

use crate::backoff::Random;

/// How often what fails, from 0 (never) to 1 (always).
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Faults {
    /// A write is refused with a version conflict, as if another had been faster.
    pub conflict: f64,
    /// A call fails before it has any effect.
    pub unreachable: f64,
    /// A write takes effect, but its answer is lost.
    pub lost_answer: f64,
    /// A watch cannot be opened.
    pub watch_refused: f64,
}

/// Passes calls on to another state and injects faults by a seed.
#[derive(Debug)]
pub struct FaultyState<S> {
    inner: S,
    control: Mutex<Control>,
}

#[derive(Debug)]
struct Control {
    random: Random,
    faults: Faults,
    watches: CancellationToken,
    calls: u64,
}

impl<S: State> FaultyState<S> {
    /// Without faults until [`FaultyState::set`].
    pub fn new(inner: S, seed: u64) -> Arc<Self> {
        let control = Control {
            random: Random::new(seed),
            faults: Faults::default(),
            watches: CancellationToken::new(),
            calls: 0,
        };
        Arc::new(Self {
            inner,
            control: Mutex::new(control),
        })
    }

    /// Changes how often what fails.
    pub fn set(&self, faults: Faults) {
        self.lock().faults = faults;
    }

    /// All open watches report an error and end.
    pub fn lose_watches(&self) {
        let lost = std::mem::take(&mut self.lock().watches);
        lost.cancel();
    }

    /// How many calls were made.
    pub fn calls(&self) -> u64 {
        self.lock().calls
    }

    /// The state below.
    pub fn inner(&self) -> &S {
        &self.inner
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Control> {
        self.control.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn fails(&self, rate: impl Fn(&Faults) -> f64) -> bool {
        let mut control = self.lock();
        control.random.fraction() < rate(&control.faults)
    }

    fn before_call(&self) -> Result<(), StateError> {
        self.lock().calls += 1;
        if self.fails(|faults| faults.unreachable) {
            return Err(StateError::Transport("injected: not reachable".into()));
        }
        Ok(())
    }

    fn before_write(&self, resource: &AnyResource) -> Result<(), StateError> {
        self.before_call()?;
        if self.fails(|faults| faults.conflict) {
            return Err(StateError::VersionConflict {
                pointer: resource.metadata.pointer(),
                stored: resource.metadata.version.next(),
                given: resource.metadata.version,
            });
        }
        Ok(())
    }

    fn answer<T>(&self, result: Result<T, StateError>) -> Result<T, StateError> {
        if self.fails(|faults| faults.lost_answer) {
            return Err(StateError::Transport("injected: answer lost".into()));
        }
        result
    }
}

#[async_trait]
impl<S: State> State for FaultyState<S> {
    async fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        self.before_call()?;
        self.inner.get(pointer).await
    }

    async fn list(&self, kind: &Kind, query: &Query) -> Result<Vec<AnyResource>, StateError> {
        self.before_call()?;
        self.inner.list(kind, query).await
    }

    async fn create(&self, resource: AnyResource, owner: &str) -> Result<AnyResource, StateError> {
        self.before_call()?;
        self.answer(self.inner.create(resource, owner).await)
    }

    async fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        self.before_write(&resource)?;
        self.answer(self.inner.update(resource, owner, expected_phase).await)
    }

    async fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        self.before_call()?;
        self.answer(self.inner.destroy(pointer, owner).await)
    }

    async fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        self.before_call()?;
        self.answer(self.inner.teardown(pointer, owner).await)
    }

    async fn watch(&self, target: WatchTarget, options: WatchOptions) -> Result<Watch, StateError> {
        self.before_call()?;
        if self.fails(|faults| faults.watch_refused) {
            return Err(StateError::Transport("injected: no watch".into()));
        }
        let lost = self.lock().watches.clone();
        let watch = self.inner.watch(target, options).await?;
        let error = stream::once(std::future::ready(vec![Event::Errored(
            "injected: watch lost".into(),
        )]));
        Ok(watch
            .take_until(lost.cancelled_owned())
            .chain(error)
            .boxed())
    }
}
