//! What a pass may do with the state.

mod ledger;

use std::borrow::Cow;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ichor_resource::{AnyResource, Kind, Phase, Pointer, Resource, Spec};
use ichor_state::{Matcher, Query, State, StateError, StateExt};

use crate::declare::EdgeKind;
use crate::replica::Replicas;
use crate::{Input, Output, ReconcileError};
use ledger::Ledger;

/// The state as one controller may use it: what it declared, and under its name.
///
/// Every method may be cancelled; what was written stays written.
pub struct Ctx {
    name: &'static str,
    state: Arc<dyn State>,
    inputs: Vec<Input>,
    outputs: Vec<Output>,
    replicas: Replicas,
    ledger: Mutex<Ledger>,
    /// Raised when a watch was lost: what was written may be gone.
    epoch: Arc<AtomicU64>,
}

impl std::fmt::Debug for Ctx {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ctx")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Ctx {
    pub(crate) fn new(
        name: &'static str,
        state: Arc<dyn State>,
        inputs: Vec<Input>,
        outputs: Vec<Output>,
        replicas: Replicas,
        epoch: Arc<AtomicU64>,
    ) -> Self {
        Self {
            name,
            state,
            inputs,
            outputs,
            replicas,
            ledger: Mutex::default(),
            epoch,
        }
    }

    /// The resources of the default namespace, sorted by id, those being torn down included.
    ///
    /// # Errors
    /// [`ReconcileError::Undeclared`], and those of the state.
    pub async fn list<S: Spec>(&self) -> Result<Vec<Resource<S>>, ReconcileError> {
        self.list_in(S::NAMESPACE).await
    }

    /// The same in another namespace.
    ///
    /// # Errors
    /// As [`Ctx::list`].
    pub async fn list_in<S: Spec>(
        &self,
        namespace: &'static str,
    ) -> Result<Vec<Resource<S>>, ReconcileError> {
        self.list_where(namespace, &Query::default()).await
    }

    /// Those of a namespace that match.
    ///
    /// # Errors
    /// As [`Ctx::list`].
    pub async fn list_where<S: Spec>(
        &self,
        namespace: &'static str,
        query: &Query,
    ) -> Result<Vec<Resource<S>>, ReconcileError> {
        let kind = kind::<S>(namespace);
        self.check_read(&kind)?;
        let Some(replica) = self.replicas.of_kind(&kind) else {
            return Ok(self.state.list_in(namespace, query).await?);
        };
        let found = replica.list(&Matcher::new(query)?).await;
        let typed: Result<_, _> = found.iter().map(Resource::try_from).collect();
        Ok(typed.map_err(StateError::from)?)
    }

    /// One resource of the default namespace, if it is there.
    ///
    /// # Errors
    /// As [`Ctx::list`].
    pub async fn get<S: Spec>(&self, id: &str) -> Result<Option<Resource<S>>, ReconcileError> {
        self.get_in(S::NAMESPACE, id).await
    }

    /// One resource of another namespace, if it is there.
    ///
    /// # Errors
    /// As [`Ctx::list`].
    pub async fn get_in<S: Spec>(
        &self,
        namespace: &'static str,
        id: &str,
    ) -> Result<Option<Resource<S>>, ReconcileError> {
        let pointer = pointer::<S>(namespace, id);
        self.check_read(&pointer.kind)?;
        let Some(replica) = self.replicas.of_one(&pointer) else {
            return Ok(self.state.find_at(&pointer).await?);
        };
        let found = replica.get(id).await;
        let typed = found.as_ref().map(Resource::try_from).transpose();
        Ok(typed.map_err(StateError::from)?)
    }

    /// Creates an output in the default namespace, or writes it when it differs.
    ///
    /// One that is still being torn down is written again as soon as its last user has let it go:
    /// the controller is woken then. Writing what this process wrote before costs nothing.
    ///
    /// # Errors
    /// [`ReconcileError::Undeclared`], [`StateError::OwnerConflict`], and others of the state.
    pub async fn upsert<S: Spec>(
        &self,
        id: impl Into<String>,
        value: S,
    ) -> Result<(), ReconcileError> {
        self.upsert_resource(Resource::new(id, value)).await
    }

    /// The same in another namespace.
    ///
    /// # Errors
    /// As [`Ctx::upsert`].
    pub async fn upsert_in<S: Spec>(
        &self,
        namespace: &'static str,
        id: impl Into<String>,
        value: S,
    ) -> Result<(), ReconcileError> {
        self.upsert_resource(Resource::new(id, value).in_namespace(namespace))
            .await
    }

    /// The same with labels and annotations.
    ///
    /// # Errors
    /// As [`Ctx::upsert`].
    pub async fn upsert_resource<S: Spec>(
        &self,
        resource: Resource<S>,
    ) -> Result<(), ReconcileError> {
        let wanted = AnyResource::from(resource);
        let pointer = wanted.metadata.pointer();
        self.check_write(&pointer.kind)?;
        self.ledger().touch(&pointer);
        if self.ledger().holds(&pointer, &wanted) {
            return Ok(());
        }
        let mut written = match self.write(&pointer, &wanted).await {
            Err(StateError::PhaseConflict { .. }) => {
                if !self.remove(&pointer).await? {
                    return Ok(());
                }
                self.ledger().touch(&pointer);
                self.state.create(wanted.clone(), self.name).await?
            }
            done => done?,
        };
        // The same content, but decoded: later passes compare with it.
        written.set_content(&wanted);
        self.ledger().wrote(pointer, written);
        Ok(())
    }

    /// Writes with one call, if what the ledger knows is still true.
    async fn write(
        &self,
        pointer: &Pointer,
        wanted: &AnyResource,
    ) -> Result<AnyResource, StateError> {
        let known = self.ledger().take(pointer);
        let written = match known {
            Some(mut stored) => {
                stored.set_content(wanted);
                let running = Some(Phase::Running);
                self.state.update(stored, self.name, running).await
            }
            None => self.state.create(wanted.clone(), self.name).await,
        };
        match written {
            Err(
                StateError::AlreadyExists(_)
                | StateError::NotFound(_)
                | StateError::VersionConflict { .. },
            ) => self.state.upsert_any(wanted.clone(), self.name).await,
            done => done,
        }
    }

    /// Marks an output of the default namespace for removal. `true` when nobody uses it any more.
    ///
    /// The controller is woken when its last user lets it go. One that is gone is ready.
    ///
    /// # Errors
    /// As [`Ctx::upsert`].
    pub async fn teardown<S: Spec>(&self, id: &str) -> Result<bool, ReconcileError> {
        let pointer = pointer::<S>(S::NAMESPACE, id);
        self.check_write(&pointer.kind)?;
        self.ledger().touch(&pointer);
        self.mark(&pointer).await
    }

    /// Removes an output of the default namespace. `false` while somebody still uses it.
    ///
    /// # Errors
    /// As [`Ctx::upsert`].
    pub async fn destroy<S: Spec>(&self, id: &str) -> Result<bool, ReconcileError> {
        self.destroy_in::<S>(S::NAMESPACE, id).await
    }

    /// The same in another namespace.
    ///
    /// # Errors
    /// As [`Ctx::upsert`].
    pub async fn destroy_in<S: Spec>(
        &self,
        namespace: &'static str,
        id: &str,
    ) -> Result<bool, ReconcileError> {
        let pointer = pointer::<S>(namespace, id);
        self.check_write(&pointer.kind)?;
        self.remove(&pointer).await
    }

    /// Puts the controller's finalizer on a strong input: it outlives its effect.
    ///
    /// # Errors
    /// [`ReconcileError::Undeclared`], [`StateError::PhaseConflict`] when it is being torn down,
    /// [`StateError::NotFound`] when it is gone.
    pub async fn hold<S: Spec>(&self, input: &Resource<S>) -> Result<(), ReconcileError> {
        let pointer = input.metadata.pointer();
        self.check_strong(&pointer.kind)?;
        if self.is_held(input) {
            return Ok(());
        }
        let mut held = AnyResource::from(input.clone());
        Arc::make_mut(&mut held.metadata)
            .finalizers
            .push(self.name.to_owned());
        let owner = &input.metadata.owner;
        match self.state.update(held, owner, Some(Phase::Running)).await {
            // Others have written it since it was read.
            Err(StateError::VersionConflict { .. }) => {
                Ok(self.state.add_finalizer(&pointer, self.name).await?)
            }
            Err(error) => Err(error.into()),
            Ok(_held) => Ok(()),
        }
    }

    /// Takes the finalizer away again: the effect is undone.
    ///
    /// # Errors
    /// As [`Ctx::hold`], but an input that is gone needs nothing.
    pub async fn release<S: Spec>(&self, input: &Resource<S>) -> Result<(), ReconcileError> {
        let pointer = input.metadata.pointer();
        self.check_strong(&pointer.kind)?;
        if !self.is_held(input) {
            return Ok(());
        }
        Ok(self.state.remove_finalizer(&pointer, self.name).await?)
    }

    /// Asks for another pass after some time; the soonest of one pass counts.
    pub fn wake_after(&self, pause: Duration) {
        self.ledger().wake_after(pause);
    }

    pub(crate) fn begin(&self) {
        self.ledger().begin(self.epoch.load(Ordering::Acquire));
    }

    /// Removes the outputs that the pass did not write.
    pub(crate) async fn clean_up(&self) -> Result<(), ReconcileError> {
        let adopted = self.ledger().is_adopted();
        if !adopted {
            self.adopt().await?;
        }
        let stale = self.ledger().stale(&self.outputs);
        let mut failed = None;
        for pointer in stale {
            match self.remove(&pointer).await {
                Ok(_) => {}
                // Another has this name: what was to be written never was.
                Err(ReconcileError::State(StateError::OwnerConflict { .. })) => {
                    self.ledger().removed(&pointer);
                }
                // One that cannot be removed must not keep the others.
                Err(error) => {
                    tracing::warn!(controller = self.name, resource = %pointer, %error, "stale output stays");
                    failed = Some(error);
                }
            }
        }
        failed.map_or(Ok(()), Err)
    }

    /// Outputs that wait for their users, and when the next pass is due.
    pub(crate) fn finish(&self) -> (Vec<Pointer>, Option<Duration>) {
        self.ledger().finish()
    }

    /// Finds the outputs that an earlier process, or this one before a lost watch, has written.
    async fn adopt(&self) -> Result<(), ReconcileError> {
        for output in self.outputs.iter().filter(|output| output.cleaned) {
            let found = match self.replicas.of_kind(&output.kind) {
                // Another controller of this process reads them.
                Some(replica) => replica.list(&Matcher::default()).await,
                None => self.state.list(&output.kind, &Query::default()).await?,
            };
            let mine = found.iter().filter(|any| any.metadata.owner == self.name);
            for resource in mine {
                self.ledger().adopt(resource.metadata.pointer());
            }
        }
        self.ledger().adopted();
        Ok(())
    }

    async fn remove(&self, pointer: &Pointer) -> Result<bool, ReconcileError> {
        if !self.mark(pointer).await? {
            return Ok(false);
        }
        match self.state.destroy(pointer, self.name).await {
            Ok(()) | Err(StateError::NotFound(_)) => {}
            // Another took it up between the two steps.
            Err(StateError::PendingFinalizers { .. }) => {
                self.ledger().wait_for(pointer.clone());
                return Ok(false);
            }
            Err(error) => return Err(error.into()),
        }
        self.ledger().removed(pointer);
        Ok(true)
    }

    async fn mark(&self, pointer: &Pointer) -> Result<bool, ReconcileError> {
        self.ledger().changed(pointer);
        match self.state.teardown(pointer, self.name).await {
            Err(StateError::NotFound(_)) | Ok(true) => Ok(true),
            Ok(false) => {
                self.ledger().wait_for(pointer.clone());
                Ok(false)
            }
            Err(error) => Err(error.into()),
        }
    }

    fn is_held<S: Spec>(&self, input: &Resource<S>) -> bool {
        let mut finalizers = input.metadata.finalizers.iter();
        finalizers.any(|name| name == self.name)
    }

    fn check_read(&self, kind: &Kind) -> Result<(), ReconcileError> {
        let read = self.inputs.iter().any(|input| input.kind == *kind);
        let written = self.outputs.iter().any(|output| output.kind == *kind);
        self.check(read || written, kind, "an input")
    }

    fn check_strong(&self, kind: &Kind) -> Result<(), ReconcileError> {
        let strong = |input: &Input| input.edge == EdgeKind::InputStrong && input.kind == *kind;
        self.check(self.inputs.iter().any(strong), kind, "a strong input")
    }

    fn check_write(&self, kind: &Kind) -> Result<(), ReconcileError> {
        let written = self.outputs.iter().any(|output| output.kind == *kind);
        self.check(written, kind, "an output")
    }

    fn check(
        &self,
        declared: bool,
        kind: &Kind,
        usage: &'static str,
    ) -> Result<(), ReconcileError> {
        if declared {
            return Ok(());
        }
        Err(ReconcileError::Undeclared {
            controller: self.name,
            kind: kind.clone(),
            usage,
        })
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn kind<S: Spec>(namespace: &'static str) -> Kind {
    Kind {
        namespace: Cow::Borrowed(namespace),
        type_name: Cow::Borrowed(S::TYPE),
    }
}

fn pointer<S: Spec>(namespace: &'static str, id: &str) -> Pointer {
    Pointer {
        kind: kind::<S>(namespace),
        id: id.to_owned(),
    }
}
