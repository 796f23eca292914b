//! What keeps apid alive under abuse. Each number bounds memory or time.
//!
//! How much a client may take depends on where it comes from, not on who it says it is: a
//! [`Source`](crate::source::Source) is known before anything is encrypted or checked.

use std::time::Duration;

/// Descriptors that are asked for; with fewer there are fewer connections.
pub(crate) const DESCRIPTORS_WANTED: u64 = 8192;
/// How long a client may take for the TLS handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(10);
/// Connections whose handshake is not done, from one source. More end the oldest of them.
pub(crate) const HANDSHAKES_EACH_MAX: usize = 64;
/// Calls at the same time, from everywhere, from one source, and on one connection.
pub(crate) const CALLS_MAX: usize = 1024;
pub(crate) const CALLS_EACH_MAX: usize = 256;
pub(crate) const STREAMS_MAX: u32 = 128;
/// Headers of one call, in bytes, as they are sent and as they are meant.
pub(crate) const HEADERS_MAX: u32 = 16 * 1024;
/// A message that is sent to the node, in bytes.
pub(crate) const MESSAGE_MAX: u32 = 32 << 20;
/// Messages above this size are few at the same time, from everywhere and from one source: whoever
/// receives one keeps it in memory.
pub(crate) const MESSAGE_LARGE: u32 = 64 * 1024;
pub(crate) const LARGE_MAX: usize = 4;
pub(crate) const LARGE_EACH_MAX: usize = 2;
/// How long a client may take for a message, and for the end of a request that is one message: a
/// large configuration over a slow line takes some tens of seconds.
pub(crate) const MESSAGE_TIME_MAX: Duration = Duration::from_secs(120);
/// Streams that a client may reset before they are looked at; more is an attack.
pub(crate) const RESETS_UNSEEN_MAX: usize = 64;
/// Streams that a client may reset.
pub(crate) const RESETS: Rate = Rate {
    at_once: 256,
    per_second: 32,
};
/// Frames that carry nothing, and for how many bytes that are sent to the client there is one more.
pub(crate) const IDLE_FRAMES: Rate = Rate {
    at_once: 1024,
    per_second: 128,
};
pub(crate) const BYTES_PER_IDLE_FRAME: usize = 64;
/// A task has 128 steps before others have their turn. So many bytes from a client are one; a call
/// is so many. Bytes are taken in slices, after each of which the steps are counted.
pub(crate) const BYTES_PER_STEP: usize = 256;
pub(crate) const STEPS_PER_CALL: usize = 8;
pub(crate) const SLICE: usize = 2048;
/// How long a client may take for the preface, a frame, or a block of headers.
pub(crate) const BEGUN_MAX: Duration = Duration::from_secs(20);
/// How long the kernel may hold back what is to be sent, because the client does not read.
pub(crate) const UNSENT_MAX: Duration = Duration::from_secs(60);
/// How long a client may leave an answer where it is while it reads others. A person who reads
/// page by page takes minutes.
pub(crate) const STALLED_MAX: Duration = Duration::from_secs(600);
/// What waits to be sent on one stream, in bytes.
pub(crate) const SEND_BUFFER: usize = 16 * 1024;
/// How often a silent peer is asked whether it is there, and how long it may take to answer.
pub(crate) const PING_INTERVAL: Duration = Duration::from_secs(30);
pub(crate) const PING_TIMEOUT: Duration = Duration::from_secs(20);
/// Flow-control windows of clients: small enough that many slow streams stay cheap.
pub(crate) const STREAM_WINDOW: u32 = 128 * 1024;
pub(crate) const CONNECTION_WINDOW: u32 = 512 * 1024;
/// What a component may send on one stream before the client takes it, in bytes. Together they may
/// send all of that, so that one slow client holds up none of the others.
pub(crate) const ANSWER_WINDOW: u32 = 16 * 1024;
pub(crate) const ANSWERS_WINDOW: u32 = (1 << 31) - 1;
/// How long a call waits for a component that is being started again.
pub(crate) const COMPONENT_WAIT: Duration = Duration::from_secs(5);
/// Connections to a component that are kept open, and for how long without a call; calls of one
/// source share one.
pub(crate) const LANES_MAX: usize = 512;
pub(crate) const LANE_KEPT: Duration = Duration::from_secs(60);
/// How long calls may go on when apid is told to end.
pub(crate) const DRAIN: Duration = Duration::from_secs(3);

/// How many of something there may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Rate {
    /// At once, after a pause.
    pub(crate) at_once: u32,
    /// More, each second.
    pub(crate) per_second: u32,
}

/// How many connections there may be, which depends on the number of descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Connections {
    /// At the same time, from everywhere.
    pub(crate) total: usize,
    /// At the same time, from one source.
    pub(crate) each: usize,
    /// Those whose handshake is not done.
    pub(crate) handshakes: usize,
}

impl Connections {
    /// A quarter of the descriptors is left for everything else.
    pub(crate) fn with_descriptors(count: u64) -> Self {
        let count = usize::try_from(count).unwrap_or(usize::MAX);
        let total = (count / 2).clamp(16, 4096);
        Self {
            total,
            each: total / 8,
            handshakes: (count / 4).clamp(8, 256),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_leave_descriptors_for_the_rest() {
        for (count, total) in [(1 << 20, 4096), (8192, 4096), (1024, 512), (20, 16)] {
            let limits = Connections::with_descriptors(count);
            assert_eq!(limits.total, total, "{count}");
            assert!(limits.each * 8 == total && limits.handshakes >= 8);
        }
        let few = Connections::with_descriptors(1024);
        assert!(few.total + few.handshakes <= 768);
    }

    #[test]
    fn the_page_says_what_holds() {
        let page = include_str!("../../../docs/limits.md");
        let connections = Connections::with_descriptors(DESCRIPTORS_WANTED);
        let mebibytes = MESSAGE_MAX >> 20;
        let kibibytes = |bytes: u32| bytes >> 10;
        for row in [
            format!(
                "| connections | {} | {} |",
                connections.each, connections.total
            ),
            format!(
                "handshake | {HANDSHAKES_EACH_MAX} | {} |",
                connections.handshakes
            ),
            format!("| {CALLS_EACH_MAX} ({STREAMS_MAX} on a connection) | {CALLS_MAX} |"),
            format!("above {} KiB", kibibytes(MESSAGE_LARGE)),
            format!("at the same time | {LARGE_EACH_MAX} | {LARGE_MAX} |"),
            format!("| a message to the node | {mebibytes} MiB |"),
            format!("| headers of a call | {} KiB |", kibibytes(HEADERS_MAX)),
            format!("| TLS handshake | {} s |", HANDSHAKE.as_secs()),
            format!("a block of headers | {} s |", BEGUN_MAX.as_secs()),
            format!("from its connection | {} s |", UNSENT_MAX.as_secs()),
            format!("takes others | {} to", STALLED_MAX.as_secs() / 60),
            format!(
                "each {} s | {} s |",
                PING_INTERVAL.as_secs(),
                PING_TIMEOUT.as_secs()
            ),
            format!("| {} at once, {}/s |", RESETS.at_once, RESETS.per_second),
            format!(
                "| {} at once, {}/s,",
                IDLE_FRAMES.at_once, IDLE_FRAMES.per_second
            ),
            format!("each {BYTES_PER_IDLE_FRAME} bytes"),
            format!("apid ends | {} s |", DRAIN.as_secs()),
        ] {
            assert!(page.contains(&row), "docs/limits.md does not say {row:?}");
        }
    }
}
