//! A copy of an input, as its watch has shown it: a pass reads it without asking the state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ichor_resource::{AnyResource, Kind, Pointer, specs};
use ichor_state::{Event, Matcher};
use tokio::sync::watch;

/// Resources of one kind, or one resource.
///
/// Invariant: whoever reads sees a state that was once whole. While the watch begins, or begins
/// again, readers wait.
#[derive(Debug)]
pub(crate) struct Replica {
    rows: Mutex<BTreeMap<String, AnyResource>>,
    whole: watch::Sender<bool>,
    /// A watch of one resource is whole with its first event.
    single: bool,
}

impl Replica {
    pub(crate) fn of_kind() -> Self {
        Self::new(false)
    }

    pub(crate) fn of_one() -> Self {
        Self::new(true)
    }

    fn new(single: bool) -> Self {
        Self {
            rows: Mutex::default(),
            whole: watch::Sender::new(false),
            single,
        }
    }

    /// Forgets everything: the watch begins again.
    pub(crate) fn reset(&self) {
        self.whole.send_replace(false);
        self.rows().clear();
    }

    pub(crate) fn apply(&self, event: &Event) {
        match event {
            Event::Created(new, _) | Event::Updated { new, .. } => {
                self.rows().insert(new.metadata.id.clone(), typed(new));
            }
            Event::Destroyed(old, _) => drop(self.rows().remove(&old.metadata.id)),
            Event::Bootstrapped(..) => drop(self.whole.send_replace(true)),
            Event::Noop(..) | Event::Errored(_) => {}
        }
        if self.single {
            self.whole.send_replace(true);
        }
    }

    /// Those that match, sorted by id.
    pub(crate) async fn list(&self, matcher: &Matcher) -> Vec<AnyResource> {
        self.wait_until_whole().await;
        let rows = self.rows();
        let matching = rows.values().filter(|any| matcher.matches(any));
        matching.cloned().collect()
    }

    pub(crate) async fn get(&self, id: &str) -> Option<AnyResource> {
        self.wait_until_whole().await;
        self.rows().get(id).cloned()
    }

    async fn wait_until_whole(&self) {
        // The sender lives as long as `self`, so an error cannot come.
        let mut whole = self.whole.subscribe();
        let _closed = whole.wait_for(|whole| *whole).await;
    }

    /// A panic while the lock was held leaves the map usable: each change is one call.
    fn rows(&self) -> MutexGuard<'_, BTreeMap<String, AnyResource>> {
        self.rows.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// All copies of a runtime. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Replicas(Arc<[Input]>);

/// What is copied: a kind, or one resource of it.
#[derive(Debug)]
pub(crate) struct Input {
    pub(crate) kind: Kind,
    pub(crate) id: Option<String>,
    pub(crate) replica: Arc<Replica>,
}

impl Replicas {
    pub(crate) fn new(inputs: impl Iterator<Item = Input>) -> Self {
        Self(inputs.collect())
    }

    /// The copy of a whole kind.
    pub(crate) fn of_kind(&self, kind: &Kind) -> Option<&Replica> {
        let mut inputs = self.0.iter();
        let found = inputs.find(|input| input.kind == *kind && input.id.is_none())?;
        Some(&found.replica)
    }

    /// A copy that has the resource, if it exists.
    pub(crate) fn of_one(&self, pointer: &Pointer) -> Option<&Replica> {
        let mut inputs = self.0.iter();
        let found = inputs.find(|input| {
            input.kind == pointer.kind && input.id.as_ref().is_none_or(|id| *id == pointer.id)
        })?;
        Some(&found.replica)
    }
}

/// Decodes a spec that came over a socket once, not for each pass; a bad one is left to its readers.
fn typed(any: &AnyResource) -> AnyResource {
    let mut any = any.clone();
    if let Some(spec) = &any.spec
        && let Some(Ok(decoded)) = specs::decode(&any.metadata.kind.type_name, &spec.proto())
    {
        any.spec = Some(decoded);
    }
    any
}
