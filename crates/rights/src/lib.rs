//! ichor-rights
