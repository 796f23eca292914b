//! Tells whoever started this process, again and again, that it still works.
//!
//! Told from the loop that does all the work of a component: a loop that stands still tells nothing.
//!
//! Source: sd_notify(3), sd_watchdog_enabled(3).

use std::ffi::OsString;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::time::Duration;

use tracing::warn;

/// What is told.
const SIGN: &[u8] = b"WATCHDOG=1";

/// Where signs of life are wanted, and how often.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    socket: PathBuf,
    pause: Duration,
}

impl Wanted {
    /// By `NOTIFY_SOCKET` and `WATCHDOG_USEC`; `None` when nobody wants signs of life.
    #[must_use]
    pub fn of_environment() -> Option<Self> {
        Self::parse(
            std::env::var_os("NOTIFY_SOCKET"),
            std::env::var_os("WATCHDOG_USEC"),
        )
    }

    fn parse(socket: Option<OsString>, silence_max_us: Option<OsString>) -> Option<Self> {
        let silence_max_us = silence_max_us?.to_str()?.parse().ok()?;
        // Half of what is allowed, as sd_watchdog_enabled(3) advises.
        let pause = Duration::from_micros(silence_max_us) / 2;
        let socket = PathBuf::from(socket?);
        (!pause.is_zero()).then_some(Self { socket, pause })
    }
}

/// Tells for as long as it is polled; returns when nobody wants to know.
pub async fn tell() {
    if let Some(wanted) = Wanted::of_environment() {
        tell_to(&wanted).await;
    }
}

async fn tell_to(wanted: &Wanted) {
    let connected = || -> io::Result<UnixDatagram> {
        let socket = UnixDatagram::unbound()?;
        socket.set_nonblocking(true)?;
        socket.connect(&wanted.socket)?;
        Ok(socket)
    };
    let socket = match connected() {
        Ok(socket) => socket,
        Err(error) => {
            let path = wanted.socket.display();
            return warn!(%error, %path, "signs of life cannot be told");
        }
    };
    loop {
        tokio::time::sleep(wanted.pause).await;
        if let Err(error) = socket.send(SIGN) {
            warn!(%error, "a sign of life is lost");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(socket: Option<&str>, silence_max_us: Option<&str>) -> Option<Wanted> {
        Wanted::parse(socket.map(Into::into), silence_max_us.map(Into::into))
    }

    #[test]
    fn nothing_is_told_to_nobody() {
        assert_eq!(parse(None, Some("60000000")), None);
        assert_eq!(parse(Some("/x"), None), None);
        for wrong in ["", "0", "-1", "1s"] {
            assert_eq!(parse(Some("/x"), Some(wrong)), None, "{wrong}");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn twice_in_the_longest_silence_there_is_a_sign() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("x.sock");
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let wanted = parse(path.to_str(), Some("60000000")).unwrap();
        let told = tokio::time::timeout(Duration::from_secs(61), tell_to(&wanted));
        assert!(told.await.is_err());
        let mut sign = [0; 64];
        for _ in 0..2 {
            let length = socket.recv(&mut sign).unwrap();
            assert_eq!(&sign[..length], SIGN);
        }
        assert!(socket.recv(&mut sign).is_err());
    }
}
