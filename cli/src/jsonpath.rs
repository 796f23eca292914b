//! Templates with JSONPath in braces, in the dialect of kubectl: `{.a.b}`, `{.list[*].c}`,
//! `{range .list[*]}{.name}{"\n"}{end}`, `{.list[?(@.type=="Ready")].status}`.
//!
//! Source: Kubernetes, JSONPath Support.

mod parse;
mod select;

use serde_json::Value;

/// Text with paths in it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Template {
    parts: Vec<Part>,
}

/// A template cannot be understood.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at character {}", at + 1)]
pub(crate) struct BadTemplate {
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
    pub(crate) fn parse(text: &str) -> Result<Self, BadTemplate> {
        let parts = parse::template(text)?;
        Ok(Self { parts })
    }

    /// The text for a value; what is not there is empty, and several values are separated by blanks.
    pub(crate) fn text(&self, value: &Value) -> String {
        let mut text = String::new();
        write(&self.parts, value, value, &mut text);
        text
    }

    /// The text as whole lines. When the template is one path and nothing else, each value has lines
    /// of its own.
    pub(crate) fn lines(&self, value: &Value) -> String {
        if let [Part::Path(path)] = self.parts.as_slice() {
            let found = path.select(value, value);
            return found.into_iter().map(line).collect();
        }
        let mut text = self.text(value);
        if !text.ends_with('\n') {
            text.push('\n');
        }
        text
    }
}

fn write(parts: &[Part], root: &Value, current: &Value, text: &mut String) {
    for part in parts {
        match part {
            Part::Text(piece) => text.push_str(piece),
            Part::Path(path) => {
                let found = path.select(root, current).into_iter().map(plain);
                text.push_str(&found.collect::<Vec<_>>().join(" "));
            }
            Part::Range(path, parts) => {
                for each in path.select(root, current) {
                    write(parts, root, each, text);
                }
            }
        }
    }
}

fn line(value: &Value) -> String {
    match value {
        Value::Array(_) | Value::Object(_) => crate::json::pretty(value),
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
