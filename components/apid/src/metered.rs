//! A client's connection, which ends when the client only keeps it busy, or holds it up.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::task::coop;
use tokio::time::Instant;

use crate::deadline::Deadline;
use crate::frames::Frames;
use crate::limits::{self, Rate};

/// Why a connection is ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Abuse {
    #[error("the client sends frames that carry nothing, and too many of them")]
    Flood,
    #[error("the client takes back too many calls")]
    Resets,
    #[error("the client sends headers that are too long")]
    LongHeaders,
    #[error("the client does not go on with what it has begun")]
    Unfinished,
    #[error("the client does not take what it is sent")]
    NotReading,
}

/// Reads and writes through to a connection, and counts.
#[derive(Debug)]
pub(crate) struct Metered<S> {
    inner: S,
    frames: Frames,
    idle: Allowance,
    resets: Allowance,
    begun: Deadline,
    unsent: Deadline,
}

impl<S> Metered<S> {
    pub(crate) fn new(inner: S) -> Self {
        Self {
            inner,
            frames: Frames::new(),
            idle: Allowance::new(limits::IDLE_FRAMES),
            resets: Allowance::new(limits::RESETS),
            begun: Deadline::default(),
            unsent: Deadline::default(),
        }
    }

    /// Nothing came. Is that as it should be?
    fn check_begun(&mut self, cx: &mut Context<'_>) -> io::Result<()> {
        let mark = (!self.frames.is_between()).then(|| self.frames.complete());
        match self.begun.has_passed(mark, limits::BEGUN_MAX, cx) {
            true => Err(ended(Abuse::Unfinished)),
            false => Ok(()),
        }
    }

    /// Notes whether all that was to be sent has gone. One deadline holds from when it stopped to
    /// when all has gone, so that a byte now and then does not help.
    fn check_sent<T>(
        &mut self,
        cx: &mut Context<'_>,
        flushed: bool,
        sent: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        let mark = match &sent {
            Poll::Pending => Some(0),
            Poll::Ready(_) if flushed => None,
            Poll::Ready(_) => return sent,
        };
        match self.unsent.has_passed(mark, limits::UNSENT_MAX, cx) {
            true => Poll::Ready(Err(ended(Abuse::NotReading))),
            false => sent,
        }
    }
}

/// Counts against the turn of this task: others have theirs after so many steps, not only when there
/// is nothing more to be read.
fn use_up(steps: usize, cx: &mut Context<'_>) {
    for _ in 0..steps {
        match coop::poll_proceed(cx) {
            Poll::Ready(step) => step.made_progress(),
            Poll::Pending => return,
        }
    }
}

fn ended(abuse: Abuse) -> io::Error {
    io::Error::new(io::ErrorKind::ConnectionAborted, abuse)
}

impl<S: AsyncRead + Unpin> AsyncRead for Metered<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(coop::poll_proceed(cx)).made_progress();
        // Little at a time, so that the turn ends soon after it is used up.
        let space = buffer.remaining().min(limits::SLICE);
        let mut slice = ReadBuf::new(buffer.initialize_unfilled_to(space));
        let read = Pin::new(&mut self.inner).poll_read(cx, &mut slice)?;
        if read.is_pending() {
            self.check_begun(cx)?;
            return Poll::Pending;
        }
        let seen = self.frames.read(slice.filled());
        let count = slice.filled().len();
        buffer.advance(count);
        use_up(
            count / limits::BYTES_PER_STEP + seen.calls * limits::STEPS_PER_CALL,
            cx,
        );
        if seen.block_len > limits::HEADERS_MAX as usize {
            return Poll::Ready(Err(ended(Abuse::LongHeaders)));
        }
        if !self.idle.take(seen.idle) {
            return Poll::Ready(Err(ended(Abuse::Flood)));
        }
        if !self.resets.take(seen.resets) {
            return Poll::Ready(Err(ended(Abuse::Resets)));
        }
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Metered<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.inner).poll_write(cx, bytes);
        if let Poll::Ready(Ok(count)) = &sent {
            self.idle.earn(*count);
        }
        self.check_sent(cx, false, sent)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = Pin::new(&mut self.inner).poll_write_vectored(cx, slices);
        if let Poll::Ready(Ok(count)) = &sent {
            self.idle.earn(*count);
        }
        self.check_sent(cx, false, sent)
    }

    fn is_write_vectored(&self) -> bool {
        self.inner.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.inner).poll_flush(cx);
        self.check_sent(cx, true, sent)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let sent = Pin::new(&mut self.inner).poll_shutdown(cx);
        self.check_sent(cx, true, sent)
    }
}

/// How many frames of a kind a client may still send. It grows with time, and with what the client
/// is sent: who receives much has windows to open.
#[derive(Debug)]
struct Allowance {
    rate: Rate,
    left: u32,
    /// Bytes that were sent and have not become frames yet.
    bytes: usize,
    since: Instant,
}

impl Allowance {
    fn new(rate: Rate) -> Self {
        Self {
            rate,
            left: rate.at_once,
            bytes: 0,
            since: Instant::now(),
        }
    }

    fn earn(&mut self, bytes: usize) {
        self.bytes = self.bytes.saturating_add(bytes);
    }

    fn take(&mut self, frames: u32) -> bool {
        if frames == 0 {
            return true;
        }
        let seconds = self.since.elapsed().as_secs();
        self.since += Duration::from_secs(seconds);
        let by_time = seconds.saturating_mul(self.rate.per_second.into());
        let by_bytes = self.bytes / limits::BYTES_PER_IDLE_FRAME;
        self.bytes %= limits::BYTES_PER_IDLE_FRAME;
        let earned = by_time.saturating_add(by_bytes as u64);
        let earned = u32::try_from(earned).unwrap_or(u32::MAX);
        self.left = self.left.saturating_add(earned).min(self.rate.at_once);
        let left = self.left.checked_sub(frames);
        self.left = left.unwrap_or(0);
        left.is_some()
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::advance;

    use super::*;

    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    const PING: [u8; 17] = [0, 0, 8, 6, 0, 0, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8];

    async fn pair() -> (Metered<DuplexStream>, DuplexStream) {
        let (server, mut client) = duplex(1024);
        let mut metered = Metered::new(server);
        client.write_all(PREFACE).await.unwrap();
        metered.read_exact(&mut [0; 24]).await.unwrap();
        (metered, client)
    }

    fn abuse(error: &io::Error) -> Option<&Abuse> {
        error.get_ref()?.downcast_ref()
    }

    /// Pings until the connection is ended, and counts them.
    async fn flood(metered: &mut Metered<DuplexStream>, client: &mut DuplexStream) -> u32 {
        let mut count = 0;
        loop {
            client.write_all(&PING).await.unwrap();
            if let Err(error) = metered.read_exact(&mut [0; PING.len()]).await {
                assert_eq!(abuse(&error), Some(&Abuse::Flood));
                return count;
            }
            count += 1;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_flood_ends() {
        let (mut metered, mut client) = pair().await;
        assert_eq!(flood(&mut metered, &mut client).await, 1024);
        advance(Duration::from_millis(2500)).await;
        assert_eq!(flood(&mut metered, &mut client).await, 256);
    }

    #[tokio::test(start_paused = true)]
    async fn whoever_receives_much_may_send_more() {
        let (mut metered, mut client) = pair().await;
        flood(&mut metered, &mut client).await;
        metered.write_all(&[0; 640]).await.unwrap();
        assert_eq!(flood(&mut metered, &mut client).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_an_abuse_only_in_the_middle() {
        let (mut metered, mut client) = pair().await;
        let mut buffer = [0; 64];
        let silent = tokio::time::timeout(Duration::from_secs(3600), metered.read(&mut buffer));
        assert!(silent.await.is_err(), "between frames nothing is awaited");
        client.write_all(&PING[..12]).await.unwrap();
        metered.read_exact(&mut buffer[..12]).await.unwrap();
        let begun = Instant::now();
        let error = metered.read(&mut buffer).await.unwrap_err();
        assert_eq!(abuse(&error), Some(&Abuse::Unfinished));
        assert_eq!(begun.elapsed(), limits::BEGUN_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn a_byte_now_and_then_is_no_progress() {
        let (server, mut client) = duplex(1024);
        let mut metered = Metered::new(server);
        let trickle = tokio::spawn(async move {
            for byte in PREFACE {
                client.write_all(&[*byte]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(5)).await;
            }
        });
        let begun = Instant::now();
        let error = metered.read_exact(&mut [0; 24]).await.unwrap_err();
        assert_eq!(abuse(&error), Some(&Abuse::Unfinished));
        assert_eq!(begun.elapsed(), limits::BEGUN_MAX);
        trickle.abort();
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_reads_a_little_holds_nothing_up_for_ever() {
        let (mut metered, mut client) = pair().await;
        let reader = tokio::spawn(async move {
            loop {
                client.read_exact(&mut [0]).await.unwrap();
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        });
        let begun = Instant::now();
        let error = metered.write_all(&[0; 4096]).await.unwrap_err();
        assert_eq!(abuse(&error), Some(&Abuse::NotReading));
        assert_eq!(begun.elapsed(), limits::UNSENT_MAX);
        reader.abort();
    }
}
