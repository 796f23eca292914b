//! Values whose YAML form is a text.

use std::fmt::{self, Display};
use std::str::FromStr;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Serialize, Serializer};

use super::wire::{Field, InvalidField};

/// `skip_serializing_if`: a value that is left out when it is not set.
pub(crate) fn unset<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// `serialize_with`: a missing value is an empty text.
pub(crate) fn or_empty<T: Display, S: Serializer>(
    value: &Option<T>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    match value {
        Some(value) => serializer.collect_str(value),
        None => serializer.serialize_str(""),
    }
}

/// `serialize_with`: bytes that are a text.
pub(crate) fn bytes_as_text<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&String::from_utf8_lossy(value))
}

/// `serialize_with`: bytes in base64.
pub(crate) fn base64<S: Serializer>(value: &[u8], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(&STANDARD.encode(value))
}

/// A link-layer address of any length, such as `52:54:00:12:34:56`; empty when a link has none.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct HardwareAddr(pub Vec<u8>);

impl Display for HardwareAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, byte) in self.0.iter().enumerate() {
            let separator = if index > 0 { ":" } else { "" };
            write!(f, "{separator}{byte:02x}")?;
        }
        Ok(())
    }
}

impl FromStr for HardwareAddr {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.is_empty() {
            return Ok(Self::default());
        }
        let byte = |pair| u8::from_str_radix(pair, 16);
        text.split(':')
            .map(byte)
            .collect::<Result<_, _>>()
            .map(Self)
    }
}

impl Serialize for HardwareAddr {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<W> Field<W> for HardwareAddr
where
    Vec<u8>: Field<W>,
{
    fn to_wire(&self) -> W {
        self.0.to_wire()
    }

    fn from_wire(wire: W) -> Result<Self, InvalidField> {
        Field::from_wire(wire).map(Self)
    }
}
