//! Streams of answers: bounded, and ended when the client leaves.

use std::pin::Pin;

use futures_util::Stream;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

/// How many answers may wait for a slow client.
const WAITING_MAX: usize = 8;

pub(crate) type Answers<T> = Pin<Box<dyn Stream<Item = Result<T, Status>> + Send>>;

/// Sends answers to one client; an error says that it has left.
pub(crate) type Sink<T> = mpsc::Sender<Result<T, Status>>;

/// Answers with what `produce` sends.
pub(crate) fn answer<T, F>(produce: impl FnOnce(Sink<T>) -> F) -> Response<Answers<T>>
where
    T: Send + 'static,
    F: Future<Output = ()> + Send + 'static,
{
    let (sender, receiver) = mpsc::channel(WAITING_MAX);
    tokio::spawn(produce(sender));
    Response::new(Box::pin(ReceiverStream::new(receiver)))
}

/// What goes through files and directories, which may block, and can stop anywhere.
pub(crate) trait Walk: Send + 'static {
    type Item: Send + 'static;

    /// Goes one step further and adds what it finds; `false` says that this was the end.
    fn step(&mut self, found: &mut Vec<Self::Item>) -> bool;
}

/// How far a walk goes at a time.
const FOUND_MAX: usize = 32;
const STEPS_MAX: usize = 1024;

/// Walks that go at the same time. Threads that may block are needed by others, too.
static TURNS: Semaphore = Semaphore::const_new(4);

/// Answers with what a walk finds. No thread waits for a client that takes its time.
pub(crate) fn answer_walk<W: Walk>(mut walk: W) -> Response<Answers<W::Item>> {
    answer(move |sink: Sink<W::Item>| async move {
        let mut goes_on = true;
        while goes_on {
            let turn = tokio::select! {
                turn = TURNS.acquire() => turn,
                () = sink.closed() => return,
            };
            let walking = tokio::task::spawn_blocking(move || {
                let mut found = Vec::new();
                let mut steps = 0;
                let mut goes_on = true;
                while goes_on && steps < STEPS_MAX && found.len() < FOUND_MAX {
                    goes_on = walk.step(&mut found);
                    steps += 1;
                }
                (walk, found, goes_on)
            });
            let found;
            (walk, found, goes_on) = match walking.await {
                Ok(walked) => walked,
                Err(error) => return tracing::warn!(%error, "going through files failed"),
            };
            drop(turn);
            for item in found {
                if sink.send(Ok(item)).await.is_err() {
                    return;
                }
            }
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::StreamExt;

    use super::*;

    struct Endless;

    impl Walk for Endless {
        type Item = u32;

        fn step(&mut self, found: &mut Vec<u32>) -> bool {
            found.push(7);
            true
        }
    }

    #[tokio::test]
    async fn clients_that_take_nothing_hold_no_thread() {
        let unread: Vec<_> = (0..100).map(|_| answer_walk(Endless)).collect();
        let read = answer_walk(Endless).into_inner();
        let items: Vec<_> = read.take(1000).collect().await;
        assert_eq!(items.len(), 1000);
        assert_eq!(TURNS.available_permits(), 4);
        drop(unread);
    }
}
