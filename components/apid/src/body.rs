//! What a call sends and what it is answered, on their way through.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};
use http_body_util::BodyExt;
use http_body_util::combinators::UnsyncBoxBody;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tracing::debug;

use crate::call::{Call, Counters, Problem};
use crate::message::Lengths;
use crate::reply::{Code, trailers};
use crate::source::Source;

/// What ends a body before its end.
pub(crate) type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// A body that is passed on, or made here.
pub(crate) type PassedOn = UnsyncBoxBody<Bytes, BodyError>;

/// What the client sends. It ends with an error when a message is too large, and with the call.
struct Sent<B> {
    inner: B,
    lengths: Lengths,
    call: Arc<Call>,
    ended: Pin<Box<WaitForCancellationFutureOwned>>,
    source: Source,
    counters: Arc<Counters>,
}

/// Passes on what the client sends, as long as it keeps to the limits.
pub(crate) fn sent<B>(
    inner: B,
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
        lengths: Lengths::default(),
        call: Arc::clone(call),
        ended: Box::pin(call.ended().clone().cancelled_owned()),
        source,
        counters: Arc::clone(counters),
    };
    sent.boxed_unsync()
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
                    Some(problem) => (Code::ResourceExhausted, problem.text()),
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
        }
    }
}
