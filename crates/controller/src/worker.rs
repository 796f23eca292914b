//! Runs one controller.

use std::any::Any;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use futures_util::FutureExt;
use ichor_resource::{AnyResource, Pointer};
use ichor_state::{State, StateExt};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use crate::controller::AnyController;
use crate::error::chain;
use crate::{Backoff, ControllerStats, Ctx, Observer, ReconcileError, Waker};

/// A wake-up during a back-off shortens the rest of it to this: the cause may be gone.
const WOKEN_PAUSE: Duration = Duration::from_secs(1);

/// When the next pass is due.
enum Due {
    /// When woken.
    Woken,
    /// When woken, or then.
    At(Instant),
    /// Then, after a failure.
    Retry(Instant),
}

enum Failure {
    Error(ReconcileError),
    Panic(String),
}

pub(crate) struct Worker {
    pub(crate) controller: Box<dyn AnyController>,
    pub(crate) cx: Ctx,
    pub(crate) state: Arc<dyn State>,
    pub(crate) waker: Waker,
    pub(crate) stats: Arc<Mutex<ControllerStats>>,
    pub(crate) observer: Observer,
    pub(crate) backoff: Backoff,
}

impl Worker {
    pub(crate) async fn run(mut self, shutdown: CancellationToken) {
        let mut releases = Releases::default();
        self.waker.wake();
        let mut due = Due::Woken;
        while shutdown
            .run_until_cancelled(Self::wait(&self.waker, due))
            .await
            .is_some()
        {
            let started = Instant::now();
            let Some(outcome) = shutdown.run_until_cancelled(self.pass()).await else {
                return;
            };
            self.record(&outcome, started.elapsed());
            self.observer.note_change();
            let (waiting, again) = self.cx.finish();
            for pointer in waiting {
                releases.wait_for(pointer, &self.state, &self.waker);
            }
            due = match (outcome, again) {
                (Ok(()), None) => Due::Woken,
                (Ok(()), Some(pause)) => Due::At(Instant::now() + pause),
                (Err(_), _) => Due::Retry(Instant::now() + self.backoff.next_pause()),
            };
        }
    }

    /// Borrows the waker alone: a controller need not be shareable between threads.
    async fn wait(waker: &Waker, due: Due) {
        match due {
            Due::Woken => waker.woken().await,
            Due::At(time) => {
                tokio::select! {
                    () = waker.woken() => {}
                    () = tokio::time::sleep_until(time) => {}
                }
            }
            Due::Retry(time) => {
                tokio::select! {
                    () = tokio::time::sleep_until(time) => {}
                    () = waker.woken() => {
                        tokio::time::sleep_until(time.min(Instant::now() + WOKEN_PAUSE)).await;
                    }
                }
            }
        }
    }

    async fn pass(&mut self) -> Result<(), Failure> {
        self.cx.begin();
        let pass = async {
            self.controller.reconcile(&self.cx).await?;
            self.cx.clean_up().await
        };
        // A pass may be dropped at any await, so what it leaves behind after a panic is no worse.
        match AssertUnwindSafe(pass).catch_unwind().await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(Failure::Error(error)),
            Err(panic) => Err(Failure::Panic(panic_text(&*panic))),
        }
    }

    fn record(&mut self, outcome: &Result<(), Failure>, busy: Duration) {
        let controller = self.controller.name();
        let mut stats = self.stats.lock().unwrap_or_else(PoisonError::into_inner);
        stats.runs += 1;
        stats.busy += busy;
        stats.last_run = Some(SystemTime::now());
        stats.failing = outcome.is_err();
        let error = match outcome {
            Ok(()) => {
                self.backoff.reset();
                return;
            }
            Err(Failure::Error(error)) => {
                let text = chain(error);
                if error.is_race() {
                    tracing::debug!(controller, error = %text, "pass lost a race, repeating it");
                } else {
                    tracing::warn!(controller, error = %text, "pass failed, repeating it");
                }
                text
            }
            Err(Failure::Panic(text)) => {
                tracing::error!(controller, panic = %text, "pass panicked, repeating it");
                stats.panics += 1;
                format!("panic: {text}")
            }
        };
        stats.failures += 1;
        stats.last_error = Some(error);
    }
}

/// Waits until outputs in removal are not used any more, and wakes the controller then.
#[derive(Default)]
struct Releases {
    tasks: JoinSet<()>,
    pending: Arc<Mutex<HashSet<Pointer>>>,
}

impl Releases {
    fn wait_for(&mut self, pointer: Pointer, state: &Arc<dyn State>, waker: &Waker) {
        while self.tasks.try_join_next().is_some() {}
        if !lock(&self.pending).insert(pointer.clone()) {
            return;
        }
        let (state, waker) = (Arc::clone(state), waker.clone());
        let pending = Arc::clone(&self.pending);
        self.tasks.spawn(async move {
            let unused = |any: Option<&AnyResource>| {
                any.is_none_or(|any| any.metadata.finalizers.is_empty())
            };
            if let Err(error) = state.wait_for(&pointer, unused).await {
                // The next pass tries the removal again, and waits again when it must.
                tracing::debug!(resource = %pointer, %error, "cannot see who uses an output");
                tokio::time::sleep(WOKEN_PAUSE).await;
            }
            // First this: the pass that is woken may run at once, and have to wait again.
            lock(&pending).remove(&pointer);
            waker.wake();
        });
    }
}

/// Each change is one call, so a panic leaves the set usable.
fn lock(pending: &Mutex<HashSet<Pointer>>) -> MutexGuard<'_, HashSet<Pointer>> {
    pending.lock().unwrap_or_else(PoisonError::into_inner)
}

fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().copied();
    let text = text.or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("without a text").to_owned()
}

#[cfg(test)]
mod tests {
    use ichor_resource::Spec;
    use ichor_resource::specs::network::HostnameStatus;
    use ichor_state::MemoryState;

    use super::*;

    /// Several threads: the pass that a wait wakes runs before the wait has ended.
    #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
    async fn every_wait_ends_with_a_wake_up() {
        let state: Arc<dyn State> = Arc::new(MemoryState::new());
        let (waker, mut releases) = (Waker::new(), Releases::default());
        for round in 0..20_000 {
            releases.wait_for(HostnameStatus::pointer("gone"), &state, &waker);
            let woken = tokio::time::timeout(Duration::from_secs(20), waker.woken()).await;
            assert!(woken.is_ok(), "not woken in round {round}");
        }
    }
}
