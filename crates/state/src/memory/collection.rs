//! The resources of one kind.

use std::borrow::Borrow;
use std::cmp::Ordering;
use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use ichor_resource::{AnyResource, Metadata, Phase, Pointer, Version};
use jiff::Timestamp;
use tokio::sync::Notify;

use super::history::{Change, History};
use crate::{Matcher, StateError};

/// The resources of one kind. Every method holds the lock for a few lines only.
#[derive(Debug, Default)]
pub(super) struct Collection {
    contents: Mutex<Contents>,
    /// Wakes the watchers after each change.
    pub(super) changed: Notify,
}

/// What the lock protects.
#[derive(Debug, Default)]
pub(super) struct Contents {
    items: BTreeSet<ById>,
    pub(super) history: History,
}

/// Sorted by id; the id is that of the metadata, so that it is stored once.
#[derive(Debug)]
struct ById(AnyResource);

impl Collection {
    pub(super) fn lock(&self) -> MutexGuard<'_, Contents> {
        self.contents.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn len(&self) -> usize {
        self.lock().items.len()
    }

    /// Whether a resource was ever stored here.
    pub(super) fn was_used(&self) -> bool {
        self.lock().history.end() > 0
    }

    pub(super) fn get(&self, pointer: &Pointer) -> Result<AnyResource, StateError> {
        self.lock().expect(pointer).cloned()
    }

    pub(super) fn list(&self, matcher: &Matcher) -> Vec<AnyResource> {
        let mut found = self.lock().all();
        // Writers do not wait for the comparing.
        found.retain(|resource| matcher.matches(resource));
        found
    }

    pub(super) fn create(
        &self,
        mut resource: AnyResource,
        owner: &str,
    ) -> Result<AnyResource, StateError> {
        let mut contents = self.lock();
        if contents.items.contains(resource.metadata.id.as_str()) {
            return Err(StateError::AlreadyExists(resource.metadata.pointer()));
        }
        let metadata = Arc::make_mut(&mut resource.metadata);
        metadata.version = Version::UNDEFINED.next();
        owner.clone_into(&mut metadata.owner);
        metadata.created = Timestamp::now();
        metadata.updated = metadata.created;
        contents.items.insert(ById(resource.clone()));
        contents.history.push(Change::Created(resource.clone()));
        drop(contents);
        self.changed.notify_waiters();
        Ok(resource)
    }

    pub(super) fn update(
        &self,
        resource: AnyResource,
        owner: &str,
        expected_phase: Option<Phase>,
    ) -> Result<AnyResource, StateError> {
        let pointer = || resource.metadata.pointer();
        let contents = self.lock();
        let Some(ById(stored)) = contents.items.get(resource.metadata.id.as_str()) else {
            return Err(StateError::NotFound(pointer()));
        };
        let known = &stored.metadata;
        check_owner(known, owner)?;
        let comes_back =
            known.phase == Phase::TearingDown && resource.metadata.phase == Phase::Running;
        if comes_back || expected_phase.is_some_and(|phase| phase != known.phase) {
            return Err(StateError::PhaseConflict {
                pointer: pointer(),
                phase: known.phase,
            });
        }
        if !resource.metadata.is_copy_of(known) {
            return Err(StateError::VersionConflict {
                pointer: pointer(),
                stored: known.version,
                given: resource.metadata.version,
            });
        }
        let stored = stored.clone();
        Ok(self.replace(contents, stored, resource))
    }

    pub(super) fn teardown(&self, pointer: &Pointer, owner: &str) -> Result<bool, StateError> {
        let contents = self.lock();
        let stored = contents.expect(pointer)?;
        check_owner(&stored.metadata, owner)?;
        let ready = stored.metadata.finalizers.is_empty();
        if stored.metadata.phase == Phase::Running {
            let stored = stored.clone();
            let mut new = stored.clone();
            Arc::make_mut(&mut new.metadata).phase = Phase::TearingDown;
            self.replace(contents, stored, new);
        }
        Ok(ready)
    }

    pub(super) fn destroy(&self, pointer: &Pointer, owner: &str) -> Result<(), StateError> {
        let mut contents = self.lock();
        let stored = contents.expect(pointer)?;
        check_owner(&stored.metadata, owner)?;
        if !stored.metadata.finalizers.is_empty() {
            return Err(StateError::PendingFinalizers {
                pointer: pointer.clone(),
                finalizers: stored.metadata.finalizers.clone(),
            });
        }
        let gone = stored.clone();
        contents.items.remove(pointer.id.as_str());
        contents.history.push(Change::Destroyed(gone));
        drop(contents);
        self.changed.notify_waiters();
        Ok(())
    }

    /// Puts the checked `new` in the place of `old`.
    fn replace(
        &self,
        mut contents: MutexGuard<'_, Contents>,
        old: AnyResource,
        mut new: AnyResource,
    ) -> AnyResource {
        let metadata = Arc::make_mut(&mut new.metadata);
        metadata.version = old.metadata.version.next();
        metadata.owner.clone_from(&old.metadata.owner);
        metadata.created = old.metadata.created;
        // The clock may have been set back; nothing is updated before it was created.
        metadata.updated = Timestamp::now().max(metadata.created);
        contents.items.replace(ById(new.clone()));
        let change = Change::Updated {
            new: new.clone(),
            old,
        };
        contents.history.push(change);
        drop(contents);
        self.changed.notify_waiters();
        new
    }
}

impl Contents {
    pub(super) fn find(&self, id: &str) -> Option<&AnyResource> {
        self.items.get(id).map(|ById(resource)| resource)
    }

    /// All resources, sorted by id. Copies share what they are copies of.
    pub(super) fn all(&self) -> Vec<AnyResource> {
        let resources = self.items.iter().map(|ById(resource)| resource);
        resources.cloned().collect()
    }

    fn expect(&self, pointer: &Pointer) -> Result<&AnyResource, StateError> {
        self.find(&pointer.id)
            .ok_or_else(|| StateError::NotFound(pointer.clone()))
    }
}

fn check_owner(stored: &Metadata, owner: &str) -> Result<(), StateError> {
    if stored.owner == owner {
        return Ok(());
    }
    Err(StateError::OwnerConflict {
        pointer: stored.pointer(),
        owner: stored.owner.clone(),
        given: owner.to_owned(),
    })
}

impl Borrow<str> for ById {
    fn borrow(&self) -> &str {
        &self.0.metadata.id
    }
}

impl PartialEq for ById {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for ById {}

impl PartialOrd for ById {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for ById {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.metadata.id.cmp(&other.0.metadata.id)
    }
}
