//! ichor-uki
