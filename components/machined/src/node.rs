//! A running node: its parts, brought up in order and taken down again.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use ichor_kmod::Modules;
use ichor_resource::specs::runtime::MachineStage;
use ichor_rights::{Health, Program, SERVICES, Service};
use ichor_state::{MemoryState, State};
use ichor_sys::power::Power;
use ichor_sys::signals::SignalFd;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::aside;
use crate::build::Build;
use crate::cgroups::Cgroups;
use crate::coldplug::{self, Settled};
use crate::controllers;
use crate::drivers::{self, Loading};
use crate::events::Events;
use crate::facts;
use crate::host::Host;
use crate::layers;
use crate::logs::Logs;
use crate::memories::Memories;
use crate::power_button::PowerButton;
use crate::progress::{Progress, announce};
use crate::reachable::{self, Reachable};
use crate::readable::readable;
use crate::sequence::{self, Phase, Sequence, Task, TaskError};
use crate::service::{self, Parts};
use crate::sockets::Sockets;
use crate::stage::Stage;
use crate::state_access;
use crate::statuses;
use crate::supervisor::Supervisor;
use crate::supervisor::board::Board;
use crate::supervisor::children::Children;
use crate::supervisor::conditions::Conditions;
use crate::supervisor::launch::{OomScores, ProcessLauncher};
use crate::supervisor::notices;
use crate::supervisor::status::{ServiceState, ServiceStatus};
use crate::timeline::Timeline;
use crate::uevents;

/// How long drivers are waited for, many times what loading them takes.
const DRIVERS_PATIENCE: Duration = Duration::from_secs(30);

/// PID 1's own name among the services.
const SELF: &str = "machined";

/// Runs the node until someone asks it to end.
///
/// # Errors
/// What a node cannot live without.
pub(crate) async fn run(
    build: Build,
    host: Host,
    logs: Logs,
    cgroups: Option<Cgroups>,
    network: Option<Loading>,
    timeline: Arc<Timeline>,
) -> Result<Power, TaskError> {
    let child_signals = readable(SignalFd::new(&[requests::CHILD])?)?;
    let wishes = readable(SignalFd::new(requests::ENDINGS)?)?;
    let button = match host.is_machine() {
        true => PowerButton::of_machine(),
        false => PowerButton::none(),
    };
    let children = Children::start(child_signals);
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let sockets = Arc::new(Sockets::make(services(&host))?);
    let memories = Arc::new(Memories::make(services(&host))?);
    let events = Events::new();
    let (announced, recorded) = (events.clone(), Arc::clone(&timeline));
    let board = Board::new(Box::new(move |status| {
        announce(status, &announced, &recorded);
    }));
    let host = Arc::new(host);

    let launcher = ProcessLauncher {
        children,
        logs: logs.clone(),
        sockets,
        memories,
        cgroups,
        oom_scores: OomScores::apply_to_pid_1(),
        binary: ProcessLauncher::BINARY,
    };
    let reachable = Reachable::default();
    let conditions = Conditions {
        board: board.clone(),
        state: Arc::clone(&state),
        reachable: reachable.clone(),
    };
    let supervisor = Supervisor::new(conditions, Arc::new(launcher), host.is_machine());
    let parts = Parts {
        build,
        state: Arc::clone(&state),
        board: board.clone(),
        logs,
        events: events.clone(),
        host: Arc::clone(&host),
        timeline: Arc::clone(&timeline),
    };

    let stop = CancellationToken::new();
    let stage = Stage::booting();
    let settled = Settled::default();
    let known = controllers::register(
        Arc::clone(&state),
        &host,
        stage.clone(),
        settled.clone(),
        events.clone(),
    )?;
    // First in the queue: everybody waits for the network.
    for service in SERVICES {
        supervisor.start(service);
    }
    start_serving(&parts, &board)?;
    let controllers = tokio::spawn(known.runtime.run(stop.clone()));
    if !known.wakers.is_empty() {
        tokio::spawn(uevents::follow(known.wakers));
    }

    tokio::spawn(reachable::follow(
        board.clone(),
        Arc::clone(&state),
        reachable.clone(),
    ));
    match host.is_machine() {
        true => drop(tokio::spawn(coldplug::follow(
            board.clone(),
            settled,
            Arc::clone(&timeline),
        ))),
        // The devices of a container are those that its host has given to it.
        false => settled.enter(),
    }
    let progress = Progress { timeline, events };
    let initialize = initialize(&parts, network, reachable);
    // What was spawned begins before the facts are written, which does not wait for anything.
    tokio::task::yield_now().await;
    let coming_up = async {
        sequence::run(initialize, &progress).await?;
        progress.report();
        // Nobody has given the machine a configuration.
        stage.enter(MachineStage::Maintenance);
        Ok(())
    };
    let asked = async {
        tokio::select! {
            power = asked(&wishes) => power,
            () = button.pressed() => Ok(Power::Off),
        }
    };
    let power = end_of(coming_up, asked).await?;
    info!(?power, "going down");
    stage.enter(match power {
        Power::Restart => MachineStage::Rebooting,
        _ => MachineStage::ShuttingDown,
    });
    supervisor.stop_all().await;
    stop.cancel();
    if let Err(error) = controllers.await {
        warn!(%error, "the controllers ended badly");
    }
    Ok(power)
}

/// Returns when someone asks for the end. Who asks while the node comes up does not wait for that:
/// a part of it that hangs would keep the machine from ever being ended in order.
async fn end_of(
    coming_up: impl Future<Output = Result<(), TaskError>>,
    asked: impl Future<Output = Result<Power, TaskError>>,
) -> Result<Power, TaskError> {
    let mut asked = pin!(asked);
    tokio::select! {
        power = &mut asked => return power,
        up = coming_up => up?,
    }
    asked.await
}

/// Sockets first: whoever connects waits until it is served.
fn start_serving(parts: &Parts, board: &Board) -> Result<(), TaskError> {
    board.add(ServiceStatus::new(SELF, false));
    let listener = Sockets::listen_machine()?;
    let listener = tokio::net::UnixListener::from_std(listener)?;
    let (serving, own_board) = (parts.clone(), board.clone());
    tokio::spawn(async move {
        if let Err(error) = service::serve(serving, listener).await {
            error!(%error, "the machine API is not served any more");
            own_board.record(SELF, ServiceState::Failed, error.to_string());
        }
    });
    board.record(SELF, ServiceState::Running, "Service started as goroutine");
    for service in services(&parts.host) {
        if service.program == Program::Component {
            let listener = Sockets::listen_state(service.id, service.rights.uid)?;
            let listener = tokio::net::UnixListener::from_std(listener)?;
            let (state, board) = (Arc::clone(&parts.state), board.clone());
            tokio::spawn(state_access::serve(service, state, listener, board));
        }
        if let Health::Told { silence_max } = service.health {
            let socket = Sockets::receive_notices(service.id, service.rights.uid)?;
            let socket = tokio::net::UnixDatagram::from_std(socket)?;
            let followed = notices::follow(service.id, silence_max, socket, board.clone());
            tokio::spawn(followed);
        }
    }
    tokio::spawn(statuses::follow(board.clone(), Arc::clone(&parts.state)));
    Ok(())
}

/// The services that this node has.
fn services(host: &Host) -> impl Iterator<Item = &'static Service> {
    let is_machine = host.is_machine();
    SERVICES
        .iter()
        .filter(move |service| is_machine || !service.machine_only)
}

/// What a caller waits for stands in the first phase. Everything else would only take the processor
/// from it, for seconds on a slow machine, so it comes after.
fn initialize(parts: &Parts, network: Option<Loading>, reachable: Reachable) -> Sequence {
    let (host, state) = (Arc::clone(&parts.host), Arc::clone(&parts.state));
    let mut early = vec![Task::new("publishFacts", async move {
        facts::publish(&*state, &host).await?;
        Ok(())
    })];
    let mut devices = Vec::new();
    if let Some(Loading { modules, end }) = network {
        let modules = modules.map(Result::ok).boxed().shared();
        // A thread that has panicked has ended too, and the hook has told of it.
        let loaded = end.map(|_ended| ()).boxed().shared();
        let awaited = loaded.clone();
        early.push(Task::new("waitForNetworkDrivers", async move {
            wait_for_drivers("of network cards", awaited).await;
            Ok(())
        }));
        let known = modules.clone();
        devices.push(Task::new("mountRest", async move {
            mount_rest(known.await).await
        }));
        devices.push(Task::new("loadDrivers", async move {
            match modules.await {
                Some(modules) => load_drivers(modules, loaded.peek().is_some()).await,
                None => Ok(()),
            }
        }));
    }
    let wait = Task::new("waitUntilReachable", async move {
        reachable.wait().await;
        Ok(())
    });
    let inventory = Task::new("takeInventory", take_inventory(parts.clone()));
    let phase = |name, tasks| Phase { name, tasks };
    Sequence {
        name: "initialize",
        phases: vec![
            phase("earlyServices", early),
            phase("network", vec![wait]),
            phase("devices", devices),
            phase("inventory", vec![inventory]),
        ],
    }
}

async fn take_inventory(parts: Parts) -> Result<(), TaskError> {
    if let Err(error) = facts::publish_inventory(&*parts.state, &parts.host).await {
        warn!(%error, "the inventory is not complete");
    }
    Ok(())
}

async fn mount_rest(modules: Option<Arc<Modules>>) -> Result<(), TaskError> {
    aside::run(move || layers::apply_rest(modules.as_deref())).await?;
    Ok(())
}

/// A driver of a network card that hangs would also hang who asks for it again.
async fn load_drivers(modules: Arc<Modules>, network_is_loaded: bool) -> Result<(), TaskError> {
    // Events first: what comes between the look and them is in both.
    let events = drivers::events();
    let all = Arc::clone(&modules);
    let loading = aside::run(move || match network_is_loaded {
        true => drivers::load_all(&all),
        false => drivers::load_others(&all),
    });
    if let Some(loaded) = wait_for_drivers("of devices", loading).await {
        loaded?;
    }
    if let Some(events) = events {
        tokio::spawn(drivers::follow(modules, events));
    }
    Ok(())
}

/// Waits for drivers, but not for ever: one that hangs in the kernel must not keep the node from
/// coming up with the devices that work. `None` when they take too long.
async fn wait_for_drivers<T>(which: &str, loaded: impl Future<Output = T>) -> Option<T> {
    let loaded = tokio::time::timeout(DRIVERS_PATIENCE, loaded).await;
    if loaded.is_err() {
        let seconds = DRIVERS_PATIENCE.as_secs();
        warn!("drivers {which} are not loaded after {seconds} s, going on without them");
    }
    loaded.ok()
}

/// Waits until a signal asks for the end.
async fn asked(wishes: &AsyncFd<SignalFd>) -> Result<Power, TaskError> {
    loop {
        let mut guard = wishes.readable().await?;
        let signals = guard.get_inner().drain()?;
        guard.clear_ready();
        if let Some(power) = signals.into_iter().find_map(requests::meaning) {
            return Ok(power);
        }
    }
}

/// Which signals PID 1 understands.
mod requests {
    use ichor_sys::power::Power;
    use rustix::process::Signal;

    pub(super) const CHILD: i32 = Signal::CHILD.as_raw();
    pub(super) const ENDINGS: &[i32] = &[
        Signal::TERM.as_raw(),
        Signal::INT.as_raw(),
        Signal::USR1.as_raw(),
        Signal::USR2.as_raw(),
        Signal::POWER.as_raw(),
    ];

    /// SIGINT is Ctrl-Alt-Del, SIGPWR a failing power supply; containers are ended by SIGTERM.
    pub(super) fn meaning(signal: i32) -> Option<Power> {
        match signal {
            signal if signal == Signal::INT.as_raw() => Some(Power::Restart),
            signal if signal == Signal::USR1.as_raw() => Some(Power::Restart),
            signal if signal == Signal::CHILD.as_raw() => None,
            _ => Some(Power::Off),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};

    use super::*;

    #[tokio::test]
    async fn whoever_asks_for_the_end_does_not_wait_until_the_node_is_up() {
        let power = end_of(pending(), ready(Ok(Power::Off))).await;
        assert_eq!(power.unwrap(), Power::Off);
    }

    #[tokio::test(start_paused = true)]
    async fn drivers_are_waited_for_but_one_that_hangs_not_for_ever() {
        let start = tokio::time::Instant::now();
        let loaded = async {
            tokio::time::sleep(Duration::from_secs(2)).await;
            "loaded"
        };
        assert_eq!(wait_for_drivers("of a test", loaded).await, Some("loaded"));
        assert_eq!(start.elapsed(), Duration::from_secs(2));
        let hangs = wait_for_drivers("of a test", pending::<()>());
        let waited = tokio::time::timeout(2 * DRIVERS_PATIENCE, hangs).await;
        assert_eq!(waited, Ok(None));
        assert_eq!(start.elapsed(), Duration::from_secs(2) + DRIVERS_PATIENCE);
    }

    #[tokio::test(start_paused = true)]
    async fn a_node_that_is_up_runs_until_it_is_asked_to_end() {
        let asked = async {
            tokio::time::sleep(std::time::Duration::from_secs(60)).await;
            Ok(Power::Restart)
        };
        let power = end_of(ready(Ok(())), asked).await;
        assert_eq!(power.unwrap(), Power::Restart);
        let failed = end_of(ready(Err("no disk".into())), pending()).await;
        assert_eq!(failed.unwrap_err().to_string(), "no disk");
    }
}
