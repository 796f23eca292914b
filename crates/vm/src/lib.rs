//! ichor-vm
