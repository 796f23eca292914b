//! The kernel command line.
//!
//! Arguments are separated by blanks; a value may be quoted to hold some. Dashes and underscores
//! in names are different here, as they are for everyone but kernel modules.
//!
//! Source: Documentation/admin-guide/kernel-parameters.rst.

/// A parsed command line, in order and with repetitions.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cmdline {
    arguments: Vec<(String, Option<String>)>,
}

impl Cmdline {
    /// Reads a command line. Nothing is an error: an unclosed quote ends with the line.
    pub fn parse(text: &str) -> Self {
        Self {
            arguments: split(text)
                .iter()
                .map(|word| parse_argument(word))
                .collect(),
        }
    }

    /// The value of the last argument of that name; one without a value has the empty one.
    pub fn get(&self, name: &str) -> Option<&str> {
        let found = self.arguments.iter().rev().find(|(key, _)| key == name);
        found.map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// The values of all arguments of that name, in order.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.arguments
            .iter()
            .filter(move |(key, _)| key == name)
            .map(|(_, value)| value.as_deref().unwrap_or_default())
    }

    /// Whether there is an argument of that name, with or without a value.
    pub fn has(&self, name: &str) -> bool {
        self.arguments.iter().any(|(key, _)| key == name)
    }

    /// Names and values in order; `None` where there is no `=`.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        self.arguments
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_deref()))
    }
}

/// Words, with their quotes.
fn split(text: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word = String::new();
    let mut quoted = false;
    for character in text.chars() {
        if character == '"' {
            quoted = !quoted;
        }
        if character.is_whitespace() && !quoted {
            if !word.is_empty() {
                words.push(std::mem::take(&mut word));
            }
        } else {
            word.push(character);
        }
    }
    if !word.is_empty() {
        words.push(word);
    }
    words
}

/// Quotes may stand around the whole argument or around the value.
fn parse_argument(word: &str) -> (String, Option<String>) {
    let word = unquote(word);
    match word.split_once('=') {
        Some((name, value)) => (name.to_owned(), Some(unquote(value).to_owned())),
        None => (word.to_owned(), None),
    }
}

fn unquote(text: &str) -> &str {
    match text.strip_prefix('"') {
        Some(rest) => rest.strip_suffix('"').unwrap_or(rest),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_flags_values_and_repetitions() {
        let line = Cmdline::parse("quiet console=tty0 slab_nomerge= console=ttyS0\n");
        assert!(line.has("quiet") && line.has("slab_nomerge") && !line.has("loud"));
        assert_eq!(line.get("quiet"), Some(""));
        assert_eq!(line.get("console"), Some("ttyS0"));
        assert_eq!(line.all("console").collect::<Vec<_>>(), ["tty0", "ttyS0"]);
    }

    #[test]
    fn quotes_keep_blanks() {
        let line = Cmdline::parse(r#"a="b c" "d=e f" g=h"#);
        assert_eq!(line.get("a"), Some("b c"));
        assert_eq!(line.get("d"), Some("e f"));
        assert_eq!(line.get("g"), Some("h"));
    }

    #[test]
    fn an_unclosed_quote_ends_with_the_line() {
        assert_eq!(Cmdline::parse(r#"a="b c"#).get("a"), Some("b c"));
    }

    #[test]
    fn a_value_may_hold_equals_signs() {
        assert_eq!(Cmdline::parse("a=b=c").get("a"), Some("b=c"));
    }
}
