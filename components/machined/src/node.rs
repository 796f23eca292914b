//! A running node: its parts, brought up in order and taken down again.

use std::sync::Arc;

use ichor_state::{MemoryState, State};
use ichor_sys::power::Power;
use ichor_sys::signals::SignalFd;
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use crate::cgroups::Cgroups;
use crate::controllers;
use crate::drivers;
use crate::facts;
use crate::host::Host;
use crate::logs::Logs;
use crate::readable::readable;
use crate::sequence::{self, Observer, Phase, Sequence, Step, Task, TaskError};
use crate::service::{self, Parts};
use crate::sockets::Sockets;
use crate::state_access;
use crate::statuses;
use crate::supervisor::Supervisor;
use crate::supervisor::board::Board;
use crate::supervisor::children::Children;
use crate::supervisor::launch::ProcessLauncher;
use crate::supervisor::status::{ServiceState, ServiceStatus};
use crate::supervisor::table::SERVICES;
use crate::sysctl;
use crate::timeline::{Kind, Timeline};

/// PID 1's own name among the services.
const SELF: &str = "machined";

/// Runs the node until someone asks it to end.
///
/// # Errors
/// What a node cannot live without.
pub(crate) async fn run(
    host: Host,
    logs: Logs,
    cgroups: Option<Cgroups>,
    timeline: Arc<Timeline>,
) -> Result<Power, TaskError> {
    let child_signals = readable(SignalFd::new(&[requests::CHILD])?)?;
    let wishes = readable(SignalFd::new(requests::ENDINGS)?)?;
    let children = Children::start(child_signals);
    let state: Arc<dyn State> = Arc::new(MemoryState::new());
    let sockets = Sockets::make()?;
    let board = Board::new(Box::new(announce));
    let host = Arc::new(host);

    let launcher = ProcessLauncher {
        children,
        logs: logs.clone(),
        sockets,
        cgroups,
        binary: ProcessLauncher::BINARY,
    };
    let supervisor = Supervisor::new(board.clone(), Arc::new(launcher));
    let parts = Parts {
        state: Arc::clone(&state),
        board: board.clone(),
        logs,
        host: Arc::clone(&host),
    };

    let stop = CancellationToken::new();
    let controllers = controllers::runtime(Arc::clone(&state), &host)?;
    let controllers = tokio::spawn(controllers.run(stop.clone()));
    start_serving(&parts, &board)?;

    let progress = Progress { timeline };
    sequence::run(initialize(&parts, &supervisor), &progress).await?;
    report(&progress.timeline);

    let power = asked(&wishes).await?;
    info!(?power, "going down");
    supervisor.stop_all().await;
    stop.cancel();
    if let Err(error) = controllers.await {
        warn!(%error, "the controllers ended badly");
    }
    Ok(power)
}

/// Says how long each part of the boot took.
fn report(timeline: &Timeline) {
    for entry in timeline.entries() {
        let milliseconds = |nanoseconds: u64| nanoseconds / 1_000_000;
        let end = entry.end_ns.unwrap_or(entry.start_ns);
        info!(
            kind = ?entry.kind,
            from_ms = milliseconds(entry.start_ns),
            took_ms = milliseconds(end.saturating_sub(entry.start_ns)),
            "boot: {}",
            entry.name
        );
    }
    info!("the machine is up");
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
    for service in SERVICES {
        let listener = Sockets::listen_state(service.id, service.uid)?;
        let listener = tokio::net::UnixListener::from_std(listener)?;
        let (state, board) = (Arc::clone(&parts.state), board.clone());
        tokio::spawn(state_access::serve(service.id, state, listener, board));
    }
    tokio::spawn(statuses::follow(board.clone(), Arc::clone(&parts.state)));
    Ok(())
}

/// What happens before the API answers stands in the first phases.
fn initialize(parts: &Parts, supervisor: &Supervisor) -> Sequence {
    let host = Arc::clone(&parts.host);
    let state = Arc::clone(&parts.state);
    let is_machine = host.is_machine();
    for service in SERVICES {
        if is_machine || !service.machine_only {
            supervisor.start(service);
        }
    }
    let known = Task::new("publishFacts", async move {
        facts::publish(&*state, &host).await?;
        Ok(())
    });
    let mut tasks = vec![known];
    if is_machine {
        tasks.push(Task::new("loadDrivers", load_drivers()));
        tasks.push(Task::new("setKernelParameters", set_kernel_parameters()));
    }
    Sequence {
        name: "initialize",
        phases: vec![Phase {
            name: "earlyServices",
            tasks,
        }],
    }
}

async fn load_drivers() -> Result<(), TaskError> {
    let loaded = tokio::task::spawn_blocking(|| {
        let modules = drivers::modules()?;
        drivers::load_present(&modules);
        Some(modules)
    });
    if let Some(modules) = loaded.await? {
        tokio::spawn(drivers::follow(modules));
    }
    Ok(())
}

async fn set_kernel_parameters() -> Result<(), TaskError> {
    tokio::task::spawn_blocking(|| {
        for parameter in sysctl::DEFAULTS {
            let path = sysctl::path(parameter.name);
            match std::fs::write(&path, parameter.value) {
                Err(error)
                    if error.kind() == std::io::ErrorKind::NotFound && parameter.may_be_absent => {}
                Err(error) => {
                    warn!(%error, parameter = parameter.name, "a kernel parameter was not set")
                }
                Ok(()) => {}
            }
        }
    })
    .await?;
    Ok(())
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

/// A line for each event of a service, in the style that people know.
fn announce(status: &ServiceStatus) {
    if let Some(event) = status.events.back() {
        info!(
            "service[{}]({}): {}",
            status.id,
            event.state.as_str(),
            event.message
        );
    }
}

/// Writes progress to the timeline and to the log.
struct Progress {
    timeline: Arc<Timeline>,
}

impl Observer for Progress {
    fn started(&self, step: Step) {
        if let Step::Task(name) = step {
            self.timeline.begin(Kind::Task, name);
        }
    }

    fn stopped(&self, step: Step, error: Option<&str>) {
        if let Step::Task(name) = step {
            self.timeline.end(Kind::Task, name);
        }
        if let Some(error) = error {
            error!(?step, error, "failed");
        }
    }
}
