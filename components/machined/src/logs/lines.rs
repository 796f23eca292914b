//! Lines of a stream, read into bounded memory.

use std::io;

use tokio::io::{AsyncBufRead, AsyncBufReadExt};

use super::LINE_BYTES_MAX;

/// How much of a line is kept: what its log takes, and the rest of a character that is cut there.
const KEPT_BYTES_MAX: usize = LINE_BYTES_MAX + 3;

/// The next line without its break; `None` at the end. What is beyond the limit is read, so that the
/// writer goes on, and forgotten.
///
/// # Errors
/// Those of the stream.
pub(crate) async fn next_line(
    stream: &mut (impl AsyncBufRead + Unpin),
) -> io::Result<Option<Vec<u8>>> {
    let mut line = Vec::new();
    let mut is_begun = false;
    loop {
        let part = stream.fill_buf().await?;
        if part.is_empty() {
            return Ok(is_begun.then_some(line));
        }
        is_begun = true;
        let end = part.iter().position(|byte| *byte == b'\n');
        let text = part.get(..end.unwrap_or(part.len())).unwrap_or_default();
        let room = KEPT_BYTES_MAX - line.len();
        line.extend_from_slice(text.get(..room).unwrap_or(text));
        let read = text.len() + usize::from(end.is_some());
        stream.consume(read);
        if end.is_some() {
            return Ok(Some(line));
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, BufReader, repeat};

    use super::*;

    async fn lines(text: &[u8], buffer_bytes: usize) -> Vec<Vec<u8>> {
        let mut stream = BufReader::with_capacity(buffer_bytes, text);
        let mut lines = Vec::new();
        while let Some(line) = next_line(&mut stream).await.unwrap() {
            lines.push(line);
        }
        lines
    }

    #[tokio::test]
    async fn lines_are_the_same_however_they_come() {
        for buffer_bytes in [1, 2, 3, 100] {
            let lines = lines(b"one\n\ntwo\nrest", buffer_bytes).await;
            let expected: [&[u8]; 4] = [b"one", b"", b"two", b"rest"];
            assert_eq!(lines, expected);
            assert!(self::lines(b"", buffer_bytes).await.is_empty());
        }
    }

    #[tokio::test]
    async fn a_line_without_an_end_takes_bounded_memory() {
        let endless = repeat(b'x').take(1 << 24);
        let mut stream = BufReader::new(endless.chain(&b"\nnext\n"[..]));
        let line = next_line(&mut stream).await.unwrap().unwrap();
        assert_eq!(line.len(), KEPT_BYTES_MAX);
        assert!(line.capacity() <= 2 * KEPT_BYTES_MAX, "{}", line.capacity());
        assert_eq!(next_line(&mut stream).await.unwrap().unwrap(), b"next");
    }
}
