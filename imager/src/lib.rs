//! ichor-imager
