//! Addresses: reported as they are, added and removed as wanted.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::network::{AddressSpec, AddressStatus, LinkStatus};
use ichor_resource::{Phase, Resource};

use super::{index_of, name_of};
use crate::kernel::{Kernel, KernelError};

/// Reports all addresses of the kernel.
pub(super) struct AddressStatusController {
    kernel: Kernel,
}

impl AddressStatusController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }
}

impl Controller for AddressStatusController {
    const NAME: &'static str = "network.AddressStatusController";

    fn inputs(&self) -> Vec<Input> {
        vec![Input::weak::<LinkStatus>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::shared::<AddressStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.kernel.addresses.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let addresses = self.kernel.addresses(|index| name_of(&links, index)).await;
        for status in addresses.map_err(ReconcileError::other)? {
            let id = format!("{}/{}", status.link_name, status.address);
            cx.upsert(id, status).await?;
        }
        Ok(())
    }
}

/// Puts wanted addresses on their links.
pub(super) struct AddressSpecController {
    kernel: Kernel,
}

impl AddressSpecController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }

    async fn add(
        &self,
        cx: &Ctx,
        spec: &Resource<AddressSpec>,
        links: &[Resource<LinkStatus>],
        present: &[Resource<AddressStatus>],
    ) -> Result<(), ReconcileError> {
        let wanted = spec.value();
        // The link may come later: its status wakes this controller.
        let Some(index) = index_of(links, &wanted.link_name) else {
            return Ok(());
        };
        // Finalizer first: the spec outlives its effect.
        cx.hold(spec).await?;
        let is_there = present.iter().any(|status| {
            let status = status.value();
            status.link_index == index && status.address == wanted.address
        });
        if is_there {
            return Ok(());
        }
        let added = self.kernel.add_address(index, wanted).await;
        added.map_err(ReconcileError::other)
    }

    async fn remove(
        &self,
        cx: &Ctx,
        spec: &Resource<AddressSpec>,
        links: &[Resource<LinkStatus>],
    ) -> Result<(), ReconcileError> {
        if let Some(index) = index_of(links, &spec.value().link_name) {
            let removed: Result<(), KernelError> = self
                .kernel
                .remove_address(index, spec.value().address)
                .await;
            removed.map_err(ReconcileError::other)?;
        }
        cx.release(spec).await
    }
}

impl Controller for AddressSpecController {
    const NAME: &'static str = "network.AddressSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::strong::<AddressSpec>(),
            Input::weak::<LinkStatus>(),
            Input::weak::<AddressStatus>(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let present = cx.list::<AddressStatus>().await?;
        let mut failed = None;
        for spec in cx.list::<AddressSpec>().await? {
            let done = match spec.phase() {
                Phase::Running => self.add(cx, &spec, &links, &present).await,
                Phase::TearingDown => self.remove(cx, &spec, &links).await,
            };
            // One address that fails must not keep the others.
            failed = done.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}
