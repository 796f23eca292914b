//! Certificates and keys. Their `Debug` shows no key.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::secrets as wire;
use serde::Serialize;

use crate::specs::text;
use ichor_api::common;
use std::fmt;

/// Certificates of the API.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiCertificate {
    /// CAs whose certificates are accepted.
    #[serde(rename = "acceptedCAs")]
    pub accepted_cas: Vec<Certificate>,
    /// Certificate and key as a client.
    pub client: CertificateAndKey,
    /// Certificate and key as a server.
    pub server: CertificateAndKey,
    /// Whether clients need no certificate.
    pub skip_verifying_client_cert: bool,
}

message!(ApiCertificate, wire::ApiCertsSpec {
    accepted_cas as accepted_c_as, client, server, skip_verifying_client_cert
});
spec!(
    ApiCertificate,
    wire::ApiCertsSpec,
    "ApiCertificates.secrets.talos.dev",
    "secrets"
);

/// Names and addresses that a certificate must carry.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CertSan {
    /// IP addresses.
    pub ips: Vec<IpAddr>,
    /// DNS names.
    pub dns_names: Vec<String>,
    /// Full name of the node.
    pub fqdn: String,
}

message!(CertSan, wire::CertSanSpec {
    ips as i_ps, dns_names, fqdn
});
spec!(
    CertSan,
    wire::CertSanSpec,
    "CertSANs.secrets.talos.dev",
    "secrets"
);

/// The CA of maintenance mode, made at each boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MaintenanceRootSecret {
    /// Certificate and key of the CA.
    pub ca: CertificateAndKey,
}

message!(MaintenanceRootSecret, wire::MaintenanceRootSpec { ca });
spec!(
    MaintenanceRootSecret,
    wire::MaintenanceRootSpec,
    "MaintenanceRootSecrets.secrets.talos.dev",
    "secrets"
);

/// A certificate and its key, both in PEM.
#[derive(Clone, Default, PartialEq, Eq, Serialize)]
pub struct CertificateAndKey {
    /// Certificate in PEM.
    #[serde(serialize_with = "text::base64")]
    pub crt: Vec<u8>,
    /// Private key in PEM.
    #[serde(serialize_with = "text::base64")]
    pub key: Vec<u8>,
}

message!(
    CertificateAndKey,
    common::PemEncodedCertificateAndKey { crt, key }
);

impl fmt::Debug for CertificateAndKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CertificateAndKey").finish_non_exhaustive()
    }
}

/// A certificate in PEM.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Certificate {
    /// Certificate in PEM.
    #[serde(serialize_with = "text::base64")]
    pub crt: Vec<u8>,
}

message!(Certificate, common::PemEncodedCertificate { crt });
