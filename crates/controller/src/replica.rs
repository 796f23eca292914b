//! A copy of an input, as its watch has shown it: a pass reads it without asking the state.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ichor_resource::{AnyResource, Kind, Pointer, specs};
use ichor_state::{Event, Matcher};
use tokio::sync::Notify;

/// Resources of one kind, or one resource.
///
/// Invariant: whoever reads sees a state that was once whole. While the watch begins, or begins
/// again, readers wait.
#[derive(Debug)]
pub(crate) struct Replica {
    contents: Mutex<Contents>,
    became_whole: Notify,
    /// A watch of one resource is whole with its first event.
    single: bool,
}

/// Both under one lock, so that nobody finds the rows gone after it has seen that they are whole.
#[derive(Debug, Default)]
struct Contents {
    rows: BTreeMap<String, AnyResource>,
    whole: bool,
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
            contents: Mutex::default(),
            became_whole: Notify::new(),
            single,
        }
    }

    /// Forgets everything: the watch begins again.
    pub(crate) fn reset(&self) {
        *self.contents() = Contents::default();
    }

    pub(crate) fn apply(&self, event: &Event) {
        let mut contents = self.contents();
        match event {
            Event::Created(new, _) | Event::Updated { new, .. } => {
                contents.rows.insert(new.metadata.id.clone(), typed(new));
            }
            Event::Destroyed(old, _) => drop(contents.rows.remove(&old.metadata.id)),
            Event::Bootstrapped(..) => contents.whole = true,
            Event::Noop(..) | Event::Errored(_) => {}
        }
        contents.whole |= self.single;
        if contents.whole {
            self.became_whole.notify_waiters();
        }
    }

    /// Those that match, sorted by id.
    pub(crate) async fn list(&self, matcher: &Matcher) -> Vec<AnyResource> {
        let matching = |rows: &BTreeMap<String, AnyResource>| {
            let matching = rows.values().filter(|any| matcher.matches(any));
            matching.cloned().collect()
        };
        self.read(matching).await
    }

    pub(crate) async fn get(&self, id: &str) -> Option<AnyResource> {
        self.read(|rows| rows.get(id).cloned()).await
    }

    async fn read<T>(&self, look: impl Fn(&BTreeMap<String, AnyResource>) -> T) -> T {
        loop {
            // Made before the look: what becomes whole in between completes it.
            let became_whole = self.became_whole.notified();
            if let Some(found) = self.look(&look) {
                return found;
            }
            became_whole.await;
        }
    }

    fn look<T>(&self, look: impl Fn(&BTreeMap<String, AnyResource>) -> T) -> Option<T> {
        let contents = self.contents();
        contents.whole.then(|| look(&contents.rows))
    }

    /// A panic while the lock was held leaves the contents usable: each change is one call.
    fn contents(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use ichor_resource::specs::network::HostnameStatus;
    use ichor_resource::{Metadata, Resource, Spec};

    use super::*;

    /// Another thread: what is wrong for a moment only is not seen by tasks that take turns.
    #[tokio::test]
    async fn nobody_sees_a_copy_that_is_not_whole() {
        let replica = Arc::new(Replica::of_kind());
        let name: AnyResource = Resource::new("a", HostnameStatus::default()).into();
        let created = Event::Created(name, Default::default());
        let end = AnyResource::tombstone(Metadata::new(HostnameStatus::kind(), ""));
        let bootstrapped = Event::Bootstrapped(end, Default::default());
        let done = Arc::new(AtomicBool::new(false));
        let watch = {
            let (replica, done) = (Arc::clone(&replica), Arc::clone(&done));
            std::thread::spawn(move || {
                while !done.load(Ordering::Relaxed) {
                    replica.reset();
                    replica.apply(&created);
                    replica.apply(&bootstrapped);
                }
            })
        };
        for _ in 0..20_000 {
            assert_eq!(replica.list(&Matcher::default()).await.len(), 1);
        }
        done.store(true, Ordering::Relaxed);
        watch.join().unwrap();
    }
}
