//! Templates with JSONPath in braces, in the dialect of kubectl: `{.a.b}`, `{.list[*].c}`,
//! `{range .list[*]}{.name}{"\n"}{end}`, `{.list[?(@.type=="Ready")].status}`.
//!
//! Source: Kubernetes, JSONPath Support.

mod parse;
mod pretty;
mod select;

use serde_json::Value;

pub use pretty::pretty;
use select::Walk;

/// A template may come from a node. More text than this is cut off, in bytes.
const TEXT_MAX: usize = 64 << 20;

/// Text with paths in it.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    parts: Vec<Part>,
}

/// A template cannot be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {}", at + 1)]
pub struct BadTemplate {
    at: usize,
    what: String,
}

#[derive(Clone, Debug, PartialEq)]
enum Part {
    Text(String),
    Path(Path),
    /// The parts within are written for each value of the path.
    Range(Path, Vec<Part>),
}

/// The way from a value to others.
#[derive(Clone, Debug, Default, PartialEq)]
struct Path {
    /// Whether it begins at the whole value, also within a range or filter.
    from_root: bool,
    steps: Vec<Step>,
}

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Index(i64),
    /// Elements from the first up to the second, which is left out.
    Slice {
        from: Option<i64>,
        to: Option<i64>,
        step: usize,
    },
    /// All elements or all values.
    Every,
    /// What several steps find, one after the other.
    Each(Vec<Step>),
    /// The value and everything below it.
    Descend,
    Filter(Filter),
}

#[derive(Clone, Debug, PartialEq)]
enum Filter {
    Exists(Path),
    Compare(Operand, Operator, Operand),
}

#[derive(Clone, Debug, PartialEq)]
enum Operand {
    Path(Path),
    Value(Value),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Operator {
    Equal,
    NotEqual,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Template {
    /// Understands a template.
    ///
    /// # Errors
    /// [`BadTemplate`], with the place.
    pub fn parse(text: &str) -> Result<Self, BadTemplate> {
        let parts = parse::template(text)?;
        Ok(Self { parts })
    }

    /// The text for a value; what is not there is empty, and several values are separated by blanks.
    /// A template that asks for too much gets a part of it: 64 MiB, from a million of values at most.
    pub fn text(&self, value: &Value) -> String {
        let mut text = String::new();
        write(&self.parts, &Walk::new(value), value, &mut text);
        text
    }

    /// The text as whole lines. When the template is one path and nothing else, each value has lines
    /// of its own.
    pub fn lines(&self, value: &Value) -> String {
        let mut text = String::new();
        if let [Part::Path(path)] = self.parts.as_slice() {
            for each in path.select(&Walk::new(value), value) {
                push(&mut text, &line(each));
            }
            return text;
        }
        text = self.text(value);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

fn write(parts: &[Part], walk: &Walk<'_>, current: &Value, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(piece) => push(text, piece),
            Part::Path(path) => {
                for (number, each) in path.select(walk, current).into_iter().enumerate() {
                    if number > 0 {
                        push(text, " ");
                    }
                    push(text, &plain(each));
                }
            }
            Part::Range(path, parts) => {
                for each in path.select(walk, current) {
                    write(parts, walk, each, text);
                }
            }
        }
    }
}

fn push(text: &mut String, piece: &str) {
    if text.len() + piece.len() <= TEXT_MAX {
        text.push_str(piece);
    }
}

fn line(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => pretty(value),
        scalar => plain(scalar) + "\n",
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests;
