//! A client of a node's API.
//!
//! Nodes in maintenance mode have a certificate that nobody has signed: it is accepted as it is,
//! or by its fingerprint.

mod endpoint;
mod trust;

use std::io;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use ichor_api::cosi::resource::state_client::StateClient;
use ichor_api::ichor::machine::v1::introspection_client::IntrospectionClient;
use ichor_api::inspect::inspect_service_client::InspectServiceClient;
use ichor_api::machine::machine_service_client::MachineServiceClient;
use ichor_api::storage::storage_service_client::StorageServiceClient;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

pub use endpoint::{EndpointError, NodeAddress};

/// Messages of the API are smaller than this.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const PING_INTERVAL: Duration = Duration::from_secs(20);

/// A node could not be reached.
#[derive(Debug, thiserror::Error)]
pub enum ConnectError {
    /// TLS cannot be set up on this side.
    #[error("set up TLS")]
    Tls(#[from] rustls::Error),
    /// There is no connection.
    #[error("connect to {node}")]
    Connect {
        /// Which node.
        node: NodeAddress,
        /// What failed.
        source: tonic::transport::Error,
    },
}

/// A connection to one node; cheap to clone.
#[derive(Clone, Debug)]
pub struct Client {
    channel: Channel,
}

impl Client {
    /// Connects to a node in maintenance mode. With fingerprints, only a certificate that has one
    /// of them is accepted; without, every one is.
    ///
    /// # Errors
    /// [`ConnectError`].
    pub async fn insecure(
        node: &NodeAddress,
        fingerprints: &[String],
    ) -> Result<Self, ConnectError> {
        let connector = TlsConnector::from(Arc::new(insecure_tls(fingerprints)?));
        let target = node.clone();
        let connect = tower::service_fn(move |_| dial(target.clone(), connector.clone()));
        let channel = Endpoint::from_static("https://node")
            .connect_timeout(CONNECT_TIMEOUT)
            .http2_keep_alive_interval(PING_INTERVAL)
            .connect_with_connector(connect)
            .await;
        let channel = channel.map_err(|source| ConnectError::Connect {
            node: node.clone(),
            source,
        })?;
        Ok(Self { channel })
    }

    /// What all calls go through.
    pub fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// The machine itself.
    pub fn machine(&self) -> MachineServiceClient<Channel> {
        MachineServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// The graph of its controllers.
    pub fn inspect(&self) -> InspectServiceClient<Channel> {
        InspectServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// How it came up, and what its controllers do.
    pub fn introspection(&self) -> IntrospectionClient<Channel> {
        IntrospectionClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Its disks.
    pub fn storage(&self) -> StorageServiceClient<Channel> {
        StorageServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }

    /// Its resources.
    pub fn state(&self) -> StateClient<Channel> {
        StateClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_BYTES_MAX)
    }
}

/// TLS with HTTP/2 to a node in maintenance mode; see [`Client::insecure`].
///
/// # Errors
/// When the TLS library refuses the settings.
pub fn insecure_tls(fingerprints: &[String]) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let verifier = trust::Fingerprints::new(Arc::clone(&provider), fingerprints.to_vec());
    let mut config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(config)
}

async fn dial(
    node: NodeAddress,
    connector: TlsConnector,
) -> io::Result<TokioIo<tokio_rustls::client::TlsStream<TcpStream>>> {
    let stream = TcpStream::connect((node.host(), node.port())).await?;
    // Small messages must not wait for the acknowledgement of earlier ones.
    stream.set_nodelay(true)?;
    let name = ServerName::try_from(node.host().to_owned()).map_err(io::Error::other)?;
    Ok(TokioIo::new(connector.connect(name, stream).await?))
}
