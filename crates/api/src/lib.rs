//! The wire contract: messages, clients and servers generated from `proto/`, and nothing else.
//!
//! `cargo xtask proto` writes [`mod@gen`]; a test fails when it differs from the protos.

#[allow(
    missing_docs,
    missing_debug_implementations,
    clippy::all,
    clippy::allow_attributes_without_reason,
    rustdoc::all,
    reason = "generated; documented in proto/"
)]
mod r#gen {
    include!("gen/mod.rs");
}

pub use r#gen::*;

/// The contract itself: an encoded `google.protobuf.FileDescriptorSet`, without comments.
pub const DESCRIPTORS: &[u8] = include_bytes!("gen/descriptors.bin");
