//! What PID 1 hands over: descriptors and paths, named by the environment.

use std::net::TcpListener;
use std::path::PathBuf;

use ichor_sys::handover::take_named;

use crate::{ApidError, Setup};

/// Reads the environment of this process.
///
/// # Errors
/// Says which variable is missing or wrong.
pub(crate) fn setup() -> Result<Setup, ApidError> {
    let listener = TcpListener::from(take_named("api")?);
    listener.set_nonblocking(true)?;
    let services = std::env::var("ICHOR_SERVICE_SOCKETS");
    let services = services.map_err(|error| format!("ICHOR_SERVICE_SOCKETS: {error}"))?;
    Ok(Setup {
        identity: Some(take_named("identity")?.into()),
        listener,
        services: parse_services(&services),
        state_socket: std::env::var_os("ICHOR_STATE_SOCKET").map(PathBuf::from),
    })
}

/// `NAME:PATH,NAME:PATH`.
pub(crate) fn parse_services(text: &str) -> Vec<(String, PathBuf)> {
    let pairs = text.split(',').filter_map(|pair| pair.split_once(':'));
    pairs
        .map(|(name, path)| (name.to_owned(), PathBuf::from(path)))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn services_are_named() {
        let found = parse_services("machined:/a/machine.sock,storaged:/b.sock");
        let expected = [("machined", "/a/machine.sock"), ("storaged", "/b.sock")];
        let expected = expected.map(|(name, path)| (name.to_owned(), PathBuf::from(path)));
        assert_eq!(found, expected);
        assert_eq!(parse_services(""), []);
    }
}
