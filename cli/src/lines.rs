//! Text of nodes, line by line.

use crate::plain;

/// A line that is longer is cut, so that one without an end does not fill the memory. Nodes cut lines
/// of logs at 16 KiB.
const LINE_BYTES_MAX: usize = 64 << 10;

/// Puts the node's name before each line of what comes in pieces.
#[derive(Debug)]
pub(crate) struct Lines {
    node: String,
    /// The beginning of a line whose end has not come yet.
    rest: Vec<u8>,
}

impl Lines {
    pub(crate) fn new(node: &str) -> Self {
        Self {
            node: node.to_owned(),
            rest: Vec::new(),
        }
    }

    /// The lines that end in a piece.
    pub(crate) fn add(&mut self, piece: &[u8]) -> String {
        let mut text = String::new();
        for part in piece.split_inclusive(|byte| *byte == b'\n') {
            self.rest.extend(part);
            if part.ends_with(b"\n") || self.rest.len() >= LINE_BYTES_MAX {
                text.push_str(&self.end());
            }
        }
        text
    }

    /// The last line, when it has no end.
    pub(crate) fn end(&mut self) -> String {
        match self.rest.is_empty() {
            true => String::new(),
            false => {
                let line = std::mem::take(&mut self.rest);
                let line = String::from_utf8_lossy(&line);
                let line = line.trim_end_matches(['\n', '\r']);
                format!("{}: {}\n", self.node, plain::lines(line))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{LINE_BYTES_MAX, Lines};

    #[test]
    fn lines_may_come_in_pieces() {
        let mut lines = Lines::new("n");
        assert_eq!(lines.add(b"a\nb"), "n: a\n");
        assert_eq!(lines.add(b"c\n\nd\xff"), "n: bc\nn: \n");
        assert_eq!(lines.end(), "n: d\u{fffd}\n");
        assert_eq!(lines.end(), "");
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let mut lines = Lines::new("n");
        let piece = [b'x'; LINE_BYTES_MAX / 2];
        assert_eq!(lines.add(&piece), "");
        assert_eq!(lines.add(&piece).len(), LINE_BYTES_MAX + "n: \n".len());
        assert_eq!(lines.add(b"y\n"), "n: y\n");
    }

    #[test]
    fn lines_do_not_move_the_cursor() {
        let mut lines = Lines::new("n");
        assert_eq!(lines.add(b"a\tb\x1b[2Jc\r\n"), "n: a\tb [2Jc\n");
    }
}
