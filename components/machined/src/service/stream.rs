//! Streams of answers: bounded, and ended when the client leaves.

use std::pin::Pin;
use std::time::{Duration, Instant};

use futures_util::Stream;
use tokio::sync::{Semaphore, mpsc};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Response, Status};

use super::asking::ask_in;

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
/// A disk that is slow answers each step, but not many of them in the time that one may take.
const TIME_MAX: Duration = Duration::from_secs(1);

/// Where walks go.
#[derive(Debug)]
struct Ways {
    /// Walks that go at the same time. Threads that may block are needed by others, too.
    turns: Semaphore,
    /// Their threads. A walk whose file system does not answer gives its turn back, but its thread
    /// is stuck there, so that it takes some of these with it and no others.
    threads: Semaphore,
}

static WAYS: Ways = Ways::new(4, 16);

impl Ways {
    const fn new(turns: usize, threads: usize) -> Self {
        Self {
            turns: Semaphore::const_new(turns),
            threads: Semaphore::const_new(threads),
        }
    }
}

/// Answers with what a walk through `path` finds. No thread waits for a client that takes its time,
/// and no client for a file system that does not answer.
pub(crate) fn answer_walk<W: Walk>(path: String, walk: W) -> Response<Answers<W::Item>> {
    answer_walk_in(&WAYS, path, walk)
}

fn answer_walk_in<W: Walk>(
    ways: &'static Ways,
    path: String,
    mut walk: W,
) -> Response<Answers<W::Item>> {
    answer(move |sink: Sink<W::Item>| async move {
        let mut goes_on = true;
        while goes_on {
            let turn = tokio::select! {
                turn = ways.turns.acquire() => turn,
                () = sink.closed() => return,
            };
            let walked = ask_in(&ways.threads, &path, move || {
                let found = go(&mut walk);
                (walk, found)
            });
            let found;
            (walk, (found, goes_on)) = match walked.await {
                Ok(walked) => walked,
                // It may have left.
                Err(status) => return drop(sink.send(Err(status)).await),
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

/// Goes some steps. Returns what is found, and whether there is more.
fn go<W: Walk>(walk: &mut W) -> (Vec<W::Item>, bool) {
    let begun = Instant::now();
    let mut found = Vec::new();
    let mut steps = 0;
    let mut goes_on = true;
    while goes_on && steps < STEPS_MAX && found.len() < FOUND_MAX && begun.elapsed() < TIME_MAX {
        goes_on = walk.step(&mut found);
        steps += 1;
    }
    (found, goes_on)
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::{Receiver, channel};

    use futures_util::StreamExt;
    use tokio::sync::oneshot;
    use tonic::Code;

    use super::super::asking::PATIENCE;

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
        let unread: Vec<_> = (0..100).map(|_| answer_walk("/".into(), Endless)).collect();
        let read = answer_walk("/".into(), Endless).into_inner();
        let items: Vec<_> = read.take(1000).collect().await;
        assert_eq!(items.len(), 1000);
        assert_eq!(WAYS.turns.available_permits(), 4);
        drop(unread);
    }

    /// Does not come back from its first step until it is let go.
    struct Stuck {
        begun: Option<oneshot::Sender<()>>,
        end: Receiver<()>,
    }

    impl Walk for Stuck {
        type Item = u32;

        fn step(&mut self, _: &mut Vec<u32>) -> bool {
            self.begun.take().unwrap().send(()).unwrap();
            self.end.recv().is_ok()
        }
    }

    async fn first_of<W: Walk>(ways: &'static Ways, walk: W) -> Option<Result<W::Item, Status>> {
        let answers = answer_walk_in(ways, "/mnt".into(), walk);
        answers.into_inner().next().await
    }

    #[tokio::test(start_paused = true)]
    async fn a_file_system_that_does_not_answer_keeps_a_thread_but_no_turn() {
        let ways: &Ways = Box::leak(Box::new(Ways::new(1, 2)));
        let mut ends = Vec::new();
        for _ in 0..2 {
            let (end, stuck) = channel();
            let (begun, begins) = oneshot::channel();
            let walk = Stuck {
                begun: Some(begun),
                end: stuck,
            };
            // The clock moves only when it is told to while a thread blocks.
            let later = async {
                begins.await.unwrap();
                tokio::time::advance(PATIENCE).await;
            };
            let (first, ()) = tokio::join!(first_of(ways, walk), later);
            let code = first.unwrap().unwrap_err().code();
            assert_eq!(code, Code::DeadlineExceeded);
            assert_eq!(ways.turns.available_permits(), 1);
            if ends.is_empty() {
                let first = first_of(ways, Endless).await;
                assert_eq!(first.unwrap().unwrap(), 7);
            }
            ends.push(end);
        }
        // No third thread is taken.
        let walk = first_of(ways, Endless);
        let (first, ()) = tokio::join!(walk, async {
            tokio::task::yield_now().await;
            tokio::time::advance(PATIENCE).await;
        });
        let code = first.unwrap().unwrap_err().code();
        assert_eq!(code, Code::DeadlineExceeded);
        drop(ends);
        assert_eq!(first_of(ways, Endless).await.unwrap().unwrap(), 7);
    }
}
