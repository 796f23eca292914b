//! The network of a cluster: one QEMU that is a hub, without root.
//!
//! Its ports are Unix sockets to which the nodes connect, so nothing of it is seen by others on the
//! host. They are streams: QEMU would wait for the room of a full datagram socket in a busy loop,
//! and a node takes no frames until its guest drives its NIC. User-mode networking sits on another
//! port: DHCP, DNS, a way out, and forwards from 127.0.0.1 to the nodes.

pub(crate) mod dhcp;

use std::io::{self, Read, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::process::{option_value, qmp_path};
use crate::qmp::{Qmp, QmpError};
use crate::spec::NodePlan;

/// Why the network could not be made.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// No port is free on 127.0.0.1.
    #[error("take a free port on 127.0.0.1")]
    Port(#[source] io::Error),
    /// The hub's socket cannot be used.
    #[error("use {}", path.display())]
    Socket {
        /// Where it is.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The hub does not say that it listens.
    #[error("wait until the hub listens")]
    Listen(#[source] QmpError),
    /// DHCP gave another address than planned.
    #[error("the hub offers {offered:?} to {node}, not {planned}")]
    Address {
        /// The node.
        node: String,
        /// The address of the plan.
        planned: Ipv4Addr,
        /// What was offered, if anything.
        offered: Option<Ipv4Addr>,
    },
}

/// The NIC of a node, and one more that can be plugged while it runs.
pub(crate) const PORTS_PER_NODE: u8 = 2;

/// User-mode networking gives out sixteen addresses.
pub(crate) const NODES_MAX: usize = 7;

const OPTIONS: &str = "user,id=user,net=10.5.0.0/24,host=10.5.0.1,dns=10.5.0.3,dhcpstart=10.5.0.11";
const ADDRESS_FIRST: u8 = 11;

pub(crate) fn address(index: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 5, 0, ADDRESS_FIRST + index)
}

/// Locally administered, with QEMU's prefix.
pub(crate) fn mac(index: u8, port: u8) -> [u8; 6] {
    [0x52, 0x54, 0x00, 0x05, port, index + 1]
}

pub(crate) fn mac_text(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}

/// What QEMU calls a port of the hub.
fn port_id(index: u8, port: u8) -> String {
    format!("port-{index}-{port}")
}

/// Where the hub waits for the NIC of a node.
pub(crate) fn socket(hub: &Path, index: u8, port: u8) -> PathBuf {
    hub.join(port_id(index, port))
}

/// The option of a node's QEMU, after `-netdev`.
pub(crate) fn node_netdev(id: &str, hub: &Path, index: u8, port: u8) -> String {
    let path = option_value(&socket(hub, index, port));
    format!("stream,id={id},server=off,addr.type=unix,addr.path={path}")
}

/// The option of the hub's QEMU.
fn hub_netdev(id: &str, hub: &Path, index: u8, port: u8) -> String {
    let path = option_value(&socket(hub, index, port));
    format!("stream,id={id},server=on,addr.type=unix,addr.path={path}")
}

/// The arguments of the hub's QEMU.
pub(crate) fn hub_arguments(hub: &Path, nodes: &[&NodePlan]) -> Vec<String> {
    let mut user = OPTIONS.to_owned();
    for node in nodes {
        for forward in &node.forwards {
            let to = format!("{}:{}", node.address, forward.guest);
            user += &format!(",hostfwd=tcp:127.0.0.1:{}-{to}", forward.host);
        }
    }
    let mut arguments = ["-machine", "none", "-nodefaults", "-display", "none"]
        .map(str::to_owned)
        .to_vec();
    let mut join = |netdev: String, id: &str| {
        let port = format!("hubport,id=hub-{id},hubid=0,netdev={id}");
        arguments.extend(["-netdev".to_owned(), netdev, "-netdev".to_owned(), port]);
    };
    join(user, "user");
    for node in nodes {
        for port in 0..PORTS_PER_NODE {
            let id = port_id(node.index, port);
            join(hub_netdev(&id, hub, node.index, port), &id);
        }
    }
    arguments
}

/// Ports of 127.0.0.1 that are free now, the wished ones where they are; all are taken at once, so
/// that they differ.
pub(crate) fn free_ports(
    wishes: impl IntoIterator<Item = Option<u16>>,
) -> Result<Vec<u16>, NetworkError> {
    let listen = |port| TcpListener::bind((Ipv4Addr::LOCALHOST, port));
    let listeners: Vec<_> = wishes
        .into_iter()
        .map(|wish| match wish.map(listen) {
            Some(Ok(listener)) => Ok(listener),
            _ => listen(0),
        })
        .collect::<Result<_, _>>()
        .map_err(NetworkError::Port)?;
    listeners
        .iter()
        .map(|listener| Ok(listener.local_addr()?.port()))
        .collect::<Result<_, _>>()
        .map_err(NetworkError::Port)
}

/// Waits until the hub takes connections on all its ports. A QEMU that answers may still have some to
/// open, and ends by a null pointer when a frame is to go out of such a port.
pub(crate) fn wait_for_ports(hub: &Path, nodes: &[&NodePlan]) -> Result<(), NetworkError> {
    const PATIENCE: Duration = Duration::from_secs(20);
    const PAUSE: Duration = Duration::from_millis(10);
    let deadline = Instant::now() + PATIENCE;
    let mut qmp = Qmp::connect(&qmp_path(hub)).map_err(NetworkError::Listen)?;
    let ports = nodes
        .iter()
        .flat_map(|node| (0..PORTS_PER_NODE).map(|port| (node.index, port)));
    for (index, port) in ports {
        let path = socket(hub, index, port);
        let _connection = loop {
            match UnixStream::connect(&path) {
                Ok(stream) => break stream,
                Err(source) if Instant::now() >= deadline => {
                    return Err(NetworkError::Socket { path, source });
                }
                Err(_) => thread::sleep(PAUSE),
            }
        };
        let id = port_id(index, port);
        let left = deadline.saturating_duration_since(Instant::now());
        qmp.wait_for_event("NETDEV_STREAM_CONNECTED", left, |data| {
            data.get("netdev-id").and_then(Value::as_str) == Some(&id)
        })
        .map_err(NetworkError::Listen)?;
    }
    Ok(())
}

/// Asks the hub's DHCP server for a node's address in its place. The server gives addresses in the
/// order in which it hears of NICs, and the forwards need to know them before.
pub(crate) fn reserve(node: &NodePlan, hub: &Path) -> Result<(), NetworkError> {
    const RESEND: Duration = Duration::from_millis(200);
    const ANSWER_TIME_MAX: Duration = Duration::from_secs(10);
    let path = socket(hub, node.index, 0);
    let failed = |source| NetworkError::Socket {
        path: path.clone(),
        source,
    };
    let mut stream = UnixStream::connect(&path).map_err(failed)?;
    stream.set_read_timeout(Some(RESEND)).map_err(failed)?;
    let transaction = u32::from(node.index) + 1;
    let discover = framed(&dhcp::discover(node.mac, transaction, node.address));
    let deadline = Instant::now() + ANSWER_TIME_MAX;
    let mut offered = None;
    let mut received = Vec::new();
    while offered.is_none() && Instant::now() < deadline {
        stream.write_all(&discover).map_err(failed)?;
        let mut bytes = [0; 2048];
        // The hub passes on what other nodes and the server say, too.
        while let (None, Ok(length @ 1..)) = (offered, stream.read(&mut bytes)) {
            received.extend(bytes.iter().take(length));
            while let Some(frame) = take_frame(&mut received) {
                offered = offered.or(dhcp::parse_offer(&frame, transaction));
            }
        }
    }
    match offered {
        Some(address) if address == node.address => Ok(()),
        offered => Err(NetworkError::Address {
            node: node.name.clone(),
            planned: node.address,
            offered,
        }),
    }
}

/// A frame as it goes over a stream: its length first, four bytes, big-endian.
fn framed(frame: &[u8]) -> Vec<u8> {
    let length = frame.len() as u32;
    [&length.to_be_bytes(), frame].concat()
}

/// The first frame of what has come, once it is there as a whole.
fn take_frame(received: &mut Vec<u8>) -> Option<Vec<u8>> {
    let length = u32::from_be_bytes(*received.first_chunk()?) as usize;
    let frame = received.get(4..4 + length)?.to_vec();
    received.drain(..4 + length);
    Some(frame)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn free_ports_differ() {
        let mut ports = free_ports([None; 16]).unwrap();
        ports.sort_unstable();
        ports.dedup();
        assert_eq!(ports.len(), 16);
    }

    #[test]
    fn a_wish_counts_while_the_port_is_free() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = taken.local_addr().unwrap().port();
        assert_ne!(free_ports([Some(port)]).unwrap(), [port]);
        drop(taken);
        assert_eq!(free_ports([Some(port)]).unwrap(), [port]);
    }

    #[test]
    fn frames_come_out_of_a_stream_as_they_went_in() {
        let mut stream = [framed(b"one"), framed(b""), framed(b"two")].concat();
        let rest = stream.split_off(stream.len() - 1);
        assert_eq!(take_frame(&mut stream).as_deref(), Some(&b"one"[..]));
        assert_eq!(take_frame(&mut stream).as_deref(), Some(&b""[..]));
        assert_eq!(take_frame(&mut stream), None);
        stream.extend(rest);
        assert_eq!(take_frame(&mut stream).as_deref(), Some(&b"two"[..]));
        assert_eq!(take_frame(&mut stream), None);
    }

    #[test]
    fn the_last_port_of_the_last_node_has_an_address_of_its_own() {
        let nodes = u8::try_from(NODES_MAX).unwrap();
        assert!(nodes * PORTS_PER_NODE <= 16);
        assert_eq!(address(nodes - 1), Ipv4Addr::new(10, 5, 0, 17));
        assert_eq!(mac_text(mac(nodes - 1, 1)), "52:54:00:05:01:07");
    }
}
