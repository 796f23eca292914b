use std::sync::Arc;

use futures_util::future::BoxFuture;
use ichor_rights::service as row;
use ichor_state::MemoryState;
use tokio::sync::oneshot;

use super::board::Board;
use super::service::{Exit, LaunchError, Running};
use super::*;
use crate::reachable::Reachable;

/// Each process runs until it is told to end, and the order of starts and ends is written down.
#[derive(Default)]
struct Script {
    running: Mutex<Vec<(u32, &'static str, oneshot::Sender<Exit>)>>,
    journal: Mutex<Vec<String>>,
}

impl Launcher for Script {
    fn launch(&self, id: &'static str) -> BoxFuture<'_, Result<Running, LaunchError>> {
        let (sender, exit) = oneshot::channel();
        let mut running = self.running.lock().unwrap();
        let pid = 100 + u32::try_from(running.len()).unwrap();
        running.push((pid, id, sender));
        self.journal.lock().unwrap().push(format!("+{id}"));
        Box::pin(async move { Ok(Running { pid, exit }) })
    }
    fn terminate(&self, pid: u32) {
        let mut running = self.running.lock().unwrap();
        let at = running.iter().position(|(known, ..)| *known == pid);
        let (_, id, sender) = running.remove(at.unwrap());
        self.journal.lock().unwrap().push(format!("-{id}"));
        sender.send(Exit::Signal(15)).unwrap();
    }
    fn kill(&self, id: &'static str, _: u32) {
        panic!("{id} ends when it is told to");
    }
}

fn supervisor(is_machine: bool) -> (Supervisor, Board, Arc<Script>) {
    let board = Board::new(Box::new(|_| {}));
    let conditions = Conditions {
        board: board.clone(),
        state: Arc::new(MemoryState::new()),
        reachable: Reachable::default(),
    };
    let script = Arc::new(Script::default());
    let launcher = Arc::clone(&script) as Arc<dyn Launcher>;
    (
        Supervisor::new(conditions, launcher, is_machine),
        board,
        script,
    )
}

fn service(id: &'static str, requires: &'static [&'static str]) -> Service {
    Service {
        id,
        requires,
        health: Health::Assumed,
        ..*row("apid").unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn services_start_after_what_they_require_and_end_before_it() {
    let (supervisor, board, script) = supervisor(true);
    supervisor.start(&service("kubelet", &["cri"]));
    supervisor.start(&service("cri", &["containerd"]));
    supervisor.start(&service("containerd", &[]));
    board.wait_up("kubelet").await;
    supervisor.stop_all().await;
    let journal = script.journal.lock().unwrap().clone();
    let expected = [
        "+containerd",
        "+cri",
        "+kubelet",
        "-kubelet",
        "-cri",
        "-containerd",
    ];
    assert_eq!(journal, expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_not_for_this_node_is_skipped_and_keeps_nobody() {
    let (supervisor, board, script) = supervisor(false);
    supervisor.start(row("udevd").unwrap());
    supervisor.start(&service("needs-devices", &["udevd"]));
    board.wait_up("needs-devices").await;
    let skipped = board.get("udevd").unwrap();
    assert_eq!(skipped.state, ServiceState::Skipped);
    let why = "Service skipped: it is for machines, not for containers";
    assert_eq!(skipped.events.back().unwrap().message, why);
    supervisor.stop_all().await;
    assert_eq!(board.get("udevd").unwrap().state, ServiceState::Skipped);
    assert_eq!(
        *script.journal.lock().unwrap(),
        ["+needs-devices", "-needs-devices"]
    );
}
