//! Between Rust types and the generated messages.

use std::collections::{BTreeMap, HashMap};
use std::net::IpAddr;
use std::time::Duration;

use bytes::Bytes;
use ichor_api::common;
use ipnet::IpNet;

/// A field has no valid value.
#[derive(Debug, thiserror::Error)]
#[error("{field}: {reason}")]
pub(crate) struct InvalidField {
    pub(crate) field: String,
    pub(crate) reason: String,
}

impl InvalidField {
    pub(crate) fn new(reason: impl Into<String>) -> Self {
        Self {
            field: String::new(),
            reason: reason.into(),
        }
    }

    /// The same within a field of an outer message.
    pub(crate) fn within(self, outer: &str) -> Self {
        let field = match self.field.as_str() {
            "" => outer.to_owned(),
            inner => format!("{outer}.{inner}"),
        };
        Self { field, ..self }
    }
}

/// A Rust type with the wire type `W`.
pub(crate) trait Field<W>: Sized {
    fn to_wire(&self) -> W;
    fn from_wire(wire: W) -> Result<Self, InvalidField>;

    /// Whether the wire value stands for a missing one.
    fn is_unset(_wire: &W) -> bool {
        false
    }
}

/// Implements [`Field`] for a struct: its name, its message, and each field as `name`, or as
/// `name as wire_name` where the message calls it otherwise. A forgotten field does not compile.
macro_rules! message {
    ($name:ident, $wire:path { $($fields:tt)* }) => {
        message!(@pairs $name, $wire, [] $($fields)*);
    };
    (@pairs $name:ident, $wire:path, [$($done:tt)*] $field:ident as $other:ident $(, $($rest:tt)*)?) => {
        message!(@pairs $name, $wire, [$($done)* ($field $other)] $($($rest)*)?);
    };
    (@pairs $name:ident, $wire:path, [$($done:tt)*] $field:ident $(, $($rest:tt)*)?) => {
        message!(@pairs $name, $wire, [$($done)* ($field $field)] $($($rest)*)?);
    };
    (@pairs $name:ident, $wire:path, [$(($field:ident $other:ident))*]) => {
        impl $crate::specs::wire::Field<$wire> for $name {
            fn to_wire(&self) -> $wire {
                $wire { $($other: $crate::specs::wire::Field::to_wire(&self.$field)),* }
            }

            fn from_wire(wire: $wire) -> Result<Self, $crate::specs::wire::InvalidField> {
                Ok(Self {
                    $($field: $crate::specs::wire::Field::from_wire(wire.$other)
                        .map_err(|error| error.within(stringify!($field)))?),*
                })
            }
        }

        // A message that is always there; a missing one has all fields unset.
        impl $crate::specs::wire::Field<Option<$wire>> for $name {
            fn to_wire(&self) -> Option<$wire> {
                Some($crate::specs::wire::Field::<$wire>::to_wire(self))
            }

            fn from_wire(wire: Option<$wire>) -> Result<Self, $crate::specs::wire::InvalidField> {
                $crate::specs::wire::Field::<$wire>::from_wire(wire.unwrap_or_default())
            }
        }
    };
}

/// Implements [`crate::Spec`] for a type that has a message.
macro_rules! spec {
    ($name:ty, $wire:path, $type_name:literal, $namespace:literal) => {
        impl $crate::Spec for $name {
            const TYPE: &'static str = $type_name;
            const NAMESPACE: &'static str = $namespace;

            fn encode(&self) -> bytes::Bytes {
                let wire: $wire = $crate::specs::wire::Field::to_wire(self);
                prost::Message::encode_to_vec(&wire).into()
            }

            fn decode(bytes: &[u8]) -> Result<Self, $crate::DecodeError> {
                let failed = |source| $crate::DecodeError {
                    type_name: $type_name,
                    source,
                };
                let wire = <$wire as prost::Message>::decode(bytes)
                    .map_err(|error| failed(Box::from(error)))?;
                $crate::specs::wire::Field::from_wire(wire)
                    .map_err(|error| failed(Box::from(error)))
            }
        }
    };
}

/// A resource that says all by its existence.
macro_rules! empty_spec {
    ($(#[$doc:meta])* $name:ident, $type_name:literal, $namespace:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize)]
        pub struct $name {}

        impl $crate::Spec for $name {
            const TYPE: &'static str = $type_name;
            const NAMESPACE: &'static str = $namespace;

            fn encode(&self) -> bytes::Bytes {
                bytes::Bytes::new()
            }

            fn decode(_bytes: &[u8]) -> Result<Self, $crate::DecodeError> {
                Ok(Self {})
            }
        }
    };
}

macro_rules! same {
    ($($scalar:ty),*) => {$(
        impl Field<$scalar> for $scalar {
            fn to_wire(&self) -> $scalar {
                self.clone()
            }

            fn from_wire(wire: $scalar) -> Result<Self, InvalidField> {
                Ok(wire)
            }
        }
    )*};
}

same!(bool, u8, u32, u64, i32, i64, f64, String);

macro_rules! narrow {
    ($($scalar:ty),*) => {$(
        impl Field<u32> for $scalar {
            fn to_wire(&self) -> u32 {
                (*self).into()
            }

            fn from_wire(wire: u32) -> Result<Self, InvalidField> {
                wire.try_into().map_err(|error| InvalidField::new(format!("{wire}: {error}")))
            }
        }
    )*};
}

narrow!(u8, u16);

/// The message has no way to tell an unset value from zero.
macro_rules! nullable {
    ($($scalar:ty),*) => {$(
        impl Field<$scalar> for Option<$scalar> {
            fn to_wire(&self) -> $scalar {
                self.unwrap_or_default()
            }

            fn from_wire(wire: $scalar) -> Result<Self, InvalidField> {
                Ok((wire != <$scalar>::default()).then_some(wire))
            }
        }
    )*};
}

nullable!(bool, u32);

impl<T: Field<W>, W> Field<Option<W>> for Option<T> {
    fn to_wire(&self) -> Option<W> {
        self.as_ref().map(Field::to_wire)
    }

    fn from_wire(wire: Option<W>) -> Result<Self, InvalidField> {
        wire.filter(|wire| !T::is_unset(wire))
            .map(Field::from_wire)
            .transpose()
    }
}

impl<T: Field<W>, W> Field<Vec<W>> for Vec<T> {
    fn to_wire(&self) -> Vec<W> {
        self.iter().map(Field::to_wire).collect()
    }

    fn from_wire(wire: Vec<W>) -> Result<Self, InvalidField> {
        wire.into_iter().map(Field::from_wire).collect()
    }
}

impl Field<Bytes> for Vec<u8> {
    fn to_wire(&self) -> Bytes {
        Bytes::copy_from_slice(self)
    }

    fn from_wire(wire: Bytes) -> Result<Self, InvalidField> {
        Ok(wire.into())
    }
}

impl Field<HashMap<String, String>> for BTreeMap<String, String> {
    fn to_wire(&self) -> HashMap<String, String> {
        self.clone().into_iter().collect()
    }

    fn from_wire(wire: HashMap<String, String>) -> Result<Self, InvalidField> {
        Ok(wire.into_iter().collect())
    }
}

fn address(bytes: &[u8]) -> Result<IpAddr, InvalidField> {
    let four = <[u8; 4]>::try_from(bytes).map(IpAddr::from);
    let sixteen = || <[u8; 16]>::try_from(bytes).map(IpAddr::from);
    four.or_else(|_wrong_length| sixteen())
        .map_err(|error| InvalidField::new(format!("address of {} bytes: {error}", bytes.len())))
}

fn octets(address: IpAddr) -> Vec<u8> {
    match address {
        IpAddr::V4(v4) => v4.octets().to_vec(),
        IpAddr::V6(v6) => v6.octets().to_vec(),
    }
}

impl Field<common::NetIp> for IpAddr {
    fn to_wire(&self) -> common::NetIp {
        common::NetIp { ip: octets(*self) }
    }

    fn from_wire(wire: common::NetIp) -> Result<Self, InvalidField> {
        address(&wire.ip)
    }

    fn is_unset(wire: &common::NetIp) -> bool {
        wire.ip.is_empty()
    }
}

impl Field<Option<common::NetIp>> for IpAddr {
    fn to_wire(&self) -> Option<common::NetIp> {
        Some(Field::<common::NetIp>::to_wire(self))
    }

    fn from_wire(wire: Option<common::NetIp>) -> Result<Self, InvalidField> {
        Field::<common::NetIp>::from_wire(wire.unwrap_or_default())
    }
}

impl Field<common::NetIpPrefix> for IpNet {
    fn to_wire(&self) -> common::NetIpPrefix {
        common::NetIpPrefix {
            ip: octets(self.addr()),
            prefix_length: self.prefix_len().into(),
        }
    }

    fn from_wire(wire: common::NetIpPrefix) -> Result<Self, InvalidField> {
        let address = address(&wire.ip)?;
        u8::try_from(wire.prefix_length)
            .ok()
            .and_then(|length| IpNet::new(address, length).ok())
            .ok_or_else(|| {
                InvalidField::new(format!("{address} with prefix {}", wire.prefix_length))
            })
    }

    fn is_unset(wire: &common::NetIpPrefix) -> bool {
        wire.ip.is_empty()
    }
}

impl Field<Option<common::NetIpPrefix>> for IpNet {
    fn to_wire(&self) -> Option<common::NetIpPrefix> {
        Some(Field::<common::NetIpPrefix>::to_wire(self))
    }

    fn from_wire(wire: Option<common::NetIpPrefix>) -> Result<Self, InvalidField> {
        Field::<common::NetIpPrefix>::from_wire(wire.unwrap_or_default())
    }
}

impl Field<Option<prost_types::Duration>> for Duration {
    fn to_wire(&self) -> Option<prost_types::Duration> {
        Some(prost_types::Duration {
            seconds: i64::try_from(self.as_secs()).unwrap_or(i64::MAX),
            nanos: i32::try_from(self.subsec_nanos()).unwrap_or_default(),
        })
    }

    fn from_wire(wire: Option<prost_types::Duration>) -> Result<Self, InvalidField> {
        let wire = wire.unwrap_or_default();
        Duration::try_from(wire).map_err(|error| InvalidField::new(error.to_string()))
    }
}
