//! Certificates: a certificate authority, and the server certificates that it issues.
//!
//! Keys are Ed25519. A private key never leaves its type: `Debug` prints nothing of it.

mod authority;
mod key;

use std::net::IpAddr;
use std::time::Duration;

pub use authority::Authority;
pub use key::KeyPair;

/// What a server certificate says.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerIdentity {
    /// Common name.
    pub name: String,
    /// Names that clients may use.
    pub dns_names: Vec<String>,
    /// Addresses that clients may use.
    pub addresses: Vec<IpAddr>,
    /// How long the certificate is valid.
    pub lifetime: Duration,
}

/// A certificate could not be made.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// The system gave no random numbers, or refused the key.
    #[error("make a key: {0}")]
    Key(String),
    /// The certificate could not be put together.
    #[error("make a certificate for {name:?}: {problem}")]
    Certificate {
        /// Common name.
        name: String,
        /// What went wrong.
        problem: String,
    },
}
