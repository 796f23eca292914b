//! A client of a node's API.
//!
//! Nodes in maintenance mode have a certificate that nobody has signed: it is accepted as it is,
//! or by its fingerprint.

mod dial;
mod endpoint;
mod trust;

use std::sync::Arc;
use std::time::Duration;

use ichor_api::cosi::resource::state_client::StateClient;
use ichor_api::ichor::machine::v1::introspection_client::IntrospectionClient;
use ichor_api::inspect::inspect_service_client::InspectServiceClient;
use ichor_api::machine::machine_service_client::MachineServiceClient;
use ichor_api::machine::storage_service_client::StorageServiceClient as FileSystemServiceClient;
use ichor_api::storage::storage_service_client::StorageServiceClient;
use rustls::ClientConfig;
use rustls::crypto::aws_lc_rs;
use tokio_rustls::TlsConnector;
use tonic::transport::{Channel, Endpoint};

pub use dial::ConnectError;
pub use endpoint::{EndpointError, NodeAddress};

/// Messages of the API are smaller than this.
const MESSAGE_BYTES_MAX: usize = 32 << 20;
/// How often a connection on which a call waits is tried.
const PING_INTERVAL: Duration = Duration::from_secs(20);

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
        // The first connection is made here, so that its error is ours and not the channel's.
        let mut first = Some(dial::dial(node, &connector).await?);
        let target = node.clone();
        let connect = tower::service_fn(move |_| {
            let (ready, target, connector) = (first.take(), target.clone(), connector.clone());
            async move {
                match ready {
                    Some(stream) => Ok(stream),
                    None => dial::dial(&target, &connector).await,
                }
            }
        });
        let channel = Endpoint::from_static("https://node")
            .http2_keep_alive_interval(PING_INTERVAL)
            .connect_with_connector(connect)
            .await;
        let channel = channel.map_err(|source| ConnectError::Channel {
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

    /// Its file systems.
    pub fn file_systems(&self) -> FileSystemServiceClient<Channel> {
        FileSystemServiceClient::new(self.channel.clone())
            .max_decoding_message_size(MESSAGE_BYTES_MAX)
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
