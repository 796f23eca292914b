//! Says what the machine is doing and whether it is ready, as a resource and as an event.

use ichor_api::machine::MachineStatusEvent;
use ichor_api::machine::machine_status_event::MachineStatus as Readiness;
use ichor_api::machine::machine_status_event::machine_status::UnmetCondition as Unmet;
use ichor_controller::{Controller, Ctx, Input, Output, ReconcileError, Waker};
use ichor_resource::specs::network::NetworkStatus;
use ichor_resource::specs::runtime::{
    MachineReadiness, MachineStage, MachineStatus, UnmetCondition,
};
use ichor_resource::specs::time::TimeStatus;
use ichor_resource::specs::v1alpha1::Service;

use crate::events::Events;
use crate::stage::Stage;

/// Services without which a machine is not up.
const NEEDED: &[&str] = &["apid", "machined"];

pub(crate) struct MachineStatusController {
    stage: Stage,
    events: Events,
    last: Option<MachineStatus>,
}

impl MachineStatusController {
    pub(crate) fn new(stage: Stage, events: Events) -> Self {
        Self {
            stage,
            events,
            last: None,
        }
    }
}

impl Controller for MachineStatusController {
    const NAME: &'static str = "runtime.MachineStatusController";

    fn inputs(&self) -> Vec<Input> {
        vec![
            Input::weak::<TimeStatus>().id("node"),
            Input::weak::<NetworkStatus>().id("status"),
            Input::weak::<Service>(),
        ]
    }

    fn outputs(&self) -> Vec<Output> {
        vec![Output::exclusive::<MachineStatus>()]
    }

    fn waker(&self) -> Option<Waker> {
        Some(self.stage.waker.clone())
    }

    async fn reconcile(&mut self, cx: &Ctx) -> Result<(), ReconcileError> {
        let stage = self.stage.get();
        let time = cx.get::<TimeStatus>("node").await?;
        let network = cx.get::<NetworkStatus>("status").await?;
        let services = cx.list::<Service>().await?;
        let find = |id: &str| services.iter().find(|each| each.id() == id);
        let unmet_conditions = match stage {
            // In the other stages nothing is waited for.
            MachineStage::Booting | MachineStage::Running => unmet(
                time.as_ref().map(|each| each.value()),
                network.as_ref().map(|each| each.value()),
                |id| find(id).map(|each| each.value()),
            ),
            _ => Vec::new(),
        };
        let status = MachineStatus {
            stage,
            status: MachineReadiness {
                ready: unmet_conditions.is_empty(),
                unmet_conditions,
            },
        };
        cx.upsert("machine", status.clone()).await?;
        if self.last.as_ref() != Some(&status) {
            self.events.publish("MachineStatusEvent", &event(&status));
            self.last = Some(status);
        }
        Ok(())
    }
}

fn unmet<'a>(
    time: Option<&TimeStatus>,
    network: Option<&NetworkStatus>,
    service: impl Fn(&str) -> Option<&'a Service>,
) -> Vec<UnmetCondition> {
    let mut unmet = Vec::new();
    let mut add = |name: &str, reason: String| {
        unmet.push(UnmetCondition {
            name: name.to_owned(),
            reason,
        });
    };
    if !time.is_some_and(|time| time.synced) {
        add("time", "time is not synced".into());
    }
    let missing = match network {
        None => vec!["status"],
        Some(status) => [
            ("address", status.address_ready),
            ("connectivity", status.connectivity_ready),
            ("etc-files", status.etc_files_ready),
            ("hostname", status.hostname_ready),
        ]
        .into_iter()
        .filter_map(|(name, ready)| (!ready).then_some(name))
        .collect(),
    };
    if !missing.is_empty() {
        add("network", format!("waiting on: {}", missing.join(", ")));
    }
    let is_up =
        |id: &&&str| service(id).is_some_and(|each| each.running && (each.healthy || each.unknown));
    let down: Vec<&str> = NEEDED.iter().filter(|id| !is_up(id)).copied().collect();
    if !down.is_empty() {
        add("services", format!("not running: {}", down.join(", ")));
    }
    unmet
}

fn event(status: &MachineStatus) -> MachineStatusEvent {
    let unmet = status.status.unmet_conditions.iter().map(|each| Unmet {
        name: each.name.clone(),
        reason: each.reason.clone(),
    });
    MachineStatusEvent {
        stage: status.stage.number(),
        status: Some(Readiness {
            ready: status.status.ready,
            unmet_conditions: unmet.collect(),
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use ichor_controller::Runtime;
    use ichor_resource::Spec;
    use ichor_state::{MemoryState, State, StateExt};
    use prost::Message;
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::events::Tail;

    #[test]
    fn says_what_is_missing() {
        let network = NetworkStatus {
            address_ready: true,
            hostname_ready: true,
            ..NetworkStatus::default()
        };
        let running = Service {
            running: true,
            healthy: false,
            unknown: true,
        };
        let failing = Service {
            unknown: false,
            ..running.clone()
        };
        let service = |id: &str| match id {
            "machined" => Some(&running),
            _ => Some(&failing),
        };
        let found = unmet(None, Some(&network), service);
        let found: Vec<_> = found.iter().map(|each| each.reason.as_str()).collect();
        assert_eq!(
            found,
            [
                "time is not synced",
                "waiting on: connectivity, etc-files",
                "not running: apid"
            ]
        );
    }

    #[tokio::test(start_paused = true)]
    async fn each_stage_is_one_event() {
        let state = Arc::new(MemoryState::new());
        let (stage, events) = (Stage::booting(), Events::new());
        let mut runtime = Runtime::new(Arc::clone(&state) as Arc<dyn State>);
        let controller = MachineStatusController::new(stage.clone(), events.clone());
        runtime.register(controller).unwrap();
        let stop = CancellationToken::new();
        let task = tokio::spawn(runtime.run(stop.clone()));
        tokio::time::sleep(Duration::from_secs(1)).await;
        stage.enter(MachineStage::Maintenance);
        stage.enter(MachineStage::Maintenance);
        tokio::time::sleep(Duration::from_secs(1)).await;
        let pointer = MachineStatus::pointer("machine");
        let found = state
            .find_at::<MachineStatus>(&pointer)
            .await
            .unwrap()
            .unwrap();
        assert_eq!(found.value().stage, MachineStage::Maintenance);
        assert!(found.value().status.ready);
        let (all, _) = events.read(events.start(&Tail::All));
        let stages: Vec<_> = all
            .iter()
            .map(|event| {
                let data = event.data.as_ref().unwrap();
                let event = MachineStatusEvent::decode(data.value.as_slice()).unwrap();
                (event.stage, event.status.unwrap().ready)
            })
            .collect();
        assert_eq!(stages, [(1, false), (3, true)]);
        stop.cancel();
        task.await.unwrap();
    }
}
