//! ichor-cmdline
