//! Enumerations: a number on the wire, a text in YAML.

/// Those whose numbers are all known: another number cannot be decoded. The first is the default.
macro_rules! text_enum {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $number:literal => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum $name {
            $(#[doc = concat!("`", $text, "`.")] $variant = $number,)*
        }

        impl $name {
            /// All values, in the order of their declaration.
            pub const ALL: &'static [Self] = &[$(Self::$variant),*];

            /// The text in YAML.
            pub const fn as_str(self) -> &'static str {
                match self {
                    $(Self::$variant => $text,)*
                }
            }

            /// The number on the wire.
            pub const fn number(self) -> i32 {
                self as i32
            }
        }

        impl Default for $name {
            fn default() -> Self {
                text_enum!(@first $($variant)*)
            }
        }

        impl TryFrom<i32> for $name {
            type Error = $crate::specs::UnknownValue;

            fn try_from(number: i32) -> Result<Self, Self::Error> {
                let found = Self::ALL.iter().find(|value| value.number() == number);
                found.copied().ok_or_else(|| $crate::specs::UnknownValue::new(stringify!($name), number))
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::specs::UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::ALL.iter().find(|value| value.as_str() == text);
                found.copied().ok_or_else(|| $crate::specs::UnknownValue::new(stringify!($name), text))
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(self.as_str())
            }
        }

        text_enum!(@wire $name);

        impl $crate::specs::wire::Field<i32> for $name {
            fn to_wire(&self) -> i32 {
                self.number()
            }

            fn from_wire(wire: i32) -> Result<Self, $crate::specs::wire::InvalidField> {
                Self::try_from(wire)
                    .map_err(|error| $crate::specs::wire::InvalidField::new(error.to_string()))
            }
        }
    };
    (@first $first:ident $($rest:ident)*) => { Self::$first };
    (@wire $name:ident) => {
        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        // An unset value is the number 0 on the wire.
        impl $crate::specs::wire::Field<i32> for Option<$name> {
            fn to_wire(&self) -> i32 {
                self.as_ref().map_or(0, $crate::specs::wire::Field::to_wire)
            }

            fn from_wire(wire: i32) -> Result<Self, $crate::specs::wire::InvalidField> {
                match wire {
                    0 => Ok(None),
                    number => $crate::specs::wire::Field::from_wire(number).map(Some),
                }
            }
        }
    };
}

/// Those whose numbers the kernel chooses: numbers without a name are kept.
macro_rules! text_number {
    ($(#[$doc:meta])* $name:ident($repr:ty) { $($value:ident = $number:literal => $text:literal),* $(,)? }) => {
        text_number!(@type $(#[$doc])* $name($repr) { $($value = $number => $text),* });

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                match self.name() {
                    Some(name) => f.write_str(name),
                    None => write!(f, concat!(stringify!($name), "({})"), self.0),
                }
            }
        }

        impl std::str::FromStr for $name {
            type Err = $crate::specs::UnknownValue;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                let found = Self::KNOWN.iter().find(|(_, name)| *name == text);
                found
                    .map(|(value, _)| *value)
                    .ok_or_else(|| $crate::specs::UnknownValue::new(stringify!($name), text))
            }
        }
    };
    (@type $(#[$doc:meta])* $name:ident($repr:ty) { $($value:ident = $number:literal => $text:literal),* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub $repr);

        impl $name {
            $(#[doc = concat!("`", $text, "`.")] pub const $value: Self = Self($number);)*

            /// All values that have a name.
            pub const KNOWN: &'static [(Self, &'static str)] = &[$((Self::$value, $text)),*];

            /// The name of the number, if it has one.
            pub fn name(self) -> Option<&'static str> {
                Self::KNOWN.iter().find(|(value, _)| *value == self).map(|(_, name)| *name)
            }
        }

        text_enum!(@wire $name);

        impl $crate::specs::wire::Field<i32> for $name {
            fn to_wire(&self) -> i32 {
                self.0 as i32
            }

            fn from_wire(wire: i32) -> Result<Self, $crate::specs::wire::InvalidField> {
                <$repr>::try_from(wire)
                    .map(Self)
                    .map_err(|error| $crate::specs::wire::InvalidField::new(format!("{wire}: {error}")))
            }
        }
    };
}

/// Sets of flags: their names with commas between them; bits without a name are kept but not written.
macro_rules! text_flags {
    ($(#[$doc:meta])* $name:ident { $($flag:ident = $number:literal => $text:literal),* $(,)? }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(pub u32);

        impl $name {
            $(#[doc = concat!("`", $text, "`.")] pub const $flag: Self = Self($number);)*

            const NAMES: &'static [(u32, &'static str)] = &[$(($number, $text)),*];

            /// Whether all of these flags are set.
            pub const fn contains(self, flags: Self) -> bool {
                self.0 & flags.0 == flags.0
            }
        }

        impl std::ops::BitOr for $name {
            type Output = Self;

            fn bitor(self, other: Self) -> Self {
                Self(self.0 | other.0)
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                let set = Self::NAMES.iter().filter(|(flag, _)| self.0 & flag != 0);
                let names: Vec<&str> = set.map(|(_, name)| *name).collect();
                f.write_str(&names.join(","))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl $crate::specs::wire::Field<u32> for $name {
            fn to_wire(&self) -> u32 {
                self.0
            }

            fn from_wire(wire: u32) -> Result<Self, $crate::specs::wire::InvalidField> {
                Ok(Self(wire))
            }
        }
    };
}

/// A number or text that names no value of an enumeration.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{name} has no value {value}")]
pub struct UnknownValue {
    name: &'static str,
    value: String,
}

impl UnknownValue {
    pub(crate) fn new(name: &'static str, value: impl ToString) -> Self {
        Self {
            name,
            value: value.to_string(),
        }
    }
}
