//! Streams of answers: bounded, and ended when the client leaves.

use std::pin::Pin;

use futures_util::Stream;
use tokio::sync::mpsc;
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
