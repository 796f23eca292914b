//! Questions to file systems, which may not answer.

use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::timeout;
use tonic::Status;

/// How long a file system may take; that of a dead disk or a server that has gone never answers.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// Questions at the same time. One that stays without an answer keeps its thread, and others need
/// threads too, so it keeps its place.
static PLACES: Semaphore = Semaphore::const_new(16);

/// Asks what `question` finds out about `path`, on a thread of its own.
///
/// # Errors
/// DEADLINE_EXCEEDED when there is no answer in time, INTERNAL when the question panicked.
pub(crate) async fn ask<T: Send + 'static>(
    path: &str,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    ask_in(&PLACES, path, question).await
}

/// As [`ask`], with other places.
///
/// # Errors
/// As [`ask`].
pub(super) async fn ask_in<T: Send + 'static>(
    places: &'static Semaphore,
    path: &str,
    question: impl FnOnce() -> T + Send + 'static,
) -> Result<T, Status> {
    let answer = async move {
        // They are never closed, so an error cannot come.
        let place = places.acquire().await;
        let asked = tokio::task::spawn_blocking(move || {
            let _until_it_answers = place;
            question()
        });
        asked.await
    };
    match timeout(PATIENCE, answer).await {
        Ok(answer) => answer.map_err(|error| Status::internal(format!("{path}: {error}"))),
        Err(_elapsed) => {
            let text = format!("{path}: the file system does not answer");
            Err(Status::deadline_exceeded(text))
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::sync::oneshot;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn what_does_not_answer_holds_neither_the_caller_nor_ever_more_threads() {
        let places: &Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        let (answers, stuck) = mpsc::channel::<()>();
        let (begun, begins) = oneshot::channel();
        let first = ask_in(places, "/mnt", move || {
            begun.send(()).unwrap();
            stuck.recv().is_ok()
        });
        // The clock moves only when it is told to while a thread blocks.
        let later = async {
            begins.await.unwrap();
            tokio::time::advance(PATIENCE).await;
        };
        let (answer, ()) = tokio::join!(first, later);
        assert_eq!(answer.unwrap_err().code(), tonic::Code::DeadlineExceeded);

        let second = ask_in(places, "/", || 7);
        let (answer, ()) = tokio::join!(second, tokio::time::advance(PATIENCE));
        assert_eq!(answer.unwrap_err().code(), tonic::Code::DeadlineExceeded);
        drop(answers);
        assert_eq!(ask_in(places, "/", || 7).await.unwrap(), 7);
    }
}
