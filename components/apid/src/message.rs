//! The sizes of messages, seen in a stream of bytes that passes by.

use crate::limits;

/// One byte that tells whether the message is compressed, and four of its length.
///
/// Source: gRPC over HTTP/2, Length-Prefixed-Message.
const PREFIX: usize = 5;

/// A message begins that is larger than [`limits::MESSAGE_LARGE`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Large {
    pub(crate) bytes: u32,
}

/// Walks from one length to the next. No byte of a message is kept.
#[derive(Debug, Default)]
pub(crate) struct Lengths {
    prefix: [u8; PREFIX],
    prefix_len: usize,
    /// Bytes of the message that are still to come.
    rest: usize,
    /// Messages that have begun.
    count: u64,
}

impl Lengths {
    /// Messages that have begun.
    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Whether no message is on its way.
    pub(crate) fn is_between(&self) -> bool {
        self.rest == 0 && self.prefix_len == 0
    }

    /// Goes on with what passes. Tells of the largest message that begins in it, when it is large.
    pub(crate) fn pass(&mut self, mut bytes: &[u8]) -> Option<Large> {
        let mut largest = 0;
        while !bytes.is_empty() {
            let (message, after) = bytes.split_at(self.rest.min(bytes.len()));
            self.rest -= message.len();
            let wanted = PREFIX - self.prefix_len;
            let (own, after) = after.split_at(wanted.min(after.len()));
            if let Some(space) = self.prefix.get_mut(self.prefix_len..) {
                space.iter_mut().zip(own).for_each(|(to, from)| *to = *from);
            }
            self.prefix_len += own.len();
            bytes = after;
            if self.prefix_len == PREFIX {
                self.prefix_len = 0;
                self.count += 1;
                let [_compressed, length @ ..] = self.prefix;
                let length = u32::from_be_bytes(length);
                self.rest = usize::try_from(length).unwrap_or(usize::MAX);
                largest = largest.max(length);
            }
        }
        (largest > limits::MESSAGE_LARGE).then_some(Large { bytes: largest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(length: u32) -> Vec<u8> {
        let mut bytes = vec![0];
        bytes.extend(length.to_be_bytes());
        // Content that looks like a prefix of something large.
        bytes.resize(PREFIX + length as usize, 0xff);
        bytes
    }

    #[test]
    fn only_lengths_are_looked_at() {
        let bytes = [message(0), message(3), message(70_000), message(5)].concat();
        for size in [1, 3, 5, 8, 16_384, bytes.len()] {
            let mut lengths = Lengths::default();
            let pieces = bytes.chunks(size);
            let seen: Vec<_> = pieces.filter_map(|piece| lengths.pass(piece)).collect();
            assert_eq!(seen, [Large { bytes: 70_000 }], "pieces of {size}");
        }
    }

    #[test]
    fn a_length_is_known_before_its_message() {
        let prefix = [0, 0xff, 0xff, 0xff, 0xff];
        let seen = Lengths::default().pass(&prefix);
        assert_eq!(seen, Some(Large { bytes: u32::MAX }));
    }
}
