//! What PID 1 hands over: descriptors and paths, named by the environment.

use std::net::TcpListener;
use std::path::PathBuf;

use crate::{ApidError, Setup};

/// Reads the environment of this process.
///
/// # Errors
/// Says which variable is missing or wrong.
pub(crate) fn setup() -> Result<Setup, ApidError> {
    let listed = std::env::var("ICHOR_LISTEN_FDS")?;
    let number = find(&listed, "api").ok_or("ICHOR_LISTEN_FDS names no socket \"api\"")?;
    let listener = adopt(number).map_err(|error| format!("descriptor {number}: {error}"))?;
    let machine =
        std::env::var_os("ICHOR_MACHINE_SOCKET").ok_or("ICHOR_MACHINE_SOCKET is not set")?;
    Ok(Setup {
        listener,
        machine_socket: PathBuf::from(machine),
        state_socket: std::env::var_os("ICHOR_STATE_SOCKET").map(PathBuf::from),
    })
}

/// The number behind a name in `NAME:NUMBER,NAME:NUMBER`.
fn find(listed: &str, name: &str) -> Option<i32> {
    let mut pairs = listed.split(',').filter_map(|pair| pair.split_once(':'));
    pairs.find(|(key, _)| *key == name)?.1.parse().ok()
}

fn adopt(number: i32) -> std::io::Result<TcpListener> {
    let listener = TcpListener::from(ichor_sys::handover::take(number)?);
    listener.set_nonblocking(true)?;
    Ok(listener)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn finds_a_descriptor_by_its_name() {
        assert_eq!(find("api:3,service:4", "service"), Some(4));
        assert_eq!(find("api:3", "service"), None);
        assert_eq!(find("api:x,", "api"), None);
    }
}
