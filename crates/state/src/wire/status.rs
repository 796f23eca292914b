//! Between [`StateError`] and gRPC status.
//!
//! The code is what every client understands. Beside it, a trailer of our own says which error it
//! was, so that a controller behind a socket can tell a conflict from a refusal.

use ichor_resource::{Pointer, Version};
use tonic::metadata::MetadataValue;
use tonic::{Code, Status};

use super::phase;
use crate::StateError;

/// Binary trailer: the name of the error, then its arguments, separated by NUL.
const TRAILER: &str = "ichor-state-error-bin";

/// How much of a text is told. Texts are headers of HTTP/2, and a peer that gets more of those than it
/// takes ends the connection, with all calls and watches on it.
const MAX_TEXT_BYTES: usize = 2048;

/// The only place where an error of the state becomes a gRPC code.
pub(crate) fn to_status(error: StateError) -> Status {
    let (code, parts) = match &error {
        StateError::NotFound(_) => (Code::NotFound, vec!["not-found".into()]),
        StateError::AlreadyExists(_) => (Code::AlreadyExists, vec!["exists".into()]),
        StateError::VersionConflict { stored, given, .. } => (
            Code::FailedPrecondition,
            vec![
                "version".to_owned(),
                stored.number().to_string(),
                given.number().to_string(),
            ],
        ),
        StateError::OwnerConflict { owner, given, .. } => (
            Code::PermissionDenied,
            vec!["owner".into(), owner.clone(), given.clone()],
        ),
        StateError::PhaseConflict { phase, .. } => (
            Code::InvalidArgument,
            vec!["phase".into(), phase.as_str().to_owned()],
        ),
        StateError::PendingFinalizers { finalizers, .. } => {
            let head = ["finalizers".to_owned()];
            let parts = head.into_iter().chain(finalizers.iter().cloned());
            (Code::FailedPrecondition, parts.collect())
        }
        StateError::Denied(text) => (Code::PermissionDenied, vec!["denied".into(), text.clone()]),
        StateError::Invalid(text) => (Code::InvalidArgument, vec!["invalid".into(), text.clone()]),
        StateError::Decode(text) => (Code::InvalidArgument, vec!["decode".into(), text.clone()]),
        StateError::InvalidBookmark => (Code::FailedPrecondition, vec!["bookmark".into()]),
        StateError::Transport(_) => (Code::Unavailable, Vec::new()),
    };
    let text = error.to_string();
    let mut status = Status::new(code, start_of(&text));
    if !parts.is_empty() {
        let value = MetadataValue::from_bytes(start_of(&parts.join("\0")).as_bytes());
        status.metadata_mut().insert_bin(TRAILER, value);
    }
    status
}

fn start_of(text: &str) -> &str {
    text.get(..text.floor_char_boundary(MAX_TEXT_BYTES))
        .unwrap_or(text)
}

/// The error that a status stands for, when it was answered about `pointer`.
pub(crate) fn from_status(status: &Status, pointer: impl FnOnce() -> Pointer) -> StateError {
    let trailer = status.metadata().get_bin(TRAILER);
    let bytes = trailer.and_then(|value| value.to_bytes().ok());
    let text = bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    let text = text.unwrap_or_default();
    let parts: Vec<&str> = text.split('\0').collect();
    let version = |text: &str| text.parse().map_or(Version::UNDEFINED, Version::new);
    match parts.as_slice() {
        ["not-found"] => StateError::NotFound(pointer()),
        ["exists"] => StateError::AlreadyExists(pointer()),
        ["version", stored, given] => StateError::VersionConflict {
            pointer: pointer(),
            stored: version(stored),
            given: version(given),
        },
        ["owner", owner, given] => StateError::OwnerConflict {
            pointer: pointer(),
            owner: (*owner).to_owned(),
            given: (*given).to_owned(),
        },
        ["phase", text] => StateError::PhaseConflict {
            pointer: pointer(),
            phase: phase(text).unwrap_or_default(),
        },
        ["finalizers", names @ ..] => StateError::PendingFinalizers {
            pointer: pointer(),
            finalizers: names.iter().map(ToString::to_string).collect(),
        },
        ["denied", text] => StateError::Denied((*text).to_owned()),
        ["invalid", text] => StateError::Invalid((*text).to_owned()),
        ["decode", text] => StateError::Decode((*text).to_owned()),
        ["bookmark"] => StateError::InvalidBookmark,
        _ => by_code(status, pointer),
    }
}

/// What another server, or the transport, may have meant.
fn by_code(status: &Status, pointer: impl FnOnce() -> Pointer) -> StateError {
    let text = || status.message().to_owned();
    match status.code() {
        Code::NotFound => StateError::NotFound(pointer()),
        Code::AlreadyExists => StateError::AlreadyExists(pointer()),
        Code::PermissionDenied | Code::Unauthenticated => StateError::Denied(text()),
        Code::InvalidArgument | Code::OutOfRange => StateError::Invalid(text()),
        _ => StateError::Transport(format!("{}: {}", status.code(), status.message())),
    }
}
