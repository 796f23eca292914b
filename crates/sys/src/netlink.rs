//! Messages of the kernel over netlink.

use std::os::fd::AsFd;

use rustix::net::netlink::SocketAddrNetlink;
use rustix::net::{RecvFlags, recvfrom};

/// Reads one message of the kernel. What anyone else has sent is empty: a process that may
/// administer the network can send to every netlink socket.
///
/// # Errors
/// Those of recvfrom(2); `EAGAIN` when nothing has come, `ENOBUFS` when some messages are lost.
pub fn receive(socket: impl AsFd, buffer: &mut [u8]) -> rustix::io::Result<&[u8]> {
    let (_, length, sender) = recvfrom(socket, &mut *buffer, RecvFlags::empty())?;
    let sender = sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok());
    match sender {
        Some(sender) if sender.pid() == 0 => Ok(buffer.get(..length).unwrap_or_default()),
        _ => Ok(&[]),
    }
}

#[cfg(test)]
mod tests {
    use rustix::net::netlink::USERSOCK;
    use rustix::net::{AddressFamily, SendFlags, SocketType, bind, getsockname, sendto, socket};

    use super::*;

    #[test]
    fn messages_of_processes_are_empty() {
        let open = || {
            let socket = socket(AddressFamily::NETLINK, SocketType::RAW, Some(USERSOCK)).unwrap();
            bind(&socket, &SocketAddrNetlink::new(0, 0)).unwrap();
            socket
        };
        let (ours, theirs) = (open(), open());
        let address = SocketAddrNetlink::try_from(getsockname(&ours).unwrap()).unwrap();
        let forged = b"add@/x\0ACTION=add\0MODALIAS=xfs\0";
        sendto(&theirs, forged, SendFlags::empty(), &address).unwrap();
        let mut buffer = [0; 64];
        assert_eq!(receive(&ours, &mut buffer).unwrap(), b"");
    }
}
