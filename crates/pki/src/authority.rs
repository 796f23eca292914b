//! A certificate authority.

use std::str::FromStr;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use der::asn1::{Ia5String, OctetString};
use der::{Encode, oid::ObjectIdentifier};
use rustls::pki_types::CertificateDer;
use spki::SubjectPublicKeyInfoRef;
use x509_cert::TbsCertificate;
use x509_cert::builder::profile::BuilderProfile;
use x509_cert::builder::{Builder, CertificateBuilder};
use x509_cert::certificate::Certificate;
use x509_cert::ext::pkix::name::GeneralName;
use x509_cert::ext::pkix::{
    BasicConstraints, ExtendedKeyUsage, KeyUsage, KeyUsages, SubjectAltName,
};
use x509_cert::ext::{Extension, ToExtension};
use x509_cert::name::Name;
use x509_cert::serial_number::SerialNumber;
use x509_cert::time::{Time, Validity};

use crate::{KeyPair, PkiError, ServerIdentity};

/// id-kp-serverAuth. Source: RFC 5280, section 4.2.1.12.
const SERVER_AUTH: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.7.3.1");
/// Clocks of client and server may differ this much.
const CLOCK_SKEW: Duration = Duration::from_secs(3600);
/// RFC 5280 allows 20; 16 random bytes do not repeat.
const SERIAL_BYTES: usize = 16;

/// A key that signs certificates, and its own certificate.
#[derive(Debug)]
pub struct Authority {
    key: KeyPair,
    certificate: Certificate,
}

impl Authority {
    /// A new authority with a self-signed certificate.
    ///
    /// # Errors
    /// [`PkiError`].
    pub fn generate(name: &str, lifetime: Duration) -> Result<Self, PkiError> {
        let key = KeyPair::generate()?;
        let subject = name_of(name)?;
        let profile = Profile {
            issuer: subject.clone(),
            subject,
            extensions: Extensions::Authority,
        };
        let certificate = sign(name, profile, &key, &key, lifetime)?;
        Ok(Self { key, certificate })
    }

    /// Issues a server certificate for a key: the certificate, then the authority's.
    ///
    /// # Errors
    /// [`PkiError`], for example when a DNS name has characters that certificates cannot hold.
    pub fn issue_server(
        &self,
        identity: &ServerIdentity,
        key: &KeyPair,
    ) -> Result<Vec<CertificateDer<'static>>, PkiError> {
        let refuse = refuse(&identity.name);
        let mut names = Vec::new();
        for name in &identity.dns_names {
            names.push(GeneralName::DnsName(Ia5String::new(name).map_err(&refuse)?));
        }
        for address in &identity.addresses {
            let bytes = match address {
                std::net::IpAddr::V4(address) => address.octets().to_vec(),
                std::net::IpAddr::V6(address) => address.octets().to_vec(),
            };
            let bytes = OctetString::new(bytes).map_err(&refuse)?;
            names.push(GeneralName::IpAddress(bytes));
        }
        let profile = Profile {
            issuer: self.certificate.tbs_certificate().subject().clone(),
            subject: name_of(&identity.name)?,
            extensions: Extensions::Server(names),
        };
        let certificate = sign(&identity.name, profile, key, &self.key, identity.lifetime)?;
        let chain = [&certificate, &self.certificate];
        let chain = chain.map(|each| each.to_der().map(CertificateDer::from));
        let chain: Result<Vec<_>, _> = chain.into_iter().collect();
        chain.map_err(refuse)
    }
}

fn name_of(name: &str) -> Result<Name, PkiError> {
    Name::from_str(&format!("CN={name}")).map_err(refuse(name))
}

fn refuse<E: std::fmt::Display>(name: &str) -> impl Fn(E) -> PkiError + use<E> {
    let name = name.to_owned();
    move |error| PkiError::Certificate {
        name: name.clone(),
        problem: error.to_string(),
    }
}

fn sign(
    name: &str,
    profile: Profile,
    subject: &KeyPair,
    issuer: &KeyPair,
    lifetime: Duration,
) -> Result<Certificate, PkiError> {
    let mut serial = [0; SERIAL_BYTES];
    aws_lc_rs::rand::fill(&mut serial).map_err(|error| PkiError::Key(error.to_string()))?;
    // A serial number is positive.
    if let Some(first) = serial.first_mut() {
        *first = (*first & 0x7f) | 0x01;
    }
    let (from, to) = validity(SystemTime::now(), lifetime);
    let time = |time: SystemTime| Time::try_from(time).map_err(refuse(name));
    let validity = Validity::new(time(from)?, time(to)?);
    let serial = SerialNumber::new(&serial).map_err(refuse(name))?;
    let info = subject.public_info().map_err(refuse(name))?;
    let builder = CertificateBuilder::new(profile, serial, validity, info).map_err(refuse(name))?;
    builder
        .build::<_, crate::key::Signature>(issuer)
        .map_err(refuse(name))
}

/// From when to when a certificate of now is valid. Times before 1970, where a machine without a clock
/// begins, cannot be written.
fn validity(now: SystemTime, lifetime: Duration) -> (SystemTime, SystemTime) {
    let from = now.checked_sub(CLOCK_SKEW).unwrap_or(UNIX_EPOCH);
    (from.max(UNIX_EPOCH), now + lifetime)
}

enum Extensions {
    Authority,
    Server(Vec<GeneralName>),
}

struct Profile {
    issuer: Name,
    subject: Name,
    extensions: Extensions,
}

impl BuilderProfile for Profile {
    fn get_issuer(&self, _: &Name) -> Name {
        self.issuer.clone()
    }

    fn get_subject(&self) -> Name {
        self.subject.clone()
    }

    fn build_extensions(
        &self,
        _: SubjectPublicKeyInfoRef<'_>,
        _: SubjectPublicKeyInfoRef<'_>,
        tbs: &TbsCertificate,
    ) -> x509_cert::builder::Result<Vec<Extension>> {
        let subject = tbs.subject();
        let mut all = Vec::new();
        match &self.extensions {
            Extensions::Authority => {
                let constraints = BasicConstraints {
                    ca: true,
                    path_len_constraint: None,
                };
                all.push(constraints.to_extension(subject, &all)?);
                let usage = KeyUsage(KeyUsages::KeyCertSign | KeyUsages::DigitalSignature);
                all.push(usage.to_extension(subject, &all)?);
            }
            Extensions::Server(names) => {
                let usage = KeyUsage(KeyUsages::DigitalSignature.into());
                all.push(usage.to_extension(subject, &all)?);
                let purpose = ExtendedKeyUsage(vec![SERVER_AUTH]);
                all.push(purpose.to_extension(subject, &all)?);
                all.push(SubjectAltName(names.clone()).to_extension(subject, &all)?);
            }
        }
        Ok(all)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::client::danger::ServerCertVerifier;
    use rustls::pki_types::{ServerName, UnixTime};

    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);

    #[test]
    fn a_certificate_can_be_made_before_the_clock_is_set() {
        let now = UNIX_EPOCH + Duration::from_secs(7);
        let (from, to) = validity(now, DAY);
        assert_eq!((from, to), (UNIX_EPOCH, now + DAY));
        Time::try_from(from).unwrap();
        let now = UNIX_EPOCH + 20_000 * DAY;
        assert_eq!(validity(now, DAY).0, now - CLOCK_SKEW);
    }

    fn identity() -> ServerIdentity {
        ServerIdentity {
            name: "maintenance-service.talos.dev".into(),
            dns_names: vec!["node.example".into()],
            addresses: vec!["10.0.2.15".parse().unwrap(), "fe80::1".parse().unwrap()],
            lifetime: DAY,
        }
    }

    fn verify(
        authority: &Authority,
        issued: &[CertificateDer<'static>],
        name: &str,
    ) -> Result<(), rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut roots = rustls::RootCertStore::empty();
        roots
            .add(CertificateDer::from(
                authority.certificate.to_der().unwrap(),
            ))
            .unwrap();
        let verifier =
            rustls::client::WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider)
                .build()
                .unwrap();
        let name = ServerName::try_from(name.to_owned()).unwrap();
        verifier
            .verify_server_cert(&issued[0], &issued[1..], &name, &[], UnixTime::now())
            .map(drop)
    }

    #[test]
    fn a_client_that_knows_the_authority_accepts_the_server() {
        let authority = Authority::generate("ichor", DAY).unwrap();
        let issued = authority
            .issue_server(&identity(), &KeyPair::generate().unwrap())
            .unwrap();
        verify(&authority, &issued, "node.example").unwrap();
        verify(&authority, &issued, "10.0.2.15").unwrap();
        verify(&authority, &issued, "fe80::1").unwrap();
    }

    #[test]
    fn a_client_refuses_another_name_and_another_authority() {
        let authority = Authority::generate("ichor", DAY).unwrap();
        let issued = authority
            .issue_server(&identity(), &KeyPair::generate().unwrap())
            .unwrap();
        verify(&authority, &issued, "other.example").unwrap_err();
        let stranger = Authority::generate("ichor", DAY).unwrap();
        verify(&stranger, &issued, "node.example").unwrap_err();
    }

    #[test]
    fn nothing_of_a_key_is_printed() {
        let key = KeyPair::generate().unwrap();
        assert_eq!(format!("{key:?}"), "KeyPair { .. }");
        assert_eq!(key.fingerprint().unwrap().len(), 44);
    }
}
