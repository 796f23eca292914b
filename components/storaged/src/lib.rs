//! ichor-storaged
