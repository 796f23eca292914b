//! ichor-pki
