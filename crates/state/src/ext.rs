//! What controllers and components do with a state, in terms of typed resources.

use std::borrow::Cow;
use std::future::Future;

use futures_util::StreamExt;
use ichor_resource::{AnyResource, Kind, Phase, Pointer, Resource, Spec, Version};

use crate::{Event, Query, State, StateError, Watch, WatchOptions, WatchTarget};

/// How often a modification is tried again when others write the same resource.
const CONFLICT_RETRIES: usize = 32;

/// Typed access to every [`State`].
///
/// Every method may be cancelled at any `.await`; each single write is atomic.
pub trait StateExt: State {
    /// The resource of that id in the default namespace, if there is one.
    ///
    /// # Errors
    /// [`StateError::Decode`], and those of [`State::get`] but `NotFound`.
    fn find<S: Spec>(
        &self,
        id: &str,
    ) -> impl Future<Output = Result<Option<Resource<S>>, StateError>> + Send {
        let pointer = pointer::<S>(S::NAMESPACE, id);
        async move { self.find_at(&pointer).await }
    }

    /// The resource there, if there is one.
    ///
    /// # Errors
    /// As [`StateExt::find`].
    fn find_at<S: Spec>(
        &self,
        pointer: &Pointer,
    ) -> impl Future<Output = Result<Option<Resource<S>>, StateError>> + Send {
        async move {
            match self.get(pointer).await {
                Ok(resource) => Ok(Some(Resource::try_from(&resource)?)),
                Err(StateError::NotFound(_)) => Ok(None),
                Err(error) => Err(error),
            }
        }
    }

    /// The resources of the default namespace that match, sorted by id.
    ///
    /// # Errors
    /// [`StateError::Decode`] and those of [`State::list`].
    fn list_as<S: Spec>(
        &self,
        query: &Query,
    ) -> impl Future<Output = Result<Vec<Resource<S>>, StateError>> + Send {
        self.list_in(S::NAMESPACE, query)
    }

    /// The resources of a namespace that match, sorted by id.
    ///
    /// # Errors
    /// As [`StateExt::list_as`].
    fn list_in<S: Spec>(
        &self,
        namespace: &str,
        query: &Query,
    ) -> impl Future<Output = Result<Vec<Resource<S>>, StateError>> + Send {
        let kind = pointer::<S>(namespace, "").kind;
        async move {
            let found = self.list(&kind, query).await?;
            let typed: Result<_, _> = found.iter().map(Resource::try_from).collect();
            Ok(typed?)
        }
    }

    /// Stores a new resource.
    ///
    /// # Errors
    /// Those of [`State::create`].
    fn create_as<S: Spec>(
        &self,
        resource: Resource<S>,
        owner: &str,
    ) -> impl Future<Output = Result<Resource<S>, StateError>> + Send {
        async move {
            Ok(Resource::try_from(
                &self.create(resource.into(), owner).await?,
            )?)
        }
    }

    /// Creates the resource, or writes spec, labels and annotations when they differ.
    ///
    /// # Errors
    /// [`StateError::OwnerConflict`], [`StateError::PhaseConflict`] while the stored one is being
    /// torn down, [`StateError::VersionConflict`] when others write it all the time.
    fn upsert<S: Spec>(
        &self,
        resource: Resource<S>,
        owner: &str,
    ) -> impl Future<Output = Result<AnyResource, StateError>> + Send {
        self.upsert_any(resource.into(), owner)
    }

    /// As [`StateExt::upsert`], for a resource of any type.
    ///
    /// # Errors
    /// As [`StateExt::upsert`].
    fn upsert_any(
        &self,
        wanted: AnyResource,
        owner: &str,
    ) -> impl Future<Output = Result<AnyResource, StateError>> + Send {
        async move {
            let pointer = wanted.metadata.pointer();
            for _ in 0..CONFLICT_RETRIES {
                let edit = |stored: &mut AnyResource| stored.set_content(&wanted);
                match self
                    .modify_any(&pointer, Some(owner), Some(Phase::Running), edit)
                    .await
                {
                    Err(StateError::NotFound(_)) => {}
                    done => return done,
                }
                match self.create(wanted.clone(), owner).await {
                    // Created in between: look again.
                    Err(StateError::AlreadyExists(_)) => {}
                    done => return done,
                }
            }
            Err(too_many_conflicts(pointer))
        }
    }

    /// Changes a running resource; nothing is written when `edit` changes nothing.
    ///
    /// `edit` runs again when someone else wrote the resource in between.
    ///
    /// # Errors
    /// [`StateError::NotFound`] and those of [`State::update`].
    fn modify<S: Spec>(
        &self,
        pointer: &Pointer,
        owner: &str,
        mut edit: impl FnMut(&mut Resource<S>) + Send,
    ) -> impl Future<Output = Result<Resource<S>, StateError>> + Send {
        async move {
            for _ in 0..CONFLICT_RETRIES {
                let stored = Resource::<S>::try_from(&self.get(pointer).await?)?;
                let mut edited = stored.clone();
                edit(&mut edited);
                if edited == stored {
                    return Ok(stored);
                }
                match self
                    .update(edited.into(), owner, Some(Phase::Running))
                    .await
                {
                    Err(StateError::VersionConflict { .. }) => {}
                    done => return Ok(Resource::try_from(&done?)?),
                }
            }
            Err(too_many_conflicts(pointer.clone()))
        }
    }

    /// As [`StateExt::modify`], for any type, any owner (`None`: whoever owns it) and any phase.
    ///
    /// # Errors
    /// As [`StateExt::modify`].
    fn modify_any(
        &self,
        pointer: &Pointer,
        owner: Option<&str>,
        expected_phase: Option<Phase>,
        mut edit: impl FnMut(&mut AnyResource) + Send,
    ) -> impl Future<Output = Result<AnyResource, StateError>> + Send {
        async move {
            for _ in 0..CONFLICT_RETRIES {
                let stored = self.get(pointer).await?;
                let mut edited = stored.clone();
                edit(&mut edited);
                let (phase, known) = (stored.metadata.phase, &stored.metadata.owner);
                let owner = owner.unwrap_or(known);
                // A write that must be refused is left to the state, also when it changes nothing.
                let allowed = owner == known && expected_phase.is_none_or(|wanted| wanted == phase);
                if edited == stored && allowed {
                    return Ok(stored);
                }
                match self.update(edited, owner, expected_phase).await {
                    Err(StateError::VersionConflict { .. }) => {}
                    done => return done,
                }
            }
            Err(too_many_conflicts(pointer.clone()))
        }
    }

    /// Says that `name` uses a running resource, whoever owns it.
    ///
    /// # Errors
    /// [`StateError::NotFound`], [`StateError::PhaseConflict`] when it is being torn down.
    fn add_finalizer(
        &self,
        pointer: &Pointer,
        name: &str,
    ) -> impl Future<Output = Result<(), StateError>> + Send {
        async move {
            let edit = |resource: &mut AnyResource| {
                if !resource
                    .metadata
                    .finalizers
                    .iter()
                    .any(|known| known == name)
                {
                    let metadata = std::sync::Arc::make_mut(&mut resource.metadata);
                    metadata.finalizers.push(name.to_owned());
                }
            };
            self.modify_any(pointer, None, Some(Phase::Running), edit)
                .await?;
            Ok(())
        }
    }

    /// Says that `name` does not use a resource any more. One that is gone needs nothing.
    ///
    /// # Errors
    /// Those of [`State::update`] but `NotFound`.
    fn remove_finalizer(
        &self,
        pointer: &Pointer,
        name: &str,
    ) -> impl Future<Output = Result<(), StateError>> + Send {
        async move {
            let edit = |resource: &mut AnyResource| {
                if resource
                    .metadata
                    .finalizers
                    .iter()
                    .any(|known| known == name)
                {
                    let metadata = std::sync::Arc::make_mut(&mut resource.metadata);
                    metadata.finalizers.retain(|known| known != name);
                }
            };
            match self.modify_any(pointer, None, None, edit).await {
                Err(StateError::NotFound(_)) => Ok(()),
                done => done.map(drop),
            }
        }
    }

    /// Waits until `condition` holds for the resource there, or for its absence (`None`).
    ///
    /// Has no deadline of its own; dropping the future ends the watch.
    ///
    /// # Errors
    /// [`StateError::Transport`] when the watch is lost, and those of [`State::watch`].
    fn wait_for(
        &self,
        pointer: &Pointer,
        mut condition: impl FnMut(Option<&AnyResource>) -> bool + Send,
    ) -> impl Future<Output = Result<Option<AnyResource>, StateError>> + Send {
        let target = WatchTarget::One(pointer.clone());
        async move {
            let watch = self.watch(target, WatchOptions::default()).await?;
            first(watch, &mut condition).await
        }
    }

    /// Waits until a resource of the default namespace is there and `condition` holds for it.
    ///
    /// # Errors
    /// As [`StateExt::wait_for`], and [`StateError::Decode`].
    fn wait_for_as<S: Spec>(
        &self,
        id: &str,
        mut condition: impl FnMut(&S) -> bool + Send,
    ) -> impl Future<Output = Result<Resource<S>, StateError>> + Send {
        let pointer = pointer::<S>(S::NAMESPACE, id);
        async move {
            // What cannot be decoded ends the wait too: it is reported below.
            let found = self
                .wait_for(&pointer, |any| {
                    any.is_some_and(|any| match Resource::<S>::try_from(any) {
                        Ok(resource) => condition(resource.value()),
                        Err(_undecodable) => true,
                    })
                })
                .await?;
            let found = found.ok_or(StateError::NotFound(pointer))?;
            Ok(Resource::try_from(&found)?)
        }
    }

    /// Tears a resource down, waits until nobody uses it, and destroys it. One that is gone needs nothing.
    ///
    /// # Errors
    /// [`StateError::OwnerConflict`], and those of [`StateExt::wait_for`].
    fn teardown_and_destroy(
        &self,
        pointer: &Pointer,
        owner: &str,
    ) -> impl Future<Output = Result<(), StateError>> + Send {
        async move {
            loop {
                match self.teardown(pointer, owner).await {
                    Ok(true) => {}
                    Ok(false) => {
                        let unused = |any: Option<&AnyResource>| {
                            any.is_none_or(|any| any.metadata.finalizers.is_empty())
                        };
                        self.wait_for(pointer, unused).await?;
                    }
                    Err(StateError::NotFound(_)) => return Ok(()),
                    Err(error) => return Err(error),
                }
                match self.destroy(pointer, owner).await {
                    Err(StateError::NotFound(_)) => return Ok(()),
                    // Another took it up between the last two steps.
                    Err(StateError::PendingFinalizers { .. }) => {}
                    done => return done,
                }
            }
        }
    }
}

impl<T: State + ?Sized> StateExt for T {}

fn pointer<S: Spec>(namespace: &str, id: &str) -> Pointer {
    let namespace = match namespace {
        same if same == S::NAMESPACE => Cow::Borrowed(S::NAMESPACE),
        other => Cow::Owned(other.to_owned()),
    };
    Pointer {
        kind: Kind {
            namespace,
            type_name: Cow::Borrowed(S::TYPE),
        },
        id: id.to_owned(),
    }
}

async fn first(
    mut watch: Watch,
    condition: &mut (impl FnMut(Option<&AnyResource>) -> bool + Send),
) -> Result<Option<AnyResource>, StateError> {
    while let Some(batch) = watch.next().await {
        for event in batch {
            let present = match event {
                Event::Created(resource, _) | Event::Updated { new: resource, .. } => {
                    Some(resource)
                }
                Event::Destroyed(..) => None,
                Event::Bootstrapped(..) | Event::Noop(..) => continue,
                Event::Errored(text) => return Err(StateError::Transport(text)),
            };
            if condition(present.as_ref()) {
                return Ok(present);
            }
        }
    }
    Err(StateError::Transport("the watch ended".into()))
}

fn too_many_conflicts(pointer: Pointer) -> StateError {
    StateError::VersionConflict {
        pointer,
        stored: Version::UNDEFINED,
        given: Version::UNDEFINED,
    }
}
