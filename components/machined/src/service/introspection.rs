//! `ichor.machine.v1.Introspection`: how the node came up, and what its controllers do.

use std::sync::Arc;

use ichor_api::ichor::machine::v1::introspection_server::Introspection;
use ichor_api::ichor::machine::v1::{
    BootStep, BootStepKind, BootTimeline, BootTimelineResponse, Controller, ControllerEdge,
    Controllers, ControllersResponse,
};
use ichor_efi::Variables;
use ichor_resource::specs::runtime::ControllerStatus;
use ichor_state::State;
use tonic::{Request, Response, Status};

use super::inspect::controllers;
use crate::timeline::{self, Entry, Kind, Timeline};

pub(crate) struct IntrospectionApi {
    pub(crate) state: Arc<dyn State>,
    pub(crate) timeline: Arc<Timeline>,
    pub(crate) variables: Variables,
}

#[tonic::async_trait]
impl Introspection for IntrospectionApi {
    async fn boot_timeline(
        &self,
        _: Request<()>,
    ) -> Result<Response<BootTimelineResponse>, Status> {
        let variables = self.variables.clone();
        // Reading a variable calls the firmware, which may take its time.
        let read = tokio::task::spawn_blocking(move || {
            ["LoaderTimeInitUSec", "LoaderTimeExecUSec"]
                .map(|name| variables.loader_microseconds(name))
        });
        let [init, exec] = read
            .await
            .map_err(|error| Status::internal(format!("read the loader's times: {error}")))?;
        let mut steps = before_the_kernel(init, exec);
        let now = timeline::now();
        let entries = self.timeline.entries();
        steps.extend(entries.iter().map(|entry| step(entry, now)));
        let message = BootTimeline {
            metadata: None,
            steps,
            now_ns: timeline::now(),
        };
        Ok(Response::new(BootTimelineResponse {
            messages: vec![message],
        }))
    }

    async fn controllers(&self, _: Request<()>) -> Result<Response<ControllersResponse>, Status> {
        let controllers = controllers(&*self.state).await?;
        let message = Controllers {
            metadata: None,
            controllers: controllers.into_iter().map(controller).collect(),
        };
        Ok(Response::new(ControllersResponse {
            messages: vec![message],
        }))
    }
}

/// What the boot loader measured, in microseconds since the machine began: when it was started,
/// and when it started the image. Machines without it have no such steps.
fn before_the_kernel(init: Option<u64>, exec: Option<u64>) -> Vec<BootStep> {
    let (Some(init), Some(exec)) = (init, exec) else {
        return Vec::new();
    };
    let Some(loader) = exec.checked_sub(init) else {
        return Vec::new();
    };
    let step = |kind: BootStepKind, name: &str, before: u64, took: u64| BootStep {
        kind: kind.into(),
        name: name.into(),
        start_ns: -i64::try_from(before.saturating_mul(1000)).unwrap_or(i64::MAX),
        duration_ns: took.saturating_mul(1000),
        running: false,
    };
    vec![
        step(BootStepKind::Firmware, "firmware", exec, init),
        step(BootStepKind::Loader, "systemd-boot", loader, loader),
    ]
}

fn step(entry: &Entry, now: u64) -> BootStep {
    let kind = match entry.kind {
        Kind::Kernel => BootStepKind::Kernel,
        Kind::Stage1 => BootStepKind::Stage1,
        Kind::Task => BootStepKind::Task,
        Kind::Component => BootStepKind::Component,
        Kind::Milestone => BootStepKind::Milestone,
    };
    let end = entry.end_ns.unwrap_or(now);
    BootStep {
        kind: kind.into(),
        name: entry.name.clone(),
        start_ns: i64::try_from(entry.start_ns).unwrap_or(i64::MAX),
        duration_ns: end.saturating_sub(entry.start_ns),
        running: entry.end_ns.is_none(),
    }
}

fn controller(status: ControllerStatus) -> Controller {
    let edges = status.edges.into_iter().map(|edge| ControllerEdge {
        kind: edge.kind.number(),
        namespace: edge.namespace,
        r#type: edge.resource_type,
        id: edge.id,
    });
    Controller {
        edges: edges.collect(),
        component: status.component,
        name: status.name,
        runs: status.runs,
        failures: status.failures,
        panics: status.panics,
        wakeups: status.wakeups,
        failing: status.failing,
        last_error: status.last_error,
        last_run_unix_ms: status.last_run_unix_ms,
        busy_us: status.busy_us,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_before_the_kernel_ends_where_its_clock_begins() {
        let steps = before_the_kernel(Some(2_000), Some(2_500));
        let spans: Vec<_> = steps
            .iter()
            .map(|step| (step.start_ns, step.duration_ns))
            .collect();
        assert_eq!(spans, [(-2_500_000, 2_000_000), (-500_000, 500_000)]);
        assert!(before_the_kernel(None, Some(1)).is_empty());
        assert!(before_the_kernel(Some(2), Some(1)).is_empty());
        assert_eq!(before_the_kernel(Some(0), Some(u64::MAX)).len(), 2);
    }

    #[test]
    fn what_goes_on_lasts_until_now() {
        let entry = Entry {
            name: "udevd".into(),
            kind: Kind::Component,
            start_ns: 100,
            end_ns: None,
        };
        let step = step(&entry, 150);
        assert_eq!(
            (step.start_ns, step.duration_ns, step.running),
            (100, 50, true)
        );
    }
}
