//! ichor-kmod
