//! Authenticode: the signatures that UEFI Secure Boot checks before it starts a program.
//!
//! ```text
//! PE file ── digest ─► SpcIndirectData ── attributes ── RSA ─► PKCS #7 ─► certificate table
//! ```
//!
//! A signature covers the whole file but for three places that it changes itself: the checksum,
//! the pointer to the certificate table, and that table. It holds no time, so that the same file
//! and the same key give the same bytes.
//!
//! Source: Windows Authenticode Portable Executable Signature Format, 1.0; UEFI Specification
//! 2.10, section 32.2.

mod certificate;
mod der;
mod key;
mod pe;
mod pkcs7;
mod sign;
pub mod variables;
mod verify;

pub use certificate::{Certificate, CertificateError};
pub use der::DerError;
pub use key::{KeyError, Signer, SigningKey};
pub use pe::PeError;
pub use sign::{SignError, sign};
pub use verify::{VerifyError, verify};
