//! Text of nodes, line by line.

/// Where a line that does not end is cut: a node decides when it does.
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
                format!("{}: {}\n", self.node, harmless(line))
            }
        }
    }
}

/// Text without what a terminal would obey.
fn harmless(line: &str) -> String {
    let obeyed = |character: char| character.is_control() && character != '\t';
    line.replace(obeyed, "\u{fffd}")
}

#[cfg(test)]
mod tests {
    use super::Lines;

    #[test]
    fn lines_may_come_in_pieces() {
        let mut lines = Lines::new("n");
        assert_eq!(lines.add(b"a\nb"), "n: a\n");
        assert_eq!(lines.add(b"c\n\nd\xff"), "n: bc\nn: \n");
        assert_eq!(lines.end(), "n: d\u{fffd}\n");
        assert_eq!(lines.end(), "");
    }

    #[test]
    fn a_node_neither_commands_the_terminal_nor_fills_the_memory() {
        let mut lines = Lines::new("n");
        let shown = lines.add(b"a\tb\x1b]52;c;eA==\x07\r\n");
        assert_eq!(shown, "n: a\tb\u{fffd}]52;c;eA==\u{fffd}\n");
        let endless = vec![b'x'; 1000];
        for _ in 0..1000 {
            lines.add(&endless);
        }
        assert!(lines.rest.len() < super::LINE_BYTES_MAX);
    }
}
