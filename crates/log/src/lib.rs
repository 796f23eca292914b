//! ichor-log
