//! ichor-init
