//! Sockets that wait for others, and device events.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{FromRawFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};

use rustix::fs::{Gid, Uid};
use rustix::net::{
    AddressFamily, SocketAddrUnix, SocketFlags, SocketType, bind, listen, socket_with,
};

/// How many connections may wait to be accepted.
const BACKLOG: i32 = 1024;
/// Device events that wait to be read; they come in bursts of hundreds.
const EVENTS_BYTES: usize = 1 << 20;

/// A socket could not be made.
#[derive(Debug, thiserror::Error)]
pub enum SocketError {
    /// A unix socket.
    #[error("listen on {}", path.display())]
    Unix {
        /// Where.
        path: PathBuf,
        /// What the kernel said.
        source: io::Error,
    },
    /// A TCP socket.
    #[error("listen on {address}")]
    Tcp {
        /// Where.
        address: SocketAddr,
        /// What the kernel said.
        source: io::Error,
    },
}

/// Listens on a unix socket whose mode and owner are right before anyone can connect.
///
/// A socket that an earlier process left behind is replaced.
///
/// # Errors
/// [`SocketError::Unix`].
pub fn listen_unix(
    path: &Path,
    mode: u32,
    uid: u32,
    gid: u32,
) -> Result<UnixListener, SocketError> {
    let listening = || -> io::Result<UnixListener> {
        let socket = bind_unix(path, SocketType::STREAM)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode))?;
        rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?;
        listen(&socket, BACKLOG)?;
        Ok(UnixListener::from(socket))
    };
    listening().map_err(|source| SocketError::Unix {
        path: path.to_owned(),
        source,
    })
}

/// Listens on a TCP port of all addresses, IPv4 and IPv6; only IPv4 where there is no IPv6.
///
/// # Errors
/// [`SocketError::Tcp`].
pub fn listen_tcp(port: u16) -> Result<TcpListener, SocketError> {
    use rustix::net::sockopt::{set_ipv6_v6only, set_socket_reuseaddr};
    let everywhere = SocketAddr::from((std::net::Ipv6Addr::UNSPECIFIED, port));
    let only_four = SocketAddr::from((std::net::Ipv4Addr::UNSPECIFIED, port));
    let listening = |address: SocketAddr| -> io::Result<TcpListener> {
        let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
        let family = match address {
            SocketAddr::V4(_) => AddressFamily::INET,
            SocketAddr::V6(_) => AddressFamily::INET6,
        };
        let socket = socket_with(family, SocketType::STREAM, flags, None)?;
        set_socket_reuseaddr(&socket, true)?;
        if address.is_ipv6() {
            set_ipv6_v6only(&socket, false)?;
        }
        bind(&socket, &address)?;
        listen(&socket, BACKLOG)?;
        Ok(TcpListener::from(socket))
    };
    if let Ok(listener) = listening(everywhere) {
        return Ok(listener);
    }
    listening(only_four).map_err(|source| SocketError::Tcp {
        address: only_four,
        source,
    })
}

/// Receives datagrams on a unix socket that only root and one user can send to; readable when there
/// is one.
///
/// A socket that an earlier process left behind is replaced.
///
/// # Errors
/// [`SocketError::Unix`].
pub fn receive_unix(path: &Path, uid: u32) -> Result<UnixDatagram, SocketError> {
    let receiving = || -> io::Result<UnixDatagram> {
        let socket = bind_unix(path, SocketType::DGRAM)?;
        std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o600))?;
        rustix::fs::chown(path, Some(Uid::from_raw(uid)), Some(Gid::from_raw(uid)))?;
        Ok(UnixDatagram::from(socket))
    };
    receiving().map_err(|source| SocketError::Unix {
        path: path.to_owned(),
        source,
    })
}

/// Who tells of devices, as the number of a multicast group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeviceEvents {
    /// The kernel.
    Kernel = 1,
    /// udev, when its rules have run.
    Udev = 2,
}

/// A socket that receives device events, in the network namespace of the caller; readable when
/// there is one.
///
/// # Errors
/// Those of socket(2) and bind(2).
pub fn device_events(tellers: &[DeviceEvents]) -> io::Result<OwnedFd> {
    let kind = libc::SOCK_RAW | libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK;
    // SAFETY: plain numbers.
    let fd = unsafe { libc::socket(libc::AF_NETLINK, kind, libc::NETLINK_KOBJECT_UEVENT) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else has it.
    let socket = unsafe { OwnedFd::from_raw_fd(fd) };
    // Without the right to have more than others it is as large as that of others.
    if let Err(error) =
        rustix::net::sockopt::set_socket_recv_buffer_size_force(&socket, EVENTS_BYTES)
        && error != rustix::io::Errno::PERM
    {
        return Err(error.into());
    }
    // SAFETY: all zeroes is a valid sockaddr_nl.
    let mut address: libc::sockaddr_nl = unsafe { std::mem::zeroed() };
    address.nl_family = u16::try_from(libc::AF_NETLINK).map_err(io::Error::other)?;
    for teller in tellers {
        address.nl_groups |= *teller as u32;
    }
    let length =
        libc::socklen_t::try_from(size_of::<libc::sockaddr_nl>()).map_err(io::Error::other)?;
    // SAFETY: `address` is a complete sockaddr_nl of this length.
    let result = unsafe { libc::bind(fd, (&raw const address).cast(), length) };
    if result == 0 {
        return Ok(socket);
    }
    Err(io::Error::last_os_error())
}

/// Binds to a path, in place of a socket that is there.
fn bind_unix(path: &Path, kind: SocketType) -> io::Result<OwnedFd> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket = socket_with(AddressFamily::UNIX, kind, flags, None)?;
    bind(&socket, &SocketAddrUnix::new(path)?)?;
    Ok(socket)
}
