//! Resources: what the node knows about itself, as plain data.
//!
//! A resource is identified by (namespace, type, id) and carries [`Metadata`] and a spec. Specs are
//! typed ([`Spec`]) where code handles them, and opaque ([`AnyResource`]) where they are stored,
//! filtered or passed on. This crate does no I/O and knows no runtime.

mod definition;
mod metadata;
mod namespace;
mod resource;
mod spec;

pub mod specs;

pub use definition::{
    Column, Definition, Sensitivity, definition_resources, definitions, definitions_by_alias,
    find_definition,
};
pub use metadata::{Kind, Labels, Metadata, Phase, Pointer, Version};
pub use namespace::{is_namespace, namespace_resources};
pub use resource::{AnyResource, Resource};
pub use spec::{AnySpec, DecodeError, EncodedSpec, Spec, SpecValue};
