//! Text of nodes, without what a terminal would take as a command.

/// A text of lines: tabs and ends of lines stay.
pub(crate) fn lines(text: &str) -> String {
    text.replace(
        |letter: char| letter.is_control() && !matches!(letter, '\t' | '\n'),
        " ",
    )
}

/// A text in one line.
pub(crate) fn line(text: &str) -> String {
    text.replace(char::is_control, " ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_moves_the_cursor_is_blank() {
        let text = "a\tb\n\u{1b}[2J\u{9b}c\r\u{7f}";
        assert_eq!(lines(text), "a\tb\n [2J c  ");
        assert_eq!(line(text), "a b  [2J c  ");
    }
}
