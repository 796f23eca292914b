//! What a call sends and what it is answered, on their way through.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use ichor_access::Request;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use crate::call::{Call, Counters, Problem};
use crate::deadline::Deadline;
use crate::limits;
use crate::message::Lengths;
use crate::reply::{Code, trailers};
use crate::source::Source;

/// What ends a body before its end.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is passed on, or made here.
pub(crate) type PassedOn = UnsyncBoxBody<Bytes, BodyError>;

/// What the client sends. It ends with an error when a message is too large or does not come to its
/// end, and with the call.
struct Sent<B> {
    inner: B,
    kind: Request,
    lengths: Lengths,
    deadline: Deadline,
    call: Arc<Call>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    source: Source,
    counters: Arc<Counters>,
}

/// Passes on what the client sends, as long as it keeps to the limits.
pub(crate) fn sent<B>(
    inner: B,
    kind: Request,
    call: &Arc<Call>,
    source: Source,
    counters: &Arc<Counters>,
) -> PassedOn
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: Into<BodyError>,
{
    let sent = Sent {
        inner,
        kind,
        lengths: Lengths::default(),
        deadline: Deadline::default(),
        call: Arc::clone(call),
        ended: Box::pin(call.ended().clone().cancelled_owned()),
        source,
        counters: Arc::clone(counters),
    };
    sent.boxed_unsync()
}

impl<B> Sent<B> {
    /// What the client has to go on with: a message, or a request that ends with its message.
    fn begun(&self) -> Option<u64> {
        match self.kind {
            Request::Message => Some(0),
            Request::Stream => (!self.lengths.is_between()).then(|| self.lengths.count()),
        }
    }
}

impl<B> Body for Sent<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: Into<BodyError>,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.ended.as_mut().poll(cx).is_ready() {
            return Poll::Ready(Some(Err("others needed its place".into())));
        }
        let frame = match Pin::new(&mut this.inner).poll_frame(cx) {
            Poll::Ready(Some(Ok(frame))) => frame,
            Poll::Pending => {
                let begun = this.begun();
                if !this
                    .deadline
                    .has_passed(begun, limits::MESSAGE_TIME_MAX, cx)
                {
                    return Poll::Pending;
                }
                let problem = this.call.fail(Problem::Unfinished);
                return Poll::Ready(Some(Err(problem.text().into())));
            }
            other => return other.map_err(Into::into),
        };
        let large = frame.data_ref().and_then(|data| this.lengths.pass(data));
        if let Some(large) = large
            && let Err(problem) = this
                .call
                .admit_large(large.bytes, this.source, &this.counters)
        {
            return Poll::Ready(Some(Err(problem.text().into())));
        }
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

/// What a component answers. When it stops in the middle, the client gets a status that says so.
struct Answered<B> {
    inner: B,
    call: Arc<Call>,
    done: bool,
}

/// Passes on what a component answers.
pub(crate) fn answered<B>(inner: B, call: Arc<Call>) -> PassedOn
where
    B: Body<Data = Bytes> + Send + Unpin + 'static,
    B::Error: std::fmt::Display,
{
    let answered = Answered {
        done: inner.is_end_stream(),
        inner,
        call,
    };
    answered.boxed_unsync()
}

impl<B> Body for Answered<B>
where
    B: Body<Data = Bytes> + Unpin,
    B::Error: std::fmt::Display,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let this = &mut *self;
        if this.done {
            return Poll::Ready(None);
        }
        this.call.ask();
        let Poll::Ready(answer) = Pin::new(&mut this.inner).poll_frame(cx) else {
            return Poll::Pending;
        };
        let frame = match answer {
            Some(Ok(frame)) => frame,
            Some(Err(error)) => {
                debug!(%error, "an answer ended before its end");
                let (code, text) = match this.call.problem() {
                    Some(problem) => (problem.code(), problem.text()),
                    None => (
                        Code::Unavailable,
                        "the service ended before its answer was complete",
                    ),
                };
                Frame::trailers(trailers(code, text))
            }
            None => {
                this.done = true;
                return Poll::Ready(None);
            }
        };
        this.done = frame.is_trailers();
        this.call.give();
        Poll::Ready(Some(Ok(frame)))
    }

    fn is_end_stream(&self) -> bool {
        self.done
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}

impl Problem {
    /// For the caller.
    pub(crate) fn text(self) -> &'static str {
        match self {
            Self::TooLarge => "a message may have 32 MiB",
            Self::TooManyLarge => "too many large messages are being sent, try again",
            Self::Unfinished => "a message may take 2 min",
        }
    }

    /// For the caller's program.
    pub(crate) fn code(self) -> Code {
        match self {
            Self::TooLarge | Self::TooManyLarge => Code::ResourceExhausted,
            Self::Unfinished => Code::DeadlineExceeded,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::VecDeque;
    use std::convert::Infallible;
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::time::Instant;

    use super::*;

    /// Sends these, each after some seconds, and then nothing.
    struct Slow {
        pieces: VecDeque<(u64, &'static [u8])>,
        next: Option<Pin<Box<tokio::time::Sleep>>>,
    }

    impl Body for Slow {
        type Data = Bytes;
        type Error = Infallible;

        fn poll_frame(
            mut self: Pin<&mut Self>,
            cx: &mut Context<'_>,
        ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
            let Some((seconds, piece)) = self.pieces.front().copied() else {
                return Poll::Pending;
            };
            let pause = Duration::from_secs(seconds);
            let next = &mut self.next;
            let next = next.get_or_insert_with(|| Box::pin(tokio::time::sleep(pause)));
            std::task::ready!(next.as_mut().poll(cx));
            self.next = None;
            self.pieces.pop_front();
            Poll::Ready(Some(Ok(Frame::data(Bytes::from_static(piece)))))
        }
    }

    /// How long a request is borne that sends these pieces; `None` when it is for a day.
    async fn borne(kind: Request, pieces: &[(u64, &'static [u8])]) -> Option<Duration> {
        let call = Arc::new(Call::default());
        let source = Source::from(IpAddr::from([10, 0, 0, 1]));
        let slow = Slow {
            pieces: pieces.iter().copied().collect(),
            next: None,
        };
        let mut sent = sent(slow, kind, &call, source, &Arc::new(Counters::new()));
        let begun = Instant::now();
        let all = async { while let Some(Ok(_)) = sent.frame().await {} };
        let day = Duration::from_secs(86_400);
        let ended = tokio::time::timeout(day, all).await.is_ok();
        assert_eq!(call.problem(), ended.then_some(Problem::Unfinished));
        ended.then(|| begun.elapsed())
    }

    const WHOLE: &[u8] = &[0, 0, 0, 0, 2, b'h', b'i'];

    #[tokio::test(start_paused = true)]
    async fn a_request_of_one_message_has_to_end() {
        let limit = Some(limits::MESSAGE_TIME_MAX);
        let message = Request::Message;
        assert_eq!(borne(message, &[]).await, limit);
        assert_eq!(borne(message, &[(0, WHOLE)]).await, limit);
        let trickle = [(50, &WHOLE[..1]); 5];
        assert_eq!(borne(message, &trickle).await, limit);
    }

    #[tokio::test(start_paused = true)]
    async fn a_stream_may_rest_between_messages_only() {
        let stream = Request::Stream;
        assert_eq!(borne(stream, &[]).await, None);
        assert_eq!(borne(stream, &[(500, WHOLE), (500, WHOLE)]).await, None);
        let cut = [(500, WHOLE), (500, &WHOLE[..6])];
        let expected = Duration::from_secs(1000) + limits::MESSAGE_TIME_MAX;
        assert_eq!(borne(stream, &cut).await, Some(expected));
    }
}
