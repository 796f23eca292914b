//! Controllers that are one pure function.

use std::fmt;
use std::marker::PhantomData;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use ichor_resource::{Phase, Resource, Spec};

use crate::controller::AnyController;
use crate::{Ctx, Input, Output, ReconcileError, Waker};

/// Makes one resource of kind `O` from each of kind `I`, or none.
///
/// The function returns the id and the value. An output goes when its input is torn down or gone.
pub struct Transform<I, O, F> {
    name: &'static str,
    input: Input,
    function: F,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O, F> Transform<I, O, F>
where
    I: Spec,
    O: Spec,
    F: Fn(&Resource<I>) -> Option<(String, O)> + Send + Sync + 'static,
{
    /// A transform of all resources in the default namespace of `I`.
    pub fn new(name: &'static str, function: F) -> Self {
        Self {
            name,
            input: Input::weak::<I>(),
            function,
            types: PhantomData,
        }
    }

    async fn apply(&self, cx: &Ctx) -> Result<(), ReconcileError> {
        for resource in cx.list::<I>().await? {
            if resource.phase() == Phase::TearingDown {
                continue;
            }
            if let Some((id, value)) = (self.function)(&resource) {
                cx.upsert(id, value).await?;
            }
        }
        Ok(())
    }
}

impl<I, O, F> fmt::Debug for Transform<I, O, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transform")
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl<I, O, F> AnyController for Transform<I, O, F>
where
    I: Spec,
    O: Spec,
    F: Fn(&Resource<I>) -> Option<(String, O)> + Send + Sync + 'static,
{
    fn name(&self) -> &'static str {
        self.name
    }

    fn inputs(&self) -> Vec<Input> {
        vec![self.input.clone()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<O>()]
    }

    fn waker(&self) -> Option<Waker> {
        None
    }

    fn reconcile<'a>(&'a mut self, cx: &'a Ctx) -> BoxFuture<'a, Result<(), ReconcileError>> {
        self.apply(cx).boxed()
    }
}
