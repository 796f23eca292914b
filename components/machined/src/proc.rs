//! Texts of `/proc`, as the API shows them. Pure: the callers read.

pub(crate) mod memory;
