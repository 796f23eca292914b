//! Programs that end with the process that started them, also when that one is killed.
//!
//! The kernel kills such a program when the *thread* that forked it ends (`PR_SET_PDEATHSIG`), so all
//! are started by one thread that lives as long as the process. A test's own thread ends with the test,
//! and would end what other tests share.
//!
//! Needs setpriv(1). Only the program itself is killed; what it starts has to see to its own end.

#[cfg(any(test, feature = "testing"))]
pub mod testing;

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command};
use std::sync::OnceLock;
use std::sync::mpsc::{SyncSender, sync_channel};
use std::thread;

struct Order {
    command: Command,
    answer: SyncSender<io::Result<Child>>,
}

/// Starts a program; `set_up` adds its arguments, environment and files. The process of the answer is
/// that of the program, and waiting for it is up to the caller as usual.
///
/// # Errors
/// When no process can be made, or there is no setpriv(1). A program that is missing is told by
/// setpriv on the standard error, and by the exit code 127.
pub fn spawn(program: impl AsRef<OsStr>, set_up: impl FnOnce(&mut Command)) -> io::Result<Child> {
    static SPAWNER: OnceLock<SyncSender<Order>> = OnceLock::new();
    let spawner = SPAWNER.get_or_init(|| {
        let (sender, orders) = sync_channel::<Order>(0);
        thread::spawn(move || {
            for mut order in orders {
                // Who asked waits for the answer.
                order.answer.send(order.command.spawn()).ok();
            }
        });
        sender
    });
    let mut command = Command::new("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    set_up(&mut command);
    let gone = || io::Error::other("the thread that starts programs has ended");
    let (answer, child) = sync_channel(1);
    spawner
        .send(Order { command, answer })
        .map_err(|_closed| gone())?;
    child.recv().map_err(|_closed| gone())?
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// A program that ends by itself only long after all tests.
    fn sleeper() -> Child {
        spawn("sleep", |command| {
            command.arg("3600");
        })
        .unwrap()
    }

    #[test]
    #[ignore = "another test runs and kills it"]
    fn waits_with_a_sleeper() {
        testing::wait_to_be_killed(&[sleeper().id()]);
    }

    #[test]
    fn a_program_ends_with_a_process_that_is_killed() {
        let left = testing::survivors("tests::waits_with_a_sleeper").unwrap();
        assert!(left.is_empty(), "{left:?}");
    }

    #[test]
    fn a_program_outlives_the_thread_that_asked_for_it() {
        let mut child = thread::spawn(sleeper).join().unwrap();
        thread::sleep(Duration::from_millis(200));
        assert!(child.try_wait().unwrap().is_none());
        child.kill().unwrap();
        child.wait().unwrap();
    }
}
