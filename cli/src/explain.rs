//! Errors as one line that says what failed, why, and what to do.

use std::error::Error;
use std::io;

use ichor_client::ConnectError;
use tonic::{Code, Status};

/// An error with its causes, in one line.
pub(crate) fn one_line(error: &anyhow::Error) -> String {
    flat(&format!("{error:#}"))
}

/// Why a node could not be reached.
pub(crate) fn connect(error: &ConnectError) -> anyhow::Error {
    let advice = match error {
        ConnectError::Setup(_) | ConnectError::Channel { .. } => "",
        ConnectError::Lookup { .. } => "; check the name, or write an address",
        ConnectError::Tcp { source, .. } => tcp_advice(source),
        ConnectError::Silent { .. } => {
            "; check the address, and that no firewall is on the way to it"
        }
        ConnectError::Handshake { source, .. } => handshake_advice(source),
        ConnectError::Fingerprint { accepted, .. } => {
            let accepted = accepted.join(" or ");
            let error = chain(error);
            return anyhow::anyhow!(
                "{error}, and --cert-fingerprint accepts {accepted}; accept it only if the node's \
                 console shows the same"
            );
        }
    };
    anyhow::anyhow!("{}{advice}", chain(error))
}

fn tcp_advice(source: &io::Error) -> &'static str {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    match source.kind() {
        ConnectionRefused => {
            "; check that the node is up, and that the port is the one of its API (50000)"
        }
        NetworkUnreachable | HostUnreachable => {
            "; check the address, and the routes of this computer"
        }
        TimedOut => "; check the address, and that no firewall is on the way to it",
        _ => "",
    }
}

fn handshake_advice(source: &io::Error) -> &'static str {
    use io::ErrorKind::{ConnectionReset, InvalidData, UnexpectedEof};
    match source.kind() {
        UnexpectedEof | ConnectionReset => {
            "; the node may still be starting: try again in some seconds"
        }
        InvalidData => "; check that the port is the one of the node's API (50000)",
        _ => "",
    }
}

/// Says of a call's failure what was called.
pub(crate) fn called(method: &'static str) -> impl Fn(Status) -> anyhow::Error {
    move |status| call(method, &status)
}

fn call(method: &str, status: &Status) -> anyhow::Error {
    let text = match status.source() {
        // The connection itself broke; its code is only tonic's guess.
        Some(source) => broken(&chain(source)),
        None => answered(status),
    };
    anyhow::anyhow!("{method}: {}", flat(&text))
}

fn broken(cause: &str) -> String {
    // The alert of TLS for who shows no certificate (RFC 8446, section 6.2).
    match cause.contains("CertificateRequired") {
        true => {
            "the node asks for a client certificate, so it is not in maintenance mode any more; \
             certificates of one's own are not implemented yet"
                .to_owned()
        }
        false => format!("the connection broke: {cause}; the node may be going down: try again"),
    }
}

fn answered(status: &Status) -> String {
    let (code, message) = (name(status.code()), status.message());
    let advice = match status.code() {
        Code::Unimplemented => "; docs/api.md lists what nodes can do",
        Code::PermissionDenied => "; a node in maintenance mode only lets itself be read",
        Code::Unavailable if !message.contains("try again") => "; try again",
        Code::DeadlineExceeded => "; the node is slow or stuck: try again",
        Code::ResourceExhausted => "; ask for less, or try again",
        _ => "",
    };
    match message {
        "" => format!("{code}{advice}"),
        message => format!("{code}: {message}{advice}"),
    }
}

/// The name of a code in the specification of gRPC, by which people search.
fn name(code: Code) -> &'static str {
    match code {
        Code::Ok => "OK",
        Code::Cancelled => "CANCELLED",
        Code::Unknown => "UNKNOWN",
        Code::InvalidArgument => "INVALID_ARGUMENT",
        Code::DeadlineExceeded => "DEADLINE_EXCEEDED",
        Code::NotFound => "NOT_FOUND",
        Code::AlreadyExists => "ALREADY_EXISTS",
        Code::PermissionDenied => "PERMISSION_DENIED",
        Code::ResourceExhausted => "RESOURCE_EXHAUSTED",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::Aborted => "ABORTED",
        Code::OutOfRange => "OUT_OF_RANGE",
        Code::Unimplemented => "UNIMPLEMENTED",
        Code::Internal => "INTERNAL",
        Code::Unavailable => "UNAVAILABLE",
        Code::DataLoss => "DATA_LOSS",
        Code::Unauthenticated => "UNAUTHENTICATED",
    }
}

/// An error and its causes. Some repeat their cause in their own text; it is said once.
fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let said = error.to_string();
        if !text.ends_with(&said) {
            text = format!("{text}: {said}");
        }
        cause = error.source();
    }
    text
}

/// Text from elsewhere may have lines and escape sequences.
fn flat(text: &str) -> String {
    let words = text.split(|letter: char| letter.is_control());
    words
        .map(str::trim)
        .filter(|word| !word.is_empty())
        .collect::<Vec<_>>()
        .join(" ")
}

#[cfg(test)]
mod tests;
