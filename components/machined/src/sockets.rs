//! The listening sockets of the node.
//!
//! PID 1 makes them all, before the processes that accept on them. It keeps them, so that a
//! connection to a component that is being restarted waits instead of being refused.

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;

use ichor_sys::socket::{SocketError, listen_tcp, listen_unix};

/// The port of the API.
pub(crate) const API_PORT: u16 = 50000;

/// Sockets that components accept on. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    api: Arc<OwnedFd>,
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
        Ok(Self {
            api: Arc::new(listen_tcp(API_PORT)?.into()),
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
        match id {
            "apid" => vec![("api", self.api.as_fd())],
            _ => Vec::new(),
        }
    }
}
