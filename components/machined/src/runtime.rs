//! The loop that serves everybody, and its end.

use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use tokio::runtime::Builder;

/// Runs a future and what it spawns: tasks on this thread, on others what may block.
///
/// The end, also that by a panic, waits for no other thread: a driver or a file system that does not
/// answer must not keep the machine from going down.
///
/// # Errors
/// When the kernel refuses a descriptor.
pub(crate) fn run<T>(future: impl Future<Output = T>) -> io::Result<T> {
    let runtime = Builder::new_current_thread().enable_all().build()?;
    // Nothing that could be left half-way is seen after a panic: the future is gone.
    let outcome = catch_unwind(AssertUnwindSafe(|| runtime.block_on(future)));
    // Dropping it would wait for whatever has begun to block.
    runtime.shutdown_background();
    outcome.map_or_else(|panic| resume_unwind(panic), Ok)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;
    use std::time::Duration;

    use super::*;

    /// Whether a future that has made a thread block ends all the same.
    fn ends(then: fn()) -> bool {
        let (_never, stuck) = mpsc::channel::<()>();
        let (done, end) = mpsc::channel();
        thread::spawn(move || {
            let outcome = catch_unwind(|| {
                run(async move {
                    let (begun, begins) = tokio::sync::oneshot::channel();
                    let work = move || {
                        begun.send(()).unwrap();
                        stuck.recv()
                    };
                    drop(tokio::task::spawn_blocking(work));
                    begins.await.unwrap();
                    then();
                })
            });
            done.send(outcome.is_ok())
        });
        end.recv_timeout(Duration::from_secs(30)).is_ok()
    }

    #[test]
    fn the_end_does_not_wait_for_threads_that_block() {
        assert!(ends(|| {}));
        assert!(ends(|| resume_unwind(Box::new("as a panic does"))));
    }
}
