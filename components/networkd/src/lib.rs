//! ichor-networkd
