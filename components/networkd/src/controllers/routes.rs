//! Routes: reported as they are, added and removed as wanted.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::network::{
    AddressStatus, LinkFlags, LinkStatus, RouteSpec, RouteStatus, RoutingTable,
};
use ichor_resource::{Phase, Resource};

use super::{index_of, name_of};
use crate::kernel::Kernel;
use crate::plan::{route_id, route_status_id};

/// Reports all routes of the kernel.
pub(super) struct RouteStatusController {
    kernel: Kernel,
}

impl RouteStatusController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }
}

impl Controller for RouteStatusController {
    const NAME: &'static str = "network.RouteStatusController";

    fn inputs(&self) -> Vec<Input> {
        // The kernel does not tell of each route that goes with its address or link.
        vec![Input::weak::<LinkStatus>(), Input::weak::<AddressStatus>()]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<RouteStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.kernel.routes.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let routes = self.kernel.routes(|index| name_of(&links, index)).await;
        for status in routes.map_err(ReconcileError::other)? {
            cx.upsert(route_status_id(&status), status).await?;
        }
        Ok(())
    }
}

/// Puts wanted routes into the kernel.
pub(super) struct RouteSpecController {
    kernel: Kernel,
}

impl RouteSpecController {
    pub(super) fn new(kernel: Kernel) -> Self {
        Self { kernel }
    }

    async fn add(
        &self,
        cx: &Ctx,
        spec: &Resource<RouteSpec>,
        links: &[Resource<LinkStatus>],
        present: &[Resource<RouteStatus>],
    ) -> Result<(), ReconcileError> {
        let wanted = spec.value();
        let Some(index) = usable_link(links, wanted) else {
            // The link may come or go up later: its status wakes this controller.
            return Ok(());
        };
        // Finalizer first: the spec outlives its effect.
        cx.hold(spec).await?;
        let id = route_id(wanted);
        if present.iter().any(|status| status.id() == id) {
            return Ok(());
        }
        let added = self.kernel.add_route(index, wanted).await;
        added.map_err(ReconcileError::other)
    }

    async fn remove(
        &self,
        cx: &Ctx,
        spec: &Resource<RouteSpec>,
        links: &[Resource<LinkStatus>],
    ) -> Result<(), ReconcileError> {
        let index = index_of(links, &spec.value().out_link_name);
        let removed = self.kernel.remove_route(index, spec.value()).await;
        removed.map_err(ReconcileError::other)?;
        cx.release(spec).await
    }
}

/// The outgoing link, `Some(None)` for a route that names none, `None` when it is not up.
fn usable_link(links: &[Resource<LinkStatus>], spec: &RouteSpec) -> Option<Option<u32>> {
    if spec.out_link_name.is_empty() {
        return Some(None);
    }
    let link = links.iter().find(|link| link.id() == spec.out_link_name)?;
    let is_up = link.value().flags.contains(LinkFlags::UP);
    is_up.then_some(Some(link.value().index))
}

impl Controller for RouteSpecController {
    const NAME: &'static str = "network.RouteSpecController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::strong::<RouteSpec>(),
            Input::weak::<LinkStatus>(),
            Input::weak::<AddressStatus>(),
            Input::weak::<RouteStatus>(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        Vec::new()
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let links = cx.list::<LinkStatus>().await?;
        let present = cx.list::<RouteStatus>().await?;
        let mut specs = cx.list::<RouteSpec>().await?;
        // A route via a gateway needs the route to that gateway first.
        specs.sort_by_key(|spec| {
            (
                spec.value().gateway.is_some(),
                spec.value().table == RoutingTable::LOCAL,
            )
        });
        let mut failed = None;
        for spec in &specs {
            let done = match spec.phase() {
                Phase::Running => self.add(cx, spec, &links, &present).await,
                Phase::TearingDown => self.remove(cx, spec, &links).await,
            };
            // One route that fails must not keep the others.
            failed = done.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }
}
