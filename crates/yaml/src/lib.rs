//! YAML as people's tools expect it: an emitter for serde values.
//!
//! The layout is that of Go's YAML library (`go.yaml.in/yaml/v4`), because scripts and golden files
//! of others were made with it: mappings are indented by four, sequences are indented
//! below their key, strings are quoted only when a reader would take them for something else.

mod emit;
mod float;
mod node;
mod scalar;
mod text;

use serde::Serialize;

pub use node::{FLOW, PLAIN};
pub use text::{duration, duration_text};

/// A value could not be written as YAML.
#[derive(Debug, thiserror::Error)]
#[error("value cannot be written as YAML: {0}")]
pub struct EmitError(String);

impl serde::ser::Error for EmitError {
    fn custom<T: std::fmt::Display>(message: T) -> Self {
        Self(message.to_string())
    }
}

/// Writes a value as a YAML document without a leading `---`, ended by a newline.
///
/// A newtype struct whose serde name is [`PLAIN`] is written unquoted; a sequence within one that
/// is named [`FLOW`] is written on one line.
///
/// # Errors
/// [`EmitError`] for maps whose keys are not scalars, and what the value's own `Serialize` reports.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, EmitError> {
    Ok(emit::document(&value.serialize(node::Builder)?))
}

/// Writes a string as one YAML scalar, for a reader that expects it within a line.
pub fn quote(text: &str) -> String {
    let mut out = String::new();
    scalar::write_inline(&mut out, text, scalar::Place::Block);
    out
}

#[cfg(test)]
mod tests;
