//! Links: reported as they are, set up as wanted.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::Phase;
use ichor_resource::specs::network::{LinkFlags, LinkRefresh, LinkSpec, LinkStatus};

use crate::kernel::Kernel;

/// Reports all links of the kernel.
pub(super) struct LinkStatusController {
    kernel: Kernel,
}

impl LinkStatusController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }
}

impl Controller for LinkStatusController {
    const NAME: &'static str = "network.LinkStatusController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<LinkRefresh>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<LinkStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.kernel.links.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = self.kernel.links().await.map_err(ReconcileError::other)?;
        for (name, status) in links {
            cx.upsert(name, status).await?;
        }
        Ok(())
    }
}

/// Sets links up or down and their MTU.
pub(super) struct LinkSpecController {
    kernel: Kernel,
}

impl LinkSpecController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }
}

impl Controller for LinkSpecController {
    const NAME: &'static str = "network.LinkSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<LinkSpec>(), Input::weak::<LinkStatus>()]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let mut failed = None;
        for spec in cx.list::<LinkSpec>().await? {
            let wanted = spec.value();
            let found = links.iter().find(|link| link.id() == wanted.name);
            let Some(link) = found.filter(|_| spec.phase() == Phase::Running) else {
                continue;
            };
            let is_up = link.value().flags.contains(LinkFlags::UP);
            let mtu_fits = wanted.mtu == 0 || wanted.mtu == link.value().mtu;
            if is_up == wanted.up && mtu_fits {
                continue;
            }
            let set = self
                .kernel
                .set_link(link.value().index, wanted.up, wanted.mtu);
            // One link that fails must not keep the others.
            if let Err(error) = set.await {
                failed = Some(error);
            }
        }
        failed.map_or(Ok(()), |error| Err(ReconcileError::other(error)))
    }
}
