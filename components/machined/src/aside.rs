//! Work that makes way for whoever waits for an answer.

use std::io;
use std::thread;

use tokio::sync::oneshot;
use tracing::debug;

use crate::sequence::TaskError;

/// Of -20 to 19: about a tenth of the time of a usual thread, when both want the processor.
const NICE: i32 = 10;

/// Runs work on a thread of its own that steps back when processor time is short.
///
/// # Errors
/// When there is no thread, or the work panicked.
pub(crate) async fn run<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, TaskError> {
    let (done, end) = oneshot::channel();
    thread::Builder::new().name("aside".into()).spawn(move || {
        // To the kernel a thread is a process here.
        if let Err(error) = rustix::process::setpriority_process(None, NICE) {
            debug!(error = %io::Error::from(error), "the priority of a thread stays");
        }
        // Nobody waits when the machine goes down.
        let _unheard = done.send(work());
    })?;
    Ok(end.await?)
}
