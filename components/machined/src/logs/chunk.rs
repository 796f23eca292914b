//! Lines that belong together, compressed when they are full.

use bytes::Bytes;

/// The fastest level: lines repeat so much that better ones gain little, and PID 1 waits meanwhile.
const LEVEL: i32 = 1;

/// Whole lines. Cloning shares them.
#[derive(Clone, Debug)]
pub(super) struct Chunk {
    stored: Bytes,
    /// Bytes of the lines; those that are stored as they are have the same size.
    length: usize,
}

impl Chunk {
    /// Keeps lines as they are.
    pub(super) fn raw(lines: Vec<u8>) -> Self {
        Self {
            length: lines.len(),
            stored: lines.into(),
        }
    }

    /// Keeps lines in less memory, if that is possible.
    pub(super) fn compress(lines: Vec<u8>) -> Self {
        match zstd::bulk::compress(&lines, LEVEL) {
            Ok(compressed) if compressed.len() < lines.len() => Self {
                length: lines.len(),
                // A copy of the right size: the compressor's buffer is as large as its input.
                stored: compressed.into_boxed_slice().into(),
            },
            _ => Self::raw(lines),
        }
    }

    /// Bytes of the lines.
    pub(super) fn length(&self) -> usize {
        self.length
    }

    /// Memory that they take.
    pub(super) fn stored(&self) -> usize {
        self.stored.len()
    }

    /// The lines themselves.
    pub(super) fn lines(&self) -> Bytes {
        if self.stored.len() == self.length {
            return self.stored.clone();
        }
        match zstd::bulk::decompress(&self.stored, self.length) {
            Ok(lines) => lines.into(),
            // Nothing but broken memory leads here.
            Err(error) => format!("(lines that cannot be read: {error})\n").into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_compressed_is_kept_as_it_is() {
        let chunk = Chunk::compress(b"x".to_vec());
        assert_eq!((chunk.stored(), chunk.length()), (1, 1));
        assert_eq!(chunk.lines(), "x");
        assert_eq!(Chunk::compress(Vec::new()).lines(), "");
    }

    #[test]
    fn lines_come_back_as_they_were() {
        let lines = "the same line\n".repeat(1000).into_bytes();
        let chunk = Chunk::compress(lines.clone());
        assert!(chunk.stored() * 10 < chunk.length());
        assert_eq!(chunk.lines(), lines);
    }
}
