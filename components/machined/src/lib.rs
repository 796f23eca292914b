//! ichor-machined
