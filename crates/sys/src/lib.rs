//! ichor-sys
