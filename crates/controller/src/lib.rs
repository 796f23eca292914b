//! ichor-controller
