//! ichor-apid
