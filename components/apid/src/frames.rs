//! Where HTTP/2 frames begin and end, and how many of them carry nothing.
//!
//! What is in a frame is not looked at.
//!
//! Source: RFC 9113, sections 3.4, 4.1 and 6.

/// `PRI * HTTP/2.0` and what follows it: how a client begins.
const PREFACE: usize = 24;
const HEADER: usize = 9;

const DATA: u8 = 0x0;
const HEADERS: u8 = 0x1;
const RST_STREAM: u8 = 0x3;
const CONTINUATION: u8 = 0x9;
/// The block of headers ends with this frame.
const END_HEADERS: u8 = 0x4;

/// What was seen in some bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Seen {
    /// Frames that began and carry neither a call nor its data: pings, settings, windows,
    /// priorities, empty data, continued headers.
    pub(crate) idle: u32,
    /// Calls that were taken back.
    pub(crate) resets: u32,
    /// Calls that began.
    pub(crate) calls: usize,
    /// The longest block of headers, in bytes, as far as its frames have announced it.
    pub(crate) block_len: usize,
}

/// Reads the frames of a client, in whatever pieces they come.
#[derive(Debug)]
pub(crate) struct Frames {
    header: [u8; HEADER],
    header_len: usize,
    /// Bytes of the preface or of a payload that are still to come.
    rest: usize,
    /// Whether a block of headers goes on in the next frame.
    in_block: bool,
    /// Bytes of the block of headers so far.
    block_len: usize,
    /// Whole frames, or blocks of headers, so far.
    complete: u64,
}

impl Frames {
    /// Before the preface.
    pub(crate) fn new() -> Self {
        Self {
            header: [0; HEADER],
            header_len: 0,
            rest: PREFACE,
            in_block: false,
            block_len: 0,
            complete: 0,
        }
    }

    /// Goes on with what was read.
    pub(crate) fn read(&mut self, mut bytes: &[u8]) -> Seen {
        let mut seen = Seen::default();
        while !bytes.is_empty() {
            if self.rest > 0 {
                let (payload, after) = bytes.split_at(self.rest.min(bytes.len()));
                self.rest -= payload.len();
                bytes = after;
                self.count_complete();
                continue;
            }
            let wanted = HEADER - self.header_len;
            let (own, after) = bytes.split_at(wanted.min(bytes.len()));
            if let Some(space) = self.header.get_mut(self.header_len..) {
                space.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
            }
            self.header_len += own.len();
            bytes = after;
            if self.header_len == HEADER {
                self.header_len = 0;
                self.begin();
                let [_, _, _, kind, ..] = self.header;
                match kind {
                    HEADERS => seen.calls += 1,
                    RST_STREAM => seen.resets += 1,
                    DATA if self.rest > 0 => {}
                    _ => seen.idle += 1,
                }
                seen.block_len = seen.block_len.max(self.block_len);
            }
        }
        seen
    }

    /// Whether nothing has begun that is not complete.
    pub(crate) fn is_between(&self) -> bool {
        self.rest == 0 && self.header_len == 0 && !self.in_block
    }

    /// Frames so far: it moves on when what had begun is complete.
    pub(crate) fn complete(&self) -> u64 {
        self.complete
    }

    /// Takes the header of a frame.
    fn begin(&mut self) {
        let [high, middle, low, kind, flags, ..] = self.header;
        self.rest = usize::from(high) << 16 | usize::from(middle) << 8 | usize::from(low);
        let is_block = matches!(kind, HEADERS | CONTINUATION);
        let before = if self.in_block { self.block_len } else { 0 };
        self.block_len = if is_block { before + self.rest } else { 0 };
        self.in_block = is_block && flags & END_HEADERS == 0;
        self.count_complete();
    }

    fn count_complete(&mut self) {
        if self.is_between() {
            self.complete += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, flags: u8, payload: usize) -> Vec<u8> {
        let length = u32::try_from(payload).unwrap().to_be_bytes();
        let mut bytes = length[1..].to_vec();
        bytes.extend([kind, flags, 0, 0, 0, 1]);
        bytes.resize(HEADER + payload, 0xff);
        bytes
    }

    fn client() -> Vec<u8> {
        let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec();
        bytes.extend(frame(0x4, 0, 12)); // SETTINGS
        bytes.extend(frame(HEADERS, 0, 100));
        bytes.extend(frame(CONTINUATION, END_HEADERS, 7));
        bytes.extend(frame(DATA, 0, 20_000));
        bytes.extend(frame(DATA, 1, 0));
        bytes.extend(frame(0x6, 0, 8)); // PING
        bytes.extend(frame(RST_STREAM, 0, 4));
        bytes
    }

    #[test]
    fn pieces_make_no_difference() {
        let bytes = client();
        for size in [1, 2, 7, 9, 24, 100, bytes.len()] {
            let mut frames = Frames::new();
            let seen: Vec<_> = bytes.chunks(size).map(|piece| frames.read(piece)).collect();
            let idle: u32 = seen.iter().map(|seen| seen.idle).sum();
            assert_eq!(idle, 4, "pieces of {size}");
            let resets: u32 = seen.iter().map(|seen| seen.resets).sum();
            assert_eq!(resets, 1, "pieces of {size}");
            let calls: usize = seen.iter().map(|seen| seen.calls).sum();
            assert_eq!(calls, 1, "pieces of {size}");
            let longest = seen.iter().map(|seen| seen.block_len).max();
            assert_eq!(longest, Some(107), "pieces of {size}");
            assert!(frames.is_between());
            // The preface, and a block of headers in two frames.
            assert_eq!(frames.complete(), 7, "pieces of {size}");
        }
    }

    #[test]
    fn what_has_begun_is_not_between() {
        let mut frames = Frames::new();
        assert!(!frames.is_between(), "the preface");
        frames.read(&[0; 24]);
        assert!(frames.is_between());
        frames.read(&frame(HEADERS, 0, 5));
        assert!(!frames.is_between(), "headers that go on");
        frames.read(&frame(CONTINUATION, END_HEADERS, 0));
        assert!(frames.is_between());
        frames.read(&frame(DATA, 0, 5)[..12]);
        assert!(!frames.is_between(), "half of a frame");
    }
}
