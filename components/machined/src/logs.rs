//! What services say, kept in memory.
//!
//! Each service has a ring of chunks. A chunk holds whole lines; the oldest chunk goes when the
//! ring is full. An idle service costs what it has said, and nothing when it has said nothing.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use tokio::sync::Notify;

/// How much of each service is kept.
const RING_BYTES: usize = 512 * 1024;
/// The last chunk is closed when it has this size.
const CHUNK_BYTES: usize = 16 * 1024;

/// The logs of all services. Cloning shares them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Logs {
    rings: Arc<Mutex<BTreeMap<String, Arc<Ring>>>>,
}

impl Logs {
    /// The log of a service; it begins to exist with this call.
    pub(crate) fn ring(&self, service: &str) -> Arc<Ring> {
        let mut rings = self.lock();
        if let Some(ring) = rings.get(service) {
            return Arc::clone(ring);
        }
        let ring = Arc::<Ring>::default();
        rings.insert(service.to_owned(), Arc::clone(&ring));
        ring
    }

    /// The log of a service, if there is one.
    pub(crate) fn find(&self, service: &str) -> Option<Arc<Ring>> {
        self.lock().get(service).map(Arc::clone)
    }

    /// Names of all services that have a log, sorted.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().keys().cloned().collect()
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Arc<Ring>>> {
        self.rings.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The log of one service.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    content: Mutex<Content>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Content {
    /// Closed chunks, oldest first.
    chunks: VecDeque<Bytes>,
    /// The chunk that grows.
    open: Vec<u8>,
    /// How many bytes were ever written before `chunks`.
    dropped: u64,
}

impl Ring {
    /// Adds one line; a line break is added.
    pub(crate) fn add(&self, line: &str) {
        {
            let mut content = self.lock();
            content.open.extend_from_slice(line.as_bytes());
            content.open.push(b'\n');
            if content.open.len() >= CHUNK_BYTES {
                content.close();
            }
        }
        self.grown.notify_waiters();
    }

    /// What was written after a position, and the position after it. A reader that is too slow
    /// goes on with the oldest that is left.
    pub(crate) fn read(&self, position: u64) -> (Vec<Bytes>, u64) {
        let content = self.lock();
        let mut parts = Vec::new();
        let mut at = content.dropped;
        let open = Bytes::copy_from_slice(&content.open);
        for chunk in content.chunks.iter().chain([&open]) {
            let end = at + chunk.len() as u64;
            let skip = usize::try_from(position.saturating_sub(at)).unwrap_or(usize::MAX);
            if skip < chunk.len() {
                parts.push(chunk.slice(skip..));
            }
            at = end;
        }
        (parts, at)
    }

    /// The position from which on there are at most `lines` lines.
    pub(crate) fn tail(&self, lines: usize) -> u64 {
        let (parts, end) = self.read(0);
        let mut left = lines;
        let mut position = end;
        for part in parts.iter().rev() {
            for byte in part.iter().rev() {
                if *byte == b'\n' {
                    if left == 0 {
                        return position;
                    }
                    left -= 1;
                }
                position -= 1;
            }
        }
        position
    }

    /// Returns when there is something after a position.
    pub(crate) async fn wait(&self, position: u64) {
        loop {
            let grown = self.grown.notified();
            if self.lock().end() > position {
                return;
            }
            grown.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Content> {
        self.content.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Content {
    fn close(&mut self) {
        self.chunks
            .push_back(Bytes::from(std::mem::take(&mut self.open)));
        let mut size: usize = self.chunks.iter().map(Bytes::len).sum();
        while size > RING_BYTES {
            let Some(oldest) = self.chunks.pop_front() else {
                return;
            };
            size -= oldest.len();
            self.dropped += oldest.len() as u64;
        }
    }

    fn end(&self) -> u64 {
        let closed: usize = self.chunks.iter().map(Bytes::len).sum();
        self.dropped + (closed + self.open.len()) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(parts: &[Bytes]) -> String {
        String::from_utf8(parts.concat()).unwrap()
    }

    #[test]
    fn reads_on_from_a_position() {
        let ring = Ring::default();
        ring.add("one");
        let (parts, position) = ring.read(0);
        assert_eq!(text(&parts), "one\n");
        ring.add("two");
        assert_eq!(text(&ring.read(position).0), "two\n");
        assert!(ring.read(position + 4).0.is_empty());
    }

    #[test]
    fn is_bounded_and_a_slow_reader_goes_on_with_the_oldest() {
        let ring = Ring::default();
        let line = "x".repeat(1023);
        for _ in 0..2000 {
            ring.add(&line);
        }
        let (parts, end) = ring.read(0);
        let kept: usize = parts.iter().map(Bytes::len).sum();
        assert!(kept <= RING_BYTES + CHUNK_BYTES, "{kept}");
        assert_eq!(end, 2000 * 1024);
    }

    #[test]
    fn tail_counts_lines() {
        let ring = Ring::default();
        for line in ["a", "b", "c"] {
            ring.add(line);
        }
        assert_eq!(text(&ring.read(ring.tail(2)).0), "b\nc\n");
        assert_eq!(text(&ring.read(ring.tail(9)).0), "a\nb\nc\n");
        assert!(ring.read(ring.tail(0)).0.is_empty());
    }

    #[tokio::test]
    async fn waiting_ends_with_the_next_line() {
        let ring = Arc::new(Ring::default());
        let shared = Arc::clone(&ring);
        let waiting = tokio::spawn(async move { shared.wait(0).await });
        tokio::task::yield_now().await;
        ring.add("x");
        waiting.await.unwrap();
    }
}
