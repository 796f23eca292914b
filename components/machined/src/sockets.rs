//! The sockets of the node.
//!
//! PID 1 makes those that listen, before the processes that accept on them. It keeps them, so that a
//! connection to a component that is being restarted waits instead of being refused.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ichor_rights::{Service, Socket};
use ichor_sys::socket::{
    DeviceEvents, SocketError, device_events, listen_tcp, listen_unix, receive_unix,
};

/// Sockets that components accept on. Cloning shares them.
#[derive(Clone, Debug)]
pub(crate) struct Sockets {
    made: Arc<Vec<Made>>,
}

/// A socket that listens, and whose it is.
#[derive(Debug)]
struct Made {
    service: &'static str,
    is: &'static Socket,
    socket: OwnedFd,
}

impl Sockets {
    /// Where PID 1 serves its own services.
    pub(crate) const MACHINE: &'static str = "/system/run/machined/machine.sock";
    /// Who may connect to it: apid.
    const MACHINE_UID: u32 = 50;

    /// Makes the sockets that `services` listen on.
    ///
    /// # Errors
    /// [`SocketError`] names the address.
    pub(crate) fn make(
        services: impl IntoIterator<Item = &'static Service>,
    ) -> Result<Self, SocketError> {
        let mut made = Vec::new();
        for service in services {
            for is in service.rights.sockets {
                if let Some(socket) = listen(is)? {
                    made.push(Made {
                        service: service.id,
                        is,
                        socket,
                    });
                }
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

    /// Makes the socket on which a service tells that it works.
    ///
    /// # Errors
    /// [`SocketError`].
    pub(crate) fn receive_notices(id: &str, uid: u32) -> Result<UnixDatagram, SocketError> {
        receive_unix(&Self::notices_path(id), uid)
    }

    /// Where that socket is.
    pub(crate) fn notices_path(id: &str) -> PathBuf {
        PathBuf::from(format!("/system/run/notify/{id}.sock"))
    }

    /// What a process of a component is given, with the names.
    ///
    /// Device events are for one process only: what came before it looks at everything is of no use
    /// to it.
    ///
    /// # Errors
    /// When one cannot be made or shared.
    pub(crate) fn of(&self, service: &Service) -> io::Result<Vec<(&'static str, OwnedFd)>> {
        let mut given = Vec::new();
        for made in self.made.iter().filter(|made| made.service == service.id) {
            given.push((made.is.name(), made.socket.try_clone()?));
        }
        for socket in service.rights.sockets {
            if let Socket::DeviceEvents { name } = socket {
                let both = [DeviceEvents::Kernel, DeviceEvents::Udev];
                given.push((*name, device_events(&both)?));
            }
        }
        Ok(given)
    }

    /// The sockets in the file system that a user may connect to, with the services that serve
    /// there: `SERVICE:PATH,SERVICE:PATH`.
    pub(crate) fn served_to(&self, uid: u32) -> String {
        let of_services = self.made.iter().filter_map(|made| match made.is {
            Socket::Unix { path, client, .. } if *client == uid => Some((made.service, *path)),
            _ => None,
        });
        let own = (uid == Self::MACHINE_UID).then_some(("machined", Self::MACHINE));
        let all = own.into_iter().chain(of_services);
        let all: Vec<String> = all
            .map(|(service, path)| format!("{service}:{path}"))
            .collect();
        all.join(",")
    }
}

/// `None` for a socket that does not listen.
fn listen(socket: &Socket) -> Result<Option<OwnedFd>, SocketError> {
    match *socket {
        Socket::Tcp { port, .. } => Ok(Some(listen_tcp(port)?.into())),
        Socket::Unix { path, client, .. } => {
            let listener = listen_unix(Path::new(path), 0o660, client, client)?;
            Ok(Some(listener.into()))
        }
        Socket::DeviceEvents { .. } => Ok(None),
    }
}
