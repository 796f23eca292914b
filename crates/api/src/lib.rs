//! ichor-api
