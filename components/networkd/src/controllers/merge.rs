//! Merges what the layers want, one kind for each controller.

use std::marker::PhantomData;

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError};
use ichor_resource::Phase;

use super::CONFIG;
use crate::plan::{Layered, merge};

/// `network-config` to `network` for one kind.
pub(super) struct Merge<S>(PhantomData<fn(S) -> S>);

impl<S> Merge<S> {
    pub(super) fn new() -> Self {
        Self(PhantomData)
    }
}

impl<S: Layered> Controller for Merge<S> {
    const NAME: &'static str = S::MERGER;

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<S>().namespace(CONFIG)]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::shared::<S>()]
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let all = cx.list_in::<S>(CONFIG).await?;
        let wanted = all
            .into_iter()
            .filter(|spec| spec.phase() == Phase::Running);
        for (id, spec) in merge(wanted.map(|spec| spec.into_value()).collect()) {
            cx.upsert(id, spec).await?;
        }
        Ok(())
    }
}
