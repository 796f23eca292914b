//! What a controller is.

use std::future::Future;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;

use crate::{Ctx, Input, Output, ReconcileError, Waker};

/// One idempotent pass over the state.
///
/// The runtime decides when the pass runs; an implementation never loops, waits or retries. It may
/// keep a cache or the handles of its effect in `self`, but must be right when it starts without
/// them, and when an earlier pass was dropped at any `.await` or has panicked.
pub trait Controller: Send + 'static {
    /// Name, such as `network.AddressMergeController`: the owner of its outputs and its finalizer.
    const NAME: &'static str;

    /// What wakes the controller, and all that it may read.
    fn inputs(&self) -> Vec<Input>;

    /// All that it may write.
    fn outputs(&self) -> Vec<Output>;

    /// A handle for wake-ups that do not come from the state, such as netlink notifications.
    ///
    /// Asked once, at registration. The controller, or a task beside it, keeps a clone and calls
    /// [`Waker::wake`].
    fn waker(&self) -> Option<Waker> {
        None
    }

    /// Brings outputs and effects in line with the inputs.
    ///
    /// Outputs of an earlier pass that a successful pass does not write again are removed, unless
    /// they are declared with [`Output::kept`].
    ///
    /// # Errors
    /// Any: the pass is then repeated with back-off and nothing is removed.
    fn reconcile(&mut self, cx: &Ctx) -> impl Future<Output = Result<(), ReconcileError>> + Send;
}

/// A controller of any type.
pub(crate) trait AnyController: Send {
    fn name(&self) -> &'static str;
    fn inputs(&self) -> Vec<Input>;
    fn outputs(&self) -> Vec<Output>;
    fn waker(&self) -> Option<Waker>;
    fn reconcile<'a>(&'a mut self, cx: &'a Ctx) -> BoxFuture<'a, Result<(), ReconcileError>>;
}

impl<C: Controller> AnyController for C {
    fn name(&self) -> &'static str {
        C::NAME
    }

    fn inputs(&self) -> Vec<Input> {
        Controller::inputs(self)
    }

    fn outputs(&self) -> Vec<Output> {
        Controller::outputs(self)
    }

    fn waker(&self) -> Option<Waker> {
        Controller::waker(self)
    }

    fn reconcile<'a>(&'a mut self, cx: &'a Ctx) -> BoxFuture<'a, Result<(), ReconcileError>> {
        Controller::reconcile(self, cx).boxed()
    }
}
