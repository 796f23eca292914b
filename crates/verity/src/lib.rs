//! ichor-verity
