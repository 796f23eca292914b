//! Specs: typed where they are handled, opaque where they are passed on.

use std::any::Any;
use std::borrow::Cow;
use std::fmt;
use std::sync::{Arc, OnceLock};

use bytes::Bytes;
use serde::Serialize;

use crate::{Kind, Pointer};

/// A spec could not be read as the type that was asked for.
#[derive(Debug, thiserror::Error)]
#[error("spec of {type_name} cannot be decoded")]
pub struct DecodeError {
    /// Full type name of the wanted spec.
    pub type_name: &'static str,
    /// What the bytes have wrong.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}

/// A typed spec. Its YAML form is its `Serialize`: key names and their order are part of the API.
pub trait Spec: Clone + fmt::Debug + PartialEq + Serialize + Send + Sync + 'static {
    /// Full type name, such as `LinkStatuses.net.talos.dev`.
    const TYPE: &'static str;
    /// Namespace used when none is given.
    const NAMESPACE: &'static str;

    /// The binary form: a message of `talos.resource.definitions`.
    fn encode(&self) -> Bytes;

    /// Reads the binary form.
    ///
    /// # Errors
    /// [`DecodeError`] when the bytes are not this message, or a field has no valid value.
    fn decode(bytes: &[u8]) -> Result<Self, DecodeError>;

    /// The collection in the default namespace.
    fn kind() -> Kind {
        Kind {
            namespace: Cow::Borrowed(Self::NAMESPACE),
            type_name: Cow::Borrowed(Self::TYPE),
        }
    }

    /// Names a resource of the default namespace.
    fn pointer(id: impl Into<String>) -> Pointer {
        Pointer {
            kind: Self::kind(),
            id: id.into(),
        }
    }
}

/// The object-safe part of [`Spec`]; implemented for every `Spec` and for [`EncodedSpec`].
pub trait AnySpec: fmt::Debug + Send + Sync {
    /// For downcasts.
    fn as_any(&self) -> &dyn Any;
    /// The binary form.
    fn proto(&self) -> Bytes;
    /// The YAML form.
    fn yaml(&self) -> String;
    /// Same meaning; of two encoded specs, the same binary form.
    fn same(&self, other: &dyn AnySpec) -> bool;
}

impl<S: Spec> AnySpec for S {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn proto(&self) -> Bytes {
        self.encode()
    }

    fn yaml(&self) -> String {
        // Specs are plain data; what the emitter refuses would be a bug of the spec type.
        ichor_yaml::to_string(self).unwrap_or_else(|error| format!("# {error}\n"))
    }

    fn same(&self, other: &dyn AnySpec) -> bool {
        match other.as_any().downcast_ref::<S>() {
            Some(other) => self == other,
            // Maps have no order in the binary form, so values are compared, not bytes.
            None => S::decode(&other.proto()).is_ok_and(|other| *self == other),
        }
    }
}

/// A spec as it came over the wire, not decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EncodedSpec {
    /// Binary form.
    pub proto: Bytes,
    /// YAML form.
    pub yaml: String,
}

impl AnySpec for EncodedSpec {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn proto(&self) -> Bytes {
        self.proto.clone()
    }

    fn yaml(&self) -> String {
        self.yaml.clone()
    }

    fn same(&self, other: &dyn AnySpec) -> bool {
        match other.as_any().downcast_ref::<Self>() {
            Some(other) => self.proto == other.proto,
            None => other.same(self),
        }
    }
}

/// A shared spec of any type; cloning it copies a pointer.
#[derive(Clone)]
pub struct SpecValue(Arc<Shared<dyn AnySpec>>);

struct Shared<S: ?Sized> {
    /// Made when first asked for: most specs never leave the process, others go to many watchers.
    encoded: OnceLock<EncodedSpec>,
    wire_bytes: usize,
    spec: S,
}

impl SpecValue {
    /// Wraps a typed or encoded spec.
    pub fn new(spec: impl AnySpec + 'static) -> Self {
        Self::decoded(spec, 0)
    }

    /// Wraps a spec that was so long on the wire.
    pub(crate) fn decoded(spec: impl AnySpec + 'static, wire_bytes: usize) -> Self {
        Self(Arc::new(Shared {
            encoded: OnceLock::new(),
            wire_bytes,
            spec,
        }))
    }

    /// How long the spec was on the wire; 0 for one that was made in this process.
    pub fn wire_bytes(&self) -> usize {
        match self.as_any().downcast_ref::<EncodedSpec>() {
            Some(encoded) => encoded.proto.len() + encoded.yaml.len(),
            None => self.0.wire_bytes,
        }
    }

    /// The spec as `S`: copied when it is one already, decoded otherwise.
    ///
    /// # Errors
    /// [`DecodeError`] when the binary form is not an `S`.
    pub fn get<S: Spec>(&self) -> Result<S, DecodeError> {
        match self.as_any().downcast_ref::<S>() {
            Some(spec) => Ok(spec.clone()),
            None => S::decode(&self.proto()),
        }
    }

    /// Both outer forms, made once for all copies.
    pub fn encoded(&self) -> &EncodedSpec {
        match self.as_any().downcast_ref::<EncodedSpec>() {
            Some(encoded) => encoded,
            None => self.0.encoded.get_or_init(|| self.encode()),
        }
    }

    /// Both outer forms, not kept when they are made for this: for specs that are not stored any more.
    pub fn encoded_once(&self) -> Cow<'_, EncodedSpec> {
        let encoded = self.as_any().downcast_ref::<EncodedSpec>();
        match encoded.or_else(|| self.0.encoded.get()) {
            Some(encoded) => Cow::Borrowed(encoded),
            None => Cow::Owned(self.encode()),
        }
    }

    fn encode(&self) -> EncodedSpec {
        EncodedSpec {
            proto: self.proto(),
            yaml: self.yaml(),
        }
    }
}

impl std::ops::Deref for SpecValue {
    type Target = dyn AnySpec;

    fn deref(&self) -> &Self::Target {
        &self.0.spec
    }
}

impl fmt::Debug for SpecValue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.spec.fmt(f)
    }
}

impl PartialEq for SpecValue {
    fn eq(&self, other: &Self) -> bool {
        self.same(&**other)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::specs::runtime::Environment;

    #[test]
    fn forms_that_are_made_once_are_not_kept() {
        let spec = SpecValue::new(Environment::default());
        for _ in 0..2 {
            assert!(matches!(spec.encoded_once(), Cow::Owned(_)));
        }
        let kept = spec.encoded().clone();
        assert!(matches!(spec.encoded_once(), Cow::Borrowed(known) if *known == kept));
    }
}
