//! What the fuzz tests call.

/// A packet on the port of DHCP clients.
pub fn dhcp_packet(input: &[u8]) {
    crate::dhcp4::fuzzing::packet(input);
}

/// What happens to a DHCP client.
pub fn dhcp_client(input: &[u8]) {
    crate::dhcp4::fuzzing::client(input);
}

/// A message of the kernel about the network.
pub fn netlink(input: &[u8]) {
    crate::kernel::fuzzing::message(input);
}
