//! What services say, kept in memory.
//!
//! Each service has a ring of chunks. A chunk holds whole lines, each with the time at which it
//! came, and is compressed when it is full; the oldest chunk goes when the ring is full. A service
//! takes at most [`RING_BYTES`] for full chunks and [`CHUNK_BYTES`] with one line for the chunk that
//! grows. An idle service costs what it has said, and nothing when it has said nothing.

mod chunk;
pub(crate) mod lines;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;
use jiff::Timestamp;
use tokio::sync::Notify;

use chunk::Chunk;

/// How much memory the full chunks of a service may take: about 1 MB of usual lines.
const RING_BYTES: usize = 128 * 1024;
/// A chunk is full when it has this size. Smaller ones compress worse.
const CHUNK_BYTES: usize = 32 * 1024;
/// What is longer is cut: a service that writes no line breaks must not fill the memory.
const LINE_BYTES_MAX: usize = 16 * 1024;

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

/// The log of one service. Positions count the bytes of its lines from the first one on.
#[derive(Debug, Default)]
pub(crate) struct Ring {
    content: Mutex<Content>,
    grown: Notify,
}

#[derive(Debug, Default)]
struct Content {
    /// Full chunks, oldest first.
    chunks: VecDeque<Chunk>,
    /// The chunk that grows.
    open: Vec<u8>,
    /// Position of the first byte of `chunks`.
    start: u64,
    /// Memory that `chunks` take.
    stored: usize,
}

impl Ring {
    /// Adds one line that came now; a line break is added.
    pub(crate) fn add(&self, line: &str) {
        self.add_at(Timestamp::now(), line);
    }

    fn add_at(&self, time: Timestamp, line: &str) {
        let line = line.get(..line.floor_char_boundary(LINE_BYTES_MAX));
        let line = line.unwrap_or_default().trim_end();
        let line = format!("{time:.3} {line}\n");
        {
            let mut content = self.lock();
            content.open.extend_from_slice(line.as_bytes());
            if content.open.len() >= CHUNK_BYTES {
                content.close();
            }
        }
        self.grown.notify_waiters();
    }

    /// The first part after a position, and the position after that part; `None` when there is
    /// nothing. A reader that is too slow goes on with the oldest that is left.
    pub(crate) fn next(&self, position: u64) -> Option<(Bytes, u64)> {
        let (chunk, start) = self.lock().chunk_after(position)?;
        let end = start + chunk.length() as u64;
        let lines = chunk.lines();
        let skip = usize::try_from(position.saturating_sub(start)).unwrap_or(usize::MAX);
        Some((lines.slice(skip.min(lines.len())..), end))
    }

    /// The position from which on there are at most `count` lines.
    pub(crate) fn tail(&self, count: usize) -> u64 {
        let (chunks, mut position) = {
            let content = self.lock();
            let open = Chunk::raw(content.open.clone());
            let chunks: Vec<_> = content.chunks.iter().cloned().chain([open]).collect();
            (chunks, content.end())
        };
        let mut left = count;
        for chunk in chunks.iter().rev() {
            for byte in chunk.lines().iter().rev() {
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

    /// The position after all that was said.
    pub(crate) fn end(&self) -> u64 {
        self.lock().end()
    }

    /// Returns when there is something after a position.
    pub(crate) async fn wait(&self, position: u64) {
        loop {
            let grown = self.grown.notified();
            if self.end() > position {
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
    /// The chunk in which a position lies, or the first one after it, and where it starts.
    fn chunk_after(&self, position: u64) -> Option<(Chunk, u64)> {
        let mut start = self.start;
        for chunk in &self.chunks {
            let end = start + chunk.length() as u64;
            if position < end {
                return Some((chunk.clone(), start));
            }
            start = end;
        }
        (position < self.end()).then(|| (Chunk::raw(self.open.clone()), start))
    }

    fn close(&mut self) {
        let chunk = Chunk::compress(std::mem::take(&mut self.open));
        self.stored += chunk.stored();
        self.chunks.push_back(chunk);
        while self.stored > RING_BYTES {
            let Some(oldest) = self.chunks.pop_front() else {
                return;
            };
            self.stored -= oldest.stored();
            self.start += oldest.length() as u64;
        }
    }

    fn end(&self) -> u64 {
        let closed: usize = self.chunks.iter().map(Chunk::length).sum();
        self.start + (closed + self.open.len()) as u64
    }
}

#[cfg(test)]
mod tests;
