//! JSON as tools print it.

use serde::Serialize;
use serde_json::Value;
use serde_json::ser::{PrettyFormatter, Serializer};

/// A value on lines of its own, indented by four.
pub fn pretty(value: &Value) -> String {
    let mut bytes = Vec::new();
    let formatter = PrettyFormatter::with_indent(b"    ");
    let written = value.serialize(&mut Serializer::with_formatter(&mut bytes, formatter));
    match written {
        Ok(()) => String::from_utf8_lossy(&bytes).into_owned() + "\n",
        // A value that is in memory can always be written there.
        Err(_never) => value.to_string() + "\n",
    }
}
