//! ichor-vm-tests
