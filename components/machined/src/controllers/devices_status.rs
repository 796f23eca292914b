//! Says whether all devices are known, their links below `/dev` included.

use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::runtime::DevicesStatus;

use crate::coldplug::Settled;

pub(crate) struct DevicesStatusController {
    settled: Settled,
}

impl DevicesStatusController {
    pub(crate) fn new(settled: Settled) -> Self {
        Self { settled }
    }
}

impl Controller for DevicesStatusController {
    const NAME: &'static str = "runtime.DevicesStatusController";

    fn inputs(&self) -> Vec<Input> {
        Vec::new()
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<DevicesStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.settled.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let ready = self.settled.get();
        cx.upsert("devices", DevicesStatus { ready }).await
    }
}
