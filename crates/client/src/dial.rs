//! Reaching a node: its name, TCP, TLS.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::NodeAddress;
use crate::trust::Unexpected;

/// A node that is up answers within milliseconds, also through a few lost packets within this.
const TIME_MAX: Duration = Duration::from_secs(10);

pub(crate) type Stream = TokioIo<TlsStream<TcpStream>>;

/// A node could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS cannot be set up on this side.
    #[error("set up TLS")]
    Setup(#[from] rustls::Error),
    /// Its name has no address.
    #[error("look up {:?}", node.host())]
    Lookup {
        /// Which node.
        node: NodeAddress,
        /// What the system said.
        source: io::Error,
    },
    /// There is no connection.
    #[error("connect to {}", node.authority())]
    Tcp {
        /// Which node.
        node: NodeAddress,
        /// What the system said.
        source: io::Error,
    },
    /// It has not answered.
    #[error("{} has not answered within {} s", node.authority(), waited.as_secs())]
    Silent {
        /// Which node.
        node: NodeAddress,
        /// For how long it had time.
        waited: Duration,
    },
    /// There is a connection, but no TLS on it.
    #[error("agree on TLS with {}", node.authority())]
    Handshake {
        /// Which node.
        node: NodeAddress,
        /// What was wrong.
        source: io::Error,
    },
    /// Its certificate is not one that is accepted.
    #[error("the certificate of {} has the fingerprint {found}", node.authority())]
    Fingerprint {
        /// Which node.
        node: NodeAddress,
        /// The fingerprint of its certificate.
        found: String,
        /// Those that would have been accepted.
        accepted: Vec<String>,
    },
    /// There is TLS, but no HTTP/2 on it.
    #[error("speak HTTP/2 with {}", node.authority())]
    Channel {
        /// Which node.
        node: NodeAddress,
        /// What was wrong.
        source: tonic::transport::Error,
    },
}

/// Connects, within [`TIME_MAX`].
pub(crate) async fn dial(
    node: &NodeAddress,
    connector: &TlsConnector,
) -> Result<Stream, ConnectError> {
    let dialed = async {
        let addresses = look_up(node).await?;
        first_to_end(|attempt| dial_once(node, beginning_at(attempt, &addresses), connector)).await
    };
    timeout(TIME_MAX, dialed).await.unwrap_or_else(|_elapsed| {
        Err(ConnectError::Silent {
            node: node.clone(),
            waited: TIME_MAX,
        })
    })
}

/// Tries again beside attempts that hear nothing. Who forwards to a node that starts, such as QEMU,
/// accepts a connection at once and tries to pass it on at ever longer intervals: long after the node
/// is there.
async fn first_to_end<F: Future>(attempt: impl Fn(usize) -> F) -> F::Output {
    let mut pause = Duration::from_secs(1);
    let mut attempts = FuturesUnordered::new();
    loop {
        attempts.push(attempt(attempts.len()));
        if let Ok(Some(ended)) = timeout(pause, attempts.next()).await {
            return ended;
        }
        // A node that is only slow shall not get ever more to do.
        pause *= 2;
    }
}

/// Each attempt begins at another address, as the first one may be silent, and those behind it are
/// tried only when it refuses.
fn beginning_at(attempt: usize, addresses: &[SocketAddr]) -> Vec<SocketAddr> {
    let first = attempt.checked_rem(addresses.len()).unwrap_or_default();
    let mut addresses = addresses.to_vec();
    addresses.rotate_left(first);
    addresses
}

async fn dial_once(
    node: &NodeAddress,
    addresses: Vec<SocketAddr>,
    connector: &TlsConnector,
) -> Result<Stream, ConnectError> {
    let tcp = |source| ConnectError::Tcp {
        node: node.clone(),
        source,
    };
    let stream = TcpStream::connect(addresses.as_slice())
        .await
        .map_err(tcp)?;
    // Small messages must not wait for the acknowledgement of earlier ones.
    stream.set_nodelay(true).map_err(tcp)?;
    let secured = connector.connect(server_name(node), stream).await;
    secured
        .map(TokioIo::new)
        .map_err(|source| explain(node, source))
}

async fn look_up(node: &NodeAddress) -> Result<Vec<SocketAddr>, ConnectError> {
    if let Ok(address) = node.host().parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(address, node.port())]);
    }
    let found = tokio::net::lookup_host((node.host(), node.port())).await;
    match found {
        Ok(addresses) => Ok(addresses.collect()),
        Err(source) => Err(ConnectError::Lookup {
            node: node.clone(),
            source,
        }),
    }
}

/// The name that the node is asked to show a certificate for. An address with a zone, such as
/// `fe80::1%eth0`, is no such name, and no node has a certificate for it.
fn server_name(node: &NodeAddress) -> ServerName<'static> {
    const UNSPECIFIED: IpAddr = IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED);
    ServerName::try_from(node.host().to_owned())
        .unwrap_or_else(|_not_a_name| ServerName::from(UNSPECIFIED))
}

fn explain(node: &NodeAddress, source: io::Error) -> ConnectError {
    let of_tls = source
        .get_ref()
        .and_then(|error| error.downcast_ref::<rustls::Error>());
    if let Some(rustls::Error::Other(other)) = of_tls
        && let Some(unexpected) = other.0.downcast_ref::<Unexpected>()
    {
        return ConnectError::Fingerprint {
            node: node.clone(),
            found: unexpected.found.clone(),
            accepted: unexpected.accepted.clone(),
        };
    }
    ConnectError::Handshake {
        node: node.clone(),
        source,
    }
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;
    use crate::Client;

    async fn listener() -> (TcpListener, NodeAddress) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let node = listener.local_addr().unwrap().to_string();
        (listener, node.parse().unwrap())
    }

    #[tokio::test]
    async fn a_closed_port_refuses() {
        let (listener, node) = listener().await;
        drop(listener);
        let error = Client::insecure(&node, &[]).await.unwrap_err();
        assert!(
            matches!(&error, ConnectError::Tcp { source, .. }
                if source.kind() == io::ErrorKind::ConnectionRefused),
            "{error:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn who_accepts_and_says_nothing_is_silent() {
        let (_listener, node) = listener().await;
        let error = Client::insecure(&node, &[]).await.unwrap_err();
        assert!(matches!(error, ConnectError::Silent { .. }), "{error:?}");
    }

    #[tokio::test]
    async fn who_hangs_up_has_no_tls() {
        let (listener, node) = listener().await;
        let hang_up = async { drop(listener.accept().await.unwrap()) };
        let (connected, ()) = tokio::join!(Client::insecure(&node, &[]), hang_up);
        let error = connected.unwrap_err();
        assert!(matches!(error, ConnectError::Handshake { .. }), "{error:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_later_attempt_counts_when_earlier_ones_hear_nothing() {
        let begun = tokio::time::Instant::now();
        let ended = first_to_end(|attempt| async move {
            if attempt < 2 {
                std::future::pending::<()>().await;
            }
            attempt
        });
        assert_eq!(ended.await, 2);
        assert_eq!(begun.elapsed(), Duration::from_secs(3));
    }

    #[test]
    fn attempts_begin_at_different_addresses() {
        let addresses = [1, 2].map(|last| SocketAddr::from(([10, 5, 0, last], 50000)));
        let first = |attempt| beginning_at(attempt, &addresses).into_iter().next();
        let [one, other] = addresses.map(Some);
        assert_eq!([0, 1, 2, 3].map(first), [one, other, one, other]);
        assert_eq!(beginning_at(1, &addresses).len(), 2);
        assert_eq!(beginning_at(1, &[]), []);
    }

    #[test]
    fn both_fingerprints_are_kept() {
        let node: NodeAddress = "node".parse().unwrap();
        let unexpected = Unexpected {
            found: "A".into(),
            accepted: vec!["B".into()],
        };
        let of_tls = rustls::Error::Other(rustls::OtherError(std::sync::Arc::new(unexpected)));
        let error = explain(&node, io::Error::new(io::ErrorKind::InvalidData, of_tls));
        assert!(
            matches!(&error, ConnectError::Fingerprint { found, accepted, .. }
                if found == "A" && *accepted == ["B"]),
            "{error:?}"
        );
    }

    #[test]
    fn a_zone_is_no_part_of_a_name() {
        let node: NodeAddress = "fe80::1%eth0".parse().unwrap();
        assert!(matches!(server_name(&node), ServerName::IpAddress(_)));
        let node: NodeAddress = "node.example".parse().unwrap();
        assert!(matches!(server_name(&node), ServerName::DnsName(_)));
    }
}
