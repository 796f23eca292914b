//! The life of one service: wait, prepare, run, restart, stop.

use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};
use tokio::time::Instant;

use super::backoff::Backoff;
use super::board::Board;
use super::conditions::Conditions;
use super::plan::Need;
use super::status::ServiceState;

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    Code(i32),
    Signal(i32),
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Code(code) => write!(f, "exited with code {code}"),
            Self::Signal(signal) => write!(f, "was killed by signal {signal}"),
        }
    }
}

/// A process that was started.
pub(crate) struct Running {
    pub(crate) pid: u32,
    /// Sent once, when the process has ended.
    pub(crate) exit: oneshot::Receiver<Exit>,
}

/// A service could not be started.
pub(crate) type LaunchError = Box<dyn std::error::Error + Send + Sync>;

/// Starts and signals processes: the kernel in production, a script in tests.
pub(crate) trait Launcher: Send + Sync + 'static {
    /// Makes what the service needs, then its process.
    fn launch(&self, id: &'static str) -> BoxFuture<'_, Result<Running, LaunchError>>;
    /// Asks the process to end.
    fn terminate(&self, pid: u32);
    /// Ends the process and all that it started.
    fn kill(&self, id: &'static str, pid: u32);
}

/// What a service is, as far as its life is concerned.
#[derive(Clone, Debug)]
pub(crate) struct ServiceSpec {
    pub(crate) id: &'static str,
    /// What it waits for.
    pub(crate) needs: Vec<Need>,
    /// How long it may take to end after SIGTERM.
    pub(crate) grace: Duration,
}

/// What may be asked of a running service loop. Closing the channel ends process and loop.
#[derive(Debug)]
#[cfg_attr(
    not(test),
    expect(
        dead_code,
        reason = "asked for by an RPC that needs callers with a certificate"
    )
)]
pub(crate) enum Command {
    /// End the process and start it again at once.
    Restart(oneshot::Sender<()>),
}

/// Runs a service until it is told to stop, or `commands` is closed.
pub(crate) async fn supervise(
    spec: ServiceSpec,
    launcher: &dyn Launcher,
    conditions: &Conditions,
    mut commands: mpsc::Receiver<Command>,
) {
    let (id, board) = (spec.id, &conditions.board);
    board.record(id, ServiceState::Starting, "Starting service");
    let mut backoff = Backoff::new();
    loop {
        tokio::select! {
            () = wait_for_needs(&spec, conditions) => {}
            command = commands.recv() => match command {
                // There is no process yet: starting goes on as it would have.
                Some(Command::Restart(done)) => { acknowledge(done); continue }
                None => return finish(board, id),
            },
        }
        board.record(id, ServiceState::Preparing, "Creating service runner");
        let started = Instant::now();
        let message = match launcher.launch(id).await {
            Ok(running) => match run(&spec, launcher, board, running, &mut commands).await {
                Ended::Stopped => return finish(board, id),
                Ended::Restarted => continue,
                Ended::ByItself(exit) => format!("Process {exit}"),
            },
            Err(error) => format!("Failed to start: {}", crate::describe(&*error)),
        };
        board.record_end(id);
        let pause = backoff.pause(started.elapsed());
        let text = format!("{message}, starting it again in {} ms", pause.as_millis());
        board.record(id, ServiceState::Failed, text);
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            command = commands.recv() => match command {
                Some(Command::Restart(done)) => acknowledge(done),
                None => return finish(board, id),
            },
        }
    }
}

enum Ended {
    Stopped,
    Restarted,
    ByItself(Exit),
}

async fn wait_for_needs(spec: &ServiceSpec, conditions: &Conditions) {
    let waits = |left: &[Need]| {
        let left: Vec<_> = left.iter().map(ToString::to_string).collect();
        let text = format!("Waiting for {}", left.join(", "));
        conditions
            .board
            .record(spec.id, ServiceState::Waiting, text);
    };
    conditions.wait_for(&spec.needs, waits).await;
}

async fn run(
    spec: &ServiceSpec,
    launcher: &dyn Launcher,
    board: &Board,
    mut running: Running,
    commands: &mut mpsc::Receiver<Command>,
) -> Ended {
    let pid = running.pid;
    let text = format!("Process {} started with PID {pid}", spec.id);
    board.record_start(spec.id, pid, text);
    tokio::select! {
        exit = &mut running.exit => Ended::ByItself(exit_of(exit)),
        command = commands.recv() => {
            stop(spec, launcher, board, running).await;
            match command {
                Some(Command::Restart(done)) => {
                    board.record_end(spec.id);
                    acknowledge(done);
                    Ended::Restarted
                }
                None => Ended::Stopped,
            }
        }
    }
}

async fn stop(spec: &ServiceSpec, launcher: &dyn Launcher, board: &Board, mut running: Running) {
    let text = format!("Sending SIGTERM to process {}", running.pid);
    board.record(spec.id, ServiceState::Stopping, text);
    launcher.terminate(running.pid);
    if tokio::time::timeout(spec.grace, &mut running.exit)
        .await
        .is_err()
    {
        let text = format!(
            "Process did not end within {} s, killing it",
            spec.grace.as_secs()
        );
        board.record(spec.id, ServiceState::Stopping, text);
        launcher.kill(spec.id, running.pid);
        // SIGKILL cannot be refused; a process in an uninterruptible wait must not hold us.
        let _given_up = tokio::time::timeout(spec.grace, &mut running.exit).await;
    }
}

fn finish(board: &Board, id: &'static str) {
    board.record_end(id);
    board.record(id, ServiceState::Finished, "Service finished successfully");
}

/// The asker may have gone; then nobody needs to know.
fn acknowledge(done: oneshot::Sender<()>) {
    let _nobody_asks = done.send(());
}

fn exit_of(result: Result<Exit, oneshot::error::RecvError>) -> Exit {
    // The reaper only drops a waiter when the machine goes down.
    result.unwrap_or(Exit::Signal(9))
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use ichor_rights::Condition;
    use ichor_state::MemoryState;

    use super::super::status::ServiceStatus;
    use super::*;
    use crate::reachable::Reachable;

    #[derive(Default)]
    struct Fake {
        exits: Mutex<Vec<oneshot::Sender<Exit>>>,
        stubborn: bool,
        killed: Mutex<Vec<u32>>,
    }

    impl Fake {
        fn end_last(&self, exit: Exit) {
            let sender = self.exits.lock().unwrap().pop().unwrap();
            sender.send(exit).unwrap();
        }
        fn starts(&self) -> usize {
            self.exits.lock().unwrap().len()
        }
    }

    impl Launcher for Fake {
        fn launch(&self, _: &'static str) -> BoxFuture<'_, Result<Running, LaunchError>> {
            let (sender, exit) = oneshot::channel();
            let mut exits = self.exits.lock().unwrap();
            exits.push(sender);
            let pid = 100 + exits.len() as u32;
            Box::pin(async move { Ok(Running { pid, exit }) })
        }
        fn terminate(&self, _: u32) {
            if !self.stubborn {
                self.end_last(Exit::Signal(15));
            }
        }
        fn kill(&self, _: &'static str, pid: u32) {
            self.killed.lock().unwrap().push(pid);
            self.end_last(Exit::Signal(9));
        }
    }

    struct Started {
        conditions: Conditions,
        board: Board,
        fake: Arc<Fake>,
        commands: mpsc::Sender<Command>,
        task: tokio::task::JoinHandle<()>,
    }

    fn start(fake: Fake, needs: &[Need]) -> Started {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("apid", false));
        board.add(ServiceStatus::new("cri", false));
        let fake = Arc::new(fake);
        let (commands, receiver) = mpsc::channel(1);
        let spec = ServiceSpec {
            id: "apid",
            needs: needs.to_vec(),
            grace: Duration::from_secs(10),
        };
        let conditions = Conditions {
            board: board.clone(),
            state: Arc::new(MemoryState::new()),
            reachable: Reachable::default(),
        };
        let (shared, launcher) = (conditions.clone(), Arc::clone(&fake));
        let task =
            tokio::spawn(async move { supervise(spec, &*launcher, &shared, receiver).await });
        Started {
            conditions,
            board,
            fake,
            commands,
            task,
        }
    }

    fn state(board: &Board) -> ServiceState {
        board.get("apid").unwrap().state
    }

    #[tokio::test(start_paused = true)]
    async fn a_killed_process_is_started_again_after_a_short_pause() {
        let Started {
            board,
            fake,
            commands: _running,
            ..
        } = start(Fake::default(), &[]);
        board.wait_up("apid").await;
        fake.end_last(Exit::Signal(9));
        tokio::time::sleep(Duration::from_millis(10)).await;
        assert_eq!(state(&board), ServiceState::Failed);
        tokio::time::sleep(Duration::from_millis(60)).await;
        assert_eq!(state(&board), ServiceState::Running);
        let events = board.get("apid").unwrap().events;
        assert!(
            events
                .iter()
                .any(|event| event.message.contains("killed by signal 9"))
        );
    }

    #[tokio::test(start_paused = true)]
    async fn starts_when_all_that_it_needs_is_there_and_says_what_is_missing() {
        let needs = [Need::Up("cri"), Need::Condition(&Condition::ApiReachable)];
        let started = start(Fake::default(), &needs);
        let board = &started.board;
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(state(board), ServiceState::Waiting);
        board.record("cri", ServiceState::Running, "");
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(started.fake.starts(), 0);
        started.conditions.reachable.enter();
        board.wait_up("apid").await;
        let events = board.get("apid").unwrap().events;
        let told: Vec<_> = events.iter().map(|event| event.message.as_str()).collect();
        let expected = [
            "Starting service",
            "Waiting for service \"cri\" to be \"up\", the API to be reachable",
            "Waiting for the API to be reachable",
            "Creating service runner",
            "Process apid started with PID 101",
        ];
        assert_eq!(told, expected);
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_waits_can_be_stopped() {
        let started = start(Fake::default(), &[Need::Up("cri")]);
        tokio::time::sleep(Duration::from_secs(1)).await;
        drop(started.commands);
        started.task.await.unwrap();
        assert_eq!(state(&started.board), ServiceState::Finished);
        assert_eq!(started.fake.starts(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn a_process_that_ignores_sigterm_is_killed_at_its_deadline() {
        let fake = Fake {
            stubborn: true,
            ..Fake::default()
        };
        let Started {
            board,
            fake,
            commands,
            task,
            ..
        } = start(fake, &[]);
        board.wait_up("apid").await;
        let begun = Instant::now();
        drop(commands);
        task.await.unwrap();
        assert_eq!(begun.elapsed(), Duration::from_secs(10));
        assert_eq!(*fake.killed.lock().unwrap(), [101]);
        assert_eq!(state(&board), ServiceState::Finished);
    }

    #[tokio::test(start_paused = true)]
    async fn a_restart_does_not_wait() {
        let Started {
            board,
            fake,
            commands,
            ..
        } = start(Fake::default(), &[]);
        board.wait_up("apid").await;
        let (done, restarted) = oneshot::channel();
        commands.send(Command::Restart(done)).await.unwrap();
        restarted.await.unwrap();
        board.wait_up("apid").await;
        assert_eq!(
            fake.starts(),
            1,
            "the first process has ended, the second runs"
        );
    }
}
