//! Services: what runs besides PID 1, kept running.

pub(crate) mod board;
pub(crate) mod children;
pub(crate) mod launch;
pub(crate) mod notices;
pub(crate) mod service;
pub(crate) mod status;

mod backoff;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use ichor_rights::{Service, Start};
use tokio::sync::mpsc;
use tokio::task::JoinSet;

use crate::reachable::Reachable;
use board::Board;
use service::{Command, Launcher, ServiceSpec, supervise};
use status::ServiceStatus;

/// How long a service may take to end when it is asked to.
const GRACE: Duration = Duration::from_secs(10);

/// All service loops.
pub(crate) struct Supervisor {
    board: Board,
    launcher: Arc<dyn Launcher>,
    reachable: Reachable,
    loops: Mutex<JoinSet<()>>,
    commands: Mutex<HashMap<&'static str, mpsc::Sender<Command>>>,
}

impl Supervisor {
    pub(crate) fn new(board: Board, launcher: Arc<dyn Launcher>, reachable: Reachable) -> Self {
        Self {
            board,
            launcher,
            reachable,
            loops: Mutex::default(),
            commands: Mutex::default(),
        }
    }

    /// Starts the loop of a service.
    pub(crate) fn start(&self, service: &Service) {
        let spec = ServiceSpec {
            id: service.id,
            after: (service.start == Start::Late).then(|| self.reachable.clone()),
            grace: GRACE,
            has_health_check: service.program.tells_health(),
        };
        self.board
            .add(ServiceStatus::new(spec.id, spec.has_health_check));
        let (sender, commands) = mpsc::channel(1);
        let (board, launcher) = (self.board.clone(), Arc::clone(&self.launcher));
        lock(&self.commands).insert(spec.id, sender);
        lock(&self.loops).spawn(async move {
            supervise(spec, &*launcher, &board, commands).await;
        });
    }

    /// Stops all services and returns when the last has ended.
    pub(crate) async fn stop_all(&self) {
        // A loop whose commands are closed stops its service.
        lock(&self.commands).clear();
        let mut loops = std::mem::take(&mut *lock(&self.loops));
        while loops.join_next().await.is_some() {}
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
