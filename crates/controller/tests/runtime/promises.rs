//! What the runtime promises to controllers, on a paused clock.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ichor_controller::testing::{Faults, FaultyState, settle, tick};
use ichor_controller::{
    Controller, Ctx, EdgeKind, Input, Observer, Output, ReconcileError, RegisterError, Runtime,
    Transform, Waker,
};
use ichor_resource::specs::network::{HostnameSpec, HostnameStatus};
use ichor_resource::specs::runtime::ControllerStatus;
use ichor_resource::{Phase, Pointer, Resource, Spec};
use ichor_state::{MemoryState, State, StateExt};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// Copies each spec to a status, holds what it copied, and misbehaves when told to.
#[derive(Clone, Default)]
struct Copier {
    waker: Waker,
    failures: Arc<AtomicU32>,
    panics: Arc<AtomicU32>,
    undone: Arc<Mutex<Vec<String>>>,
}

impl Controller for Copier {
    const NAME: &'static str = "test.Copier";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::strong::<HostnameSpec>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<HostnameStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        for spec in cx.list::<HostnameSpec>().await? {
            if spec.phase() == Phase::TearingDown {
                self.undone.lock().unwrap().push(spec.id().to_owned());
                cx.release(&spec).await?;
                continue;
            }
            cx.hold(&spec).await?;
            assert!(!take(&self.panics), "told to panic");
            if take(&self.failures) {
                return Err(ReconcileError::other("told to fail"));
            }
            cx.upsert(spec.id(), status(&spec.value().hostname)).await?;
        }
        Ok(())
    }
}

fn take(counter: &AtomicU32) -> bool {
    let less = |count: u32| count.checked_sub(1);
    counter
        .fetch_update(Ordering::Relaxed, Ordering::Relaxed, less)
        .is_ok()
}

fn spec(name: &str) -> HostnameSpec {
    HostnameSpec {
        hostname: name.into(),
        ..HostnameSpec::default()
    }
}

fn status(name: &str) -> HostnameStatus {
    HostnameStatus {
        hostname: name.into(),
        ..HostnameStatus::default()
    }
}

fn pointer<S: Spec>(id: &str) -> Pointer {
    Pointer {
        kind: S::kind(),
        id: id.into(),
    }
}

/// Where passes read from; what is promised is the same.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Reads {
    State,
    Replicas,
}

const BOTH: [Reads; 2] = [Reads::State, Reads::Replicas];

struct Running {
    observer: Observer,
    stop: CancellationToken,
    task: JoinHandle<()>,
}

impl Running {
    fn start(state: Arc<dyn State>, controller: impl Controller, reads: Reads) -> Self {
        let mut runtime = Runtime::new(state).with_seed(3);
        if reads == Reads::Replicas {
            runtime = runtime.with_replicas();
        }
        runtime.register(controller).unwrap();
        let (observer, stop) = (runtime.observer(), CancellationToken::new());
        let task = tokio::spawn(runtime.run(stop.clone()));
        Self {
            observer,
            stop,
            task,
        }
    }

    async fn stop(self) {
        self.stop.cancel();
        self.task.await.unwrap();
    }

    fn runs(&self) -> u64 {
        self.observer.stats()[0].runs
    }
}

async fn put(state: &dyn State, id: &str, name: &str) {
    state
        .upsert(Resource::new(id, spec(name)), "")
        .await
        .unwrap();
}

async fn copied(state: &dyn State, id: &str) -> Option<String> {
    let found = state.find::<HostnameStatus>(id).await.unwrap();
    found.map(|status| status.into_value().hostname)
}

#[tokio::test(start_paused = true)]
async fn a_change_leads_to_a_pass_and_without_changes_nothing_runs() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let running = Running::start(state.clone(), Copier::default(), reads);
        put(&state, "a", "one").await;
        tick().await;
        assert_eq!(copied(&state, "a").await.as_deref(), Some("one"));
        put(&state, "a", "two").await;
        tick().await;
        assert_eq!(copied(&state, "a").await.as_deref(), Some("two"));
        let before = running.observer.stats();
        settle().await;
        assert_eq!(running.observer.stats(), before);
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn wake_ups_before_a_pass_are_one_pass() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let copier = Copier::default();
        let running = Running::start(state.clone(), copier.clone(), reads);
        tick().await;
        let before = running.runs();
        (0..100).for_each(|_| copier.waker.wake());
        settle().await;
        assert_eq!(running.runs(), before + 1);
        assert!(running.observer.stats()[0].wakeups >= 100);
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_held_input_outlives_its_effect_and_stale_outputs_go() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let copier = Copier::default();
        let running = Running::start(state.clone(), copier.clone(), reads);
        put(&state, "a", "one").await;
        put(&state, "b", "two").await;
        tick().await;
        let input = pointer::<HostnameSpec>("a");
        state.teardown_and_destroy(&input, "").await.unwrap();
        tick().await;
        assert_eq!(copied(&state, "a").await, None);
        assert_eq!(copied(&state, "b").await.as_deref(), Some("two"));
        assert!(copier.undone.lock().unwrap().contains(&"a".to_owned()));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_in_use_goes_when_its_user_lets_it_go() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let running = Running::start(state.clone(), Copier::default(), reads);
        put(&state, "a", "one").await;
        tick().await;
        let output = pointer::<HostnameStatus>("a");
        state.add_finalizer(&output, "user").await.unwrap();
        let input = pointer::<HostnameSpec>("a");
        state.teardown_and_destroy(&input, "").await.unwrap();
        settle().await;
        let held = state.get(&output).await.unwrap();
        assert_eq!(held.metadata.phase, Phase::TearingDown);
        // Wanted again before it is gone: the new one waits for the old one.
        put(&state, "a", "again").await;
        settle().await;
        assert_eq!(
            state.get(&output).await.unwrap().metadata.phase,
            Phase::TearingDown
        );
        state.remove_finalizer(&output, "user").await.unwrap();
        settle().await;
        assert_eq!(copied(&state, "a").await.as_deref(), Some("again"));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn errors_and_panics_are_counted_and_repeated_with_pauses() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let copier = Copier::default();
        copier.failures.store(3, Ordering::Relaxed);
        copier.panics.store(2, Ordering::Relaxed);
        put(&state, "a", "one").await;
        let running = Running::start(state.clone(), copier.clone(), reads);
        tick().await;
        let stats = &running.observer.stats()[0];
        assert!(stats.failing && stats.failures < 3, "{stats:?}");
        assert_eq!(stats.last_error.as_deref(), Some("panic: told to panic"));
        settle().await;
        let stats = &running.observer.stats()[0];
        assert_eq!((stats.failures, stats.panics, stats.failing), (5, 2, false));
        assert_eq!(stats.last_error.as_deref(), Some("told to fail"));
        assert_eq!(copied(&state, "a").await.as_deref(), Some("one"));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_lost_watch_loses_no_change() {
    for reads in BOTH {
        let state = FaultyState::new(MemoryState::new(), 1);
        let running = Running::start(state.clone(), Copier::default(), reads);
        tick().await;
        state.lose_watches();
        tick().await;
        put(state.inner(), "a", "while nobody looked").await;
        settle().await;
        assert_eq!(
            copied(state.inner(), "a").await.as_deref(),
            Some("while nobody looked")
        );
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn faults_of_every_kind_and_restarts_end_in_the_same_state() {
    for reads in BOTH {
        for seed in 0..40 {
            let state = FaultyState::new(MemoryState::new(), seed);
            state.set(Faults {
                conflict: 0.2,
                unreachable: 0.2,
                lost_answer: 0.2,
                watch_refused: 0.3,
            });
            for round in 0..4 {
                let running = Running::start(state.clone(), Copier::default(), reads);
                for id in ["a", "b", "c"] {
                    put(state.inner(), id, &format!("{id}{round}")).await;
                    tokio::time::sleep(Duration::from_millis(40)).await;
                    state.lose_watches();
                }
                // Stopped wherever it is; the next round starts without memory.
                running.stop().await;
            }
            state.set(Faults::default());
            let input = pointer::<HostnameSpec>("b");
            state.inner().teardown(&input, "").await.unwrap();
            let running = Running::start(state.clone(), Copier::default(), reads);
            settle().await;
            assert_eq!(
                copied(state.inner(), "a").await.as_deref(),
                Some("a3"),
                "seed {seed}"
            );
            assert_eq!(copied(state.inner(), "b").await, None, "seed {seed}");
            assert_eq!(
                copied(state.inner(), "c").await.as_deref(),
                Some("c3"),
                "seed {seed}"
            );
            running.stop().await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_write_whose_answer_is_lost_is_not_taken_for_undone() {
    for reads in BOTH {
        let state = FaultyState::new(MemoryState::new(), 1);
        let running = Running::start(state.clone(), Copier::default(), reads);
        put(state.inner(), "a", "one").await;
        tick().await;
        state.set(Faults {
            lost_answer: 1.0,
            ..Faults::default()
        });
        put(state.inner(), "a", "two").await;
        tick().await;
        assert_eq!(copied(state.inner(), "a").await.as_deref(), Some("two"));
        // Wanted is now what was written before.
        put(state.inner(), "a", "one").await;
        state.set(Faults::default());
        settle().await;
        assert_eq!(copied(state.inner(), "a").await.as_deref(), Some("one"));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn an_output_of_another_is_left_alone() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let other = Resource::new("a", status("of another"));
        state.create_as(other, "test.Another").await.unwrap();
        put(&*state, "a", "one").await;
        let running = Running::start(state.clone(), Copier::default(), reads);
        tick().await;
        assert!(running.observer.stats()[0].failing);
        let input = pointer::<HostnameSpec>("a");
        state.teardown_and_destroy(&input, "").await.unwrap();
        settle().await;
        let stats = &running.observer.stats()[0];
        assert!(!stats.failing, "{stats:?}");
        assert_eq!(copied(&*state, "a").await.as_deref(), Some("of another"));
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_watch_that_is_lost_again_and_again_is_opened_less_and_less_often() {
    let state = FaultyState::new(MemoryState::new(), 1);
    let running = Running::start(state.clone(), Copier::default(), Reads::Replicas);
    tick().await;
    let before = state.calls();
    for _ in 0..1000 {
        state.lose_watches();
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let calls = state.calls() - before;
    assert!(calls < 100, "{calls} calls");
    put(state.inner(), "a", "one").await;
    settle().await;
    assert_eq!(copied(state.inner(), "a").await.as_deref(), Some("one"));
    running.stop().await;
}

struct Second;

impl Controller for Second {
    const NAME: &'static str = "test.Second";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::shared::<HostnameStatus>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        cx.upsert("x", spec("undeclared")).await
    }
}

#[tokio::test(start_paused = true)]
async fn two_owners_of_one_output_and_undeclared_writes_are_refused() {
    for reads in BOTH {
        let state = Arc::new(MemoryState::new());
        let mut runtime = Runtime::new(state.clone());
        runtime.register(Copier::default()).unwrap();
        let taken = runtime.register(Second).unwrap_err();
        assert!(matches!(
            taken,
            RegisterError::OutputTaken {
                first: "test.Copier",
                ..
            }
        ));
        let twice = runtime.register(Copier::default()).unwrap_err();
        assert_eq!(twice, RegisterError::Duplicate("test.Copier"));
        let graph: Vec<_> = runtime.graph().iter().map(|edge| edge.kind).collect();
        assert_eq!(graph, [EdgeKind::InputStrong, EdgeKind::OutputExclusive]);

        let running = Running::start(state, Second, reads);
        tick().await;
        let error = running.observer.stats()[0].last_error.clone().unwrap();
        assert!(error.contains("test.Second does not declare"), "{error}");
        running.stop().await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_transform_follows_its_input() {
    let state = Arc::new(MemoryState::new());
    let mut runtime = Runtime::new(state.clone());
    let shout = |spec: &Resource<HostnameSpec>| {
        let name = &spec.value().hostname;
        (!name.is_empty()).then(|| (spec.id().to_owned(), status(&name.to_uppercase())))
    };
    runtime
        .register_transform(Transform::new("test.Shout", shout))
        .unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(runtime.run(stop.clone()));
    put(&state, "a", "one").await;
    tick().await;
    assert_eq!(copied(&state, "a").await.as_deref(), Some("ONE"));
    put(&state, "a", "").await;
    tick().await;
    assert_eq!(copied(&state, "a").await, None);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_happens_to_controllers_is_reported_after_a_while() {
    let state = Arc::new(MemoryState::new());
    let copier = Copier::default();
    copier.failures.store(1, Ordering::Relaxed);
    put(&*state, "hostname", "bronze").await;
    let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>).reported_as("networkd");
    runtime.register(copier).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(runtime.run(stop.clone()));
    tokio::time::sleep(Duration::from_secs(20)).await;
    let pointer = pointer::<ControllerStatus>(Copier::NAME);
    let found = state.find_at::<ControllerStatus>(&pointer).await.unwrap();
    let found = found.unwrap();
    let status = found.value();
    assert_eq!(status.component, "networkd");
    assert!(status.runs >= 2 && status.failures == 1, "{status:?}");
    assert!(!status.failing && status.last_error.contains("told to fail"));
    assert_eq!(status.edges.len(), 2);
    // Without changes nothing is written.
    tokio::time::sleep(Duration::from_secs(3600)).await;
    let later = state.find_at::<ControllerStatus>(&pointer).await.unwrap();
    assert_eq!(later.unwrap().metadata.version, found.metadata.version);
    stop.cancel();
    task.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn replicas_are_read_without_calls() {
    let state = FaultyState::new(MemoryState::new(), 1);
    for number in 0..10 {
        put(state.inner(), &number.to_string(), "name").await;
    }
    let running = Running::start(state.clone(), Copier::default(), Reads::Replicas);
    tick().await;
    let before = state.calls();
    put(state.inner(), "3", "another").await;
    tick().await;
    assert_eq!(copied(state.inner(), "3").await.as_deref(), Some("another"));
    // Only the one output that changed is written.
    assert_eq!(state.calls() - before, 1);
    running.stop().await;
}

#[tokio::test(start_paused = true)]
async fn what_went_while_the_watch_was_lost_is_gone_from_replicas() {
    let state = FaultyState::new(MemoryState::new(), 1);
    put(state.inner(), "a", "one").await;
    put(state.inner(), "b", "two").await;
    let transform = || {
        Transform::new("test.Transform", |spec: &Resource<HostnameSpec>| {
            Some((spec.id().to_owned(), status(&spec.value().hostname)))
        })
    };
    let mut runtime = Runtime::new(state.clone()).with_seed(3).with_replicas();
    runtime.register_transform(transform()).unwrap();
    let stop = CancellationToken::new();
    let task = tokio::spawn(runtime.run(stop.clone()));
    tick().await;
    assert_eq!(copied(state.inner(), "a").await.as_deref(), Some("one"));
    state.lose_watches();
    tick().await;
    let gone = pointer::<HostnameSpec>("a");
    state.inner().teardown(&gone, "").await.unwrap();
    state.inner().destroy(&gone, "").await.unwrap();
    settle().await;
    assert_eq!(copied(state.inner(), "a").await, None);
    assert_eq!(copied(state.inner(), "b").await.as_deref(), Some("two"));
    stop.cancel();
    task.await.unwrap();
}
