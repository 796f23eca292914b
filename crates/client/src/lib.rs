//! ichor-client
