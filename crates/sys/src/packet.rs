//! Packet sockets: IPv4 on a link that has no address yet.

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

/// Opens a socket that receives the UDP packets to one port on one link, from the IP header on.
///
/// Other packets are dropped in the kernel and wake nobody. Needs `CAP_NET_RAW`.
///
/// # Errors
/// Those of socket(2), setsockopt(2) and bind(2).
pub fn open_udp(link_index: u32, port: u16) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_DGRAM | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // Protocol 0: nothing is received before the filter is there and the link is chosen.
    // SAFETY: plain numbers.
    let fd = unsafe { libc::socket(libc::AF_PACKET, kind, 0) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    attach(&socket, &mut filter(port))?;
    let address = address(link_index)?;
    let length = length_of::<libc::sockaddr_ll>()?;
    // SAFETY: `address` is a complete sockaddr_ll of this length.
    let result = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
    if result == 0 {
        return Ok(socket);
    }
    Err(io::Error::last_os_error())
}

/// Sends an IPv4 packet to all stations of a link.
///
/// # Errors
/// Those of sendto(2), such as `WouldBlock`.
pub fn send_broadcast(socket: BorrowedFd<'_>, link_index: u32, packet: &[u8]) -> io::Result<()> {
    let mut address = address(link_index)?;
    address.sll_halen = 6;
    address.sll_addr = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0, 0];
    let length = length_of::<libc::sockaddr_ll>()?;
    // SAFETY: `packet` is readable for its length and `address` is a complete sockaddr_ll.
    let sent = unsafe {
        libc::sendto(
            socket.as_raw_fd(),
            packet.as_ptr().cast(),
            packet.len(),
            0,
            (&raw const address).cast(),
            length,
        )
    };
    if sent < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(())
}

fn address(link_index: u32) -> io::Result<libc::sockaddr_ll> {
    // SAFETY: all zeroes is a valid sockaddr_ll.
    let mut address: libc::sockaddr_ll = unsafe { std::mem::zeroed() };
    address.sll_family = u16::try_from(libc::AF_PACKET).map_err(io::Error::other)?;
    address.sll_protocol = u16::try_from(libc::ETH_P_IP)
        .map_err(io::Error::other)?
        .to_be();
    address.sll_ifindex = i32::try_from(link_index).map_err(io::Error::other)?;
    Ok(address)
}

/// Unfragmented UDP to `port`; offsets count from the IP header.
fn filter(port: u16) -> [libc::sock_filter; 9] {
    let step = |code: u32, jt: u8, jf: u8, k: u32| libc::sock_filter {
        code: code as u16,
        jt,
        jf,
        k,
    };
    let load_byte = libc::BPF_LD | libc::BPF_B | libc::BPF_ABS;
    let load_half = libc::BPF_LD | libc::BPF_H | libc::BPF_ABS;
    [
        step(load_byte, 0, 0, 9), // Protocol.
        step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, 5, 17),
        step(load_half, 0, 0, 6), // Fragment offset.
        step(libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K, 3, 0, 0x1fff),
        step(libc::BPF_LDX | libc::BPF_B | libc::BPF_MSH, 0, 0, 0), // Length of the header.
        step(libc::BPF_LD | libc::BPF_H | libc::BPF_IND, 0, 0, 2),  // Destination port.
        step(
            libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K,
            1,
            0,
            u32::from(port),
        ),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, 0),
        step(libc::BPF_RET | libc::BPF_K, 0, 0, u32::MAX),
    ]
}

fn attach(socket: &OwnedFd, steps: &mut [libc::sock_filter; 9]) -> io::Result<()> {
    let program = libc::sock_fprog {
        len: 9,
        filter: steps.as_mut_ptr(),
    };
    // SAFETY: `program` points at nine steps that live until the call returns; the kernel copies them.
    let result = unsafe {
        libc::setsockopt(
            socket.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            length_of::<libc::sock_fprog>()?,
        )
    };
    if result == 0 {
        return Ok(());
    }
    Err(io::Error::last_os_error())
}

fn length_of<T>() -> io::Result<libc::socklen_t> {
    libc::socklen_t::try_from(size_of::<T>()).map_err(io::Error::other)
}
