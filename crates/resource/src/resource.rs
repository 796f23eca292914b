//! A resource: metadata and spec together.

use std::sync::Arc;

use crate::{DecodeError, Metadata, Phase, Spec, SpecValue};

/// A resource of any type. Cloning copies two pointers.
#[derive(Clone, Debug, PartialEq)]
pub struct AnyResource {
    /// Shared between all copies of one version.
    pub metadata: Arc<Metadata>,
    /// `None` only in tombstones, which stand for something that is gone.
    pub spec: Option<SpecValue>,
}

impl AnyResource {
    /// A resource that is not stored yet.
    pub fn new(metadata: Metadata, spec: SpecValue) -> Self {
        Self {
            metadata: Arc::new(metadata),
            spec: Some(spec),
        }
    }

    /// Takes spec, labels and annotations of another; the rest is the state's.
    pub fn set_content(&mut self, other: &Self) {
        self.spec.clone_from(&other.spec);
        let metadata = Arc::make_mut(&mut self.metadata);
        metadata.labels.clone_from(&other.metadata.labels);
        metadata.annotations.clone_from(&other.metadata.annotations);
    }

    /// Metadata only.
    pub fn tombstone(metadata: Metadata) -> Self {
        Self {
            metadata: Arc::new(metadata),
            spec: None,
        }
    }
}

/// A resource whose spec is an `S`.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource<S> {
    /// Shared between all copies of one version.
    pub metadata: Arc<Metadata>,
    value: S,
}

impl<S: Spec> Resource<S> {
    /// A resource in the default namespace that is not stored yet.
    pub fn new(id: impl Into<String>, value: S) -> Self {
        Self {
            metadata: Arc::new(Metadata::new(S::kind(), id)),
            value,
        }
    }

    /// The same in another namespace, such as a per-layer spec in `network-config`.
    #[must_use]
    pub fn in_namespace(mut self, namespace: &'static str) -> Self {
        Arc::make_mut(&mut self.metadata).kind.namespace = namespace.into();
        self
    }

    /// Unique within the collection.
    pub fn id(&self) -> &str {
        &self.metadata.id
    }

    /// Life cycle.
    pub fn phase(&self) -> Phase {
        self.metadata.phase
    }

    /// The spec.
    pub fn value(&self) -> &S {
        &self.value
    }

    /// The spec, to change before an update.
    pub fn value_mut(&mut self) -> &mut S {
        &mut self.value
    }

    /// The spec alone.
    pub fn into_value(self) -> S {
        self.value
    }
}

impl<S: Spec> From<Resource<S>> for AnyResource {
    fn from(resource: Resource<S>) -> Self {
        Self {
            metadata: resource.metadata,
            spec: Some(SpecValue::new(resource.value)),
        }
    }
}

impl<S: Spec> TryFrom<&AnyResource> for Resource<S> {
    type Error = DecodeError;

    /// A tombstone has no spec and is refused.
    fn try_from(any: &AnyResource) -> Result<Self, DecodeError> {
        let spec = any.spec.as_ref().ok_or_else(|| DecodeError {
            type_name: S::TYPE,
            source: "a tombstone has no spec".into(),
        })?;
        Ok(Self {
            metadata: Arc::clone(&any.metadata),
            value: spec.get()?,
        })
    }
}
