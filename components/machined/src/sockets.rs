//! The listening sockets of the node.
//!
//! PID 1 makes them all, before the processes that accept on them. It keeps them, so that a
//! connection to a component that is being restarted waits instead of being refused.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ichor_rights::{SERVICES, Socket};
use ichor_sys::socket::{SocketError, listen_tcp, listen_unix};

/// Sockets that components accept on. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    made: Arc<Vec<Made>>,
}

/// A socket, and whose it is.
#[derive(Debug)]
struct Made {
    service: &'static str,
    name: &'static str,
    socket: OwnedFd,
}

impl Sockets {
    /// Where PID 1 serves its own services.
    pub(crate) const MACHINE: &'static str = "/system/run/machined/machine.sock";
    /// Who may connect to it: apid.
    const MACHINE_UID: u32 = 50;

    /// Makes the sockets of the components.
    ///
    /// # Errors
    /// [`SocketError`] names the address.
    pub(crate) fn make() -> Result<Self, SocketError> {
        let mut made = Vec::new();
        for service in SERVICES {
            for socket in service.rights.sockets {
                made.push(Made {
                    service: service.id,
                    name: socket.name(),
                    socket: listen(socket)?,
                });
            }
        }
        Ok(Self {
            made: Arc::new(made),
        })
    }

    /// Makes PID 1's own socket.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn listen_machine() -> Result<UnixListener, SocketError> {
        let path = PathBuf::from(Self::MACHINE);
        listen_unix(&path, 0o660, Self::MACHINE_UID, Self::MACHINE_UID)
    }

    /// Makes the socket on which a component reaches its part of the state.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn listen_state(id: &str, uid: u32) -> Result<UnixListener, SocketError> {
        listen_unix(&Self::state_path(id), 0o600, uid, uid)
    }

    /// Where that socket is.
    pub(crate) fn state_path(id: &str) -> PathBuf {
        PathBuf::from(format!("/system/run/state/{id}.sock"))
    }

    /// The sockets that a component is given, with their names.
    pub(crate) fn of(&self, id: &str) -> Vec<(&'static str, BorrowedFd<'_>)> {
        let own = self.made.iter().filter(|made| made.service == id);
        own.map(|made| (made.name, made.socket.as_fd())).collect()
    }
}

fn listen(socket: &Socket) -> Result<OwnedFd, SocketError> {
    match *socket {
        Socket::Tcp { port, .. } => Ok(listen_tcp(port)?.into()),
        Socket::Unix { path, client, .. } => {
            Ok(listen_unix(Path::new(path), 0o660, client, client)?.into())
        }
    }
}
