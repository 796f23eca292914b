//! The server certificate of maintenance mode.
//!
//! The authority lives in this process's memory only. The first certificate is made before any
//! address is known, so that no caller waits for one; it is replaced when names become known.

use std::net::IpAddr;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use futures_util::StreamExt;
use ichor_pki::{Authority, KeyPair, PkiError, ServerIdentity};
use ichor_resource::Spec;
use ichor_resource::specs::network::NodeAddress;
use ichor_state::{Query, State, StateExt, WatchOptions, WatchStart, WatchTarget};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs;
use rustls::server::{ClientHello, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use tracing::{info, warn};

use crate::ApidError;

const SUBJECT: &str = "maintenance-service.talos.dev";
const AUTHORITY: &str = "ichor-maintenance";
const LIFETIME: Duration = Duration::from_secs(10 * 365 * 86_400);

/// Issues certificates and shows the newest to clients.
#[derive(Debug)]
pub(crate) struct Certificates {
    authority: Authority,
    /// The same for all certificates, so that its fingerprint holds.
    key: KeyPair,
    fingerprint: String,
    current: RwLock<Arc<CertifiedKey>>,
}

impl Certificates {
    /// A new authority, and a first certificate for `key` without addresses.
    ///
    /// # Errors
    /// [`PkiError`].
    pub(crate) fn new(key: KeyPair) -> Result<Self, PkiError> {
        let authority = Authority::generate(AUTHORITY, LIFETIME)?;
        let first = certified(&authority, &key, Vec::new())?;
        Ok(Self {
            fingerprint: key.fingerprint()?,
            current: RwLock::new(Arc::new(first)),
            authority,
            key,
        })
    }

    /// What people compare with what their client shows.
    pub(crate) fn fingerprint(&self) -> String {
        self.fingerprint.clone()
    }

    /// TLS 1.2 and 1.3 with HTTP/2, without tickets.
    ///
    /// # Errors
    /// When the TLS library refuses the settings.
    pub(crate) fn tls_config(self: &Arc<Self>) -> Result<Arc<ServerConfig>, ApidError> {
        let provider = Arc::new(aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(self) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"h2".to_vec()];
        config.send_tls13_tickets = 0;
        Ok(Arc::new(config))
    }

    fn renew(&self, addresses: Vec<IpAddr>) -> Result<(), PkiError> {
        let fresh = Arc::new(certified(&self.authority, &self.key, addresses)?);
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = fresh;
        Ok(())
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let current = self.current.read().unwrap_or_else(PoisonError::into_inner);
        Some(Arc::clone(&current))
    }
}

fn identity(addresses: Vec<IpAddr>) -> ServerIdentity {
    ServerIdentity {
        name: SUBJECT.into(),
        dns_names: vec![SUBJECT.into()],
        addresses,
        lifetime: LIFETIME,
    }
}

fn certified(
    authority: &Authority,
    key: &KeyPair,
    addresses: Vec<IpAddr>,
) -> Result<CertifiedKey, PkiError> {
    let chain = authority.issue_server(&identity(addresses), key)?;
    let signer = aws_lc_rs::sign::any_supported_type(&key.private_der()?);
    let signer = signer.map_err(|error| PkiError::Key(error.to_string()))?;
    Ok(CertifiedKey::new(chain, signer))
}

/// Issues a new certificate whenever the node's addresses change.
pub(crate) async fn follow_names(state: impl State, certificates: Arc<Certificates>) {
    let target = WatchTarget::Kind(NodeAddress::kind(), Query::default());
    let options = WatchOptions {
        start: WatchStart::Contents,
        ..WatchOptions::default()
    };
    let mut known = Vec::new();
    loop {
        let mut watch = match state.watch(target.clone(), options.clone()).await {
            Ok(watch) => watch,
            Err(error) => {
                warn!(%error, "the certificate does not follow the node's addresses, retrying");
                tokio::time::sleep(Duration::from_secs(1)).await;
                continue;
            }
        };
        while watch.next().await.is_some() {
            let Ok(Some(current)) = state.find::<NodeAddress>("current").await else {
                continue;
            };
            let addresses = &current.value().addresses;
            let addresses: Vec<IpAddr> = addresses.iter().map(|prefix| prefix.addr()).collect();
            if addresses == known {
                continue;
            }
            match certificates.renew(addresses.clone()) {
                Ok(()) => info!(?addresses, "certificate issued"),
                Err(error) => warn!(%error, "no certificate for the new addresses"),
            }
            if let Some(line) = how_to_reach(&addresses, &certificates.fingerprint) {
                ichor_log::notice(&line);
            }
            known = addresses;
        }
    }
}

/// For whoever stands in front of the machine. `None` while it has no address.
fn how_to_reach(addresses: &[IpAddr], fingerprint: &str) -> Option<String> {
    let (first, others) = addresses.split_first()?;
    let mut line =
        format!("try: ichor --insecure --cert-fingerprint {fingerprint} --nodes {first} version");
    if !others.is_empty() {
        let others: Vec<_> = others.iter().map(IpAddr::to_string).collect();
        line.push_str(&format!(" (or {})", others.join(", ")));
    }
    Some(line)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_says_how_it_is_reached_once_it_can_be() {
        let line = |addresses: &[&str]| {
            let addresses: Vec<_> = addresses.iter().map(|text| text.parse().unwrap()).collect();
            how_to_reach(&addresses, "AbC=")
        };
        assert_eq!(line(&[]), None);
        let one = "try: ichor --insecure --cert-fingerprint AbC= --nodes 10.5.0.2 version";
        assert_eq!(line(&["10.5.0.2"]).as_deref(), Some(one));
        let several = line(&["10.5.0.2", "10.5.0.3", "fd00::2"]).unwrap();
        assert_eq!(several, format!("{one} (or 10.5.0.3, fd00::2)"));
    }
}
