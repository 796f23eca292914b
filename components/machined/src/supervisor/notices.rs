//! What services tell of themselves, and that they tell nothing any more.
//!
//! Source: sd_notify(3).

use std::io;
use std::time::Duration;

use tokio::net::UnixDatagram;
use tokio::time::Instant;
use tracing::warn;

use super::board::Board;

const NOTICE_BYTES_MAX: usize = 4096;

/// Records what a service says, and that it has been silent for longer than it may be.
pub(crate) async fn follow(
    id: &'static str,
    silence_max: Duration,
    socket: UnixDatagram,
    board: Board,
) {
    let mut notice = vec![0; NOTICE_BYTES_MAX];
    let mut changes = board.subscribe();
    loop {
        let end = board.silence_end(id, silence_max);
        tokio::select! {
            received = socket.recv(&mut notice) => {
                if let Err(error) = heard(id, received, &notice, &board) {
                    warn!(%error, service = id, "whether it works is not known any more");
                    return;
                }
            }
            // The end moves with each sign, so usually nobody wakes up for it.
            () = until(end) => board.record_silence(id, silence_max),
            // Its process may have started. The sender lives as long as the board.
            _changed = changes.changed(), if end.is_none() => {}
        }
    }
}

fn heard(
    id: &'static str,
    received: io::Result<usize>,
    notice: &[u8],
    board: &Board,
) -> io::Result<()> {
    let notice = notice.get(..received?).unwrap_or_default();
    if says(notice, b"READY=1") {
        board.record_ready(id, true);
    }
    if says(notice, b"WATCHDOG=1") {
        board.record_sign(id);
    }
    Ok(())
}

async fn until(end: Option<Instant>) {
    match end {
        Some(end) => tokio::time::sleep_until(end).await,
        None => std::future::pending().await,
    }
}

/// Whether a notice has such a line.
pub(crate) fn says(notice: &[u8], what: &[u8]) -> bool {
    let mut lines = notice.split(|byte| *byte == b'\n');
    lines.any(|line| line == what)
}

#[cfg(test)]
mod tests {
    use super::super::status::{ServiceState, ServiceStatus};
    use super::*;

    const SILENCE_MAX: Duration = Duration::from_secs(60);

    #[test]
    fn ready_is_a_line() {
        assert!(says(
            b"READY=1\nSTATUS=Processing with 20 children at max",
            b"READY=1"
        ));
        assert!(says(b"STATUS=x\nREADY=1", b"READY=1"));
        assert!(!says(b"STATUS=READY=1", b"READY=1"));
        assert!(!says(b"RELOADING=1\nREADY=10\n", b"READY=1"));
        assert!(!says(b"", b"READY=1"));
    }

    #[tokio::test]
    async fn a_service_is_up_when_it_says_so() {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("udevd", true));
        board.record("udevd", ServiceState::Running, "");
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        tokio::spawn(follow("udevd", SILENCE_MAX, ours, board.clone()));
        theirs.send(b"STATUS=Starting").await.unwrap();
        tokio::task::yield_now().await;
        assert!(!board.get("udevd").unwrap().is_up());
        theirs.send(b"READY=1").await.unwrap();
        board.wait_up("udevd").await;
        board.record_end("udevd");
        board.wait_down("udevd").await;
    }

    #[tokio::test(start_paused = true)]
    async fn who_falls_silent_is_unhealthy_until_it_speaks_again() {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("udevd", true));
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        tokio::spawn(follow("udevd", SILENCE_MAX, ours, board.clone()));
        tokio::time::sleep(2 * SILENCE_MAX).await;
        let healthy = || board.get("udevd").unwrap().health.healthy;
        assert_eq!(healthy(), None, "it does not run");
        board.record_start("udevd", 7, "started");
        theirs.send(b"READY=1").await.unwrap();
        for _ in 0..5 {
            tokio::time::sleep(SILENCE_MAX / 2).await;
            theirs.send(b"WATCHDOG=1").await.unwrap();
        }
        tokio::time::sleep(SILENCE_MAX / 2).await;
        assert_eq!(healthy(), Some(true));
        tokio::time::sleep(SILENCE_MAX).await;
        assert_eq!(healthy(), Some(false));
        theirs.send(b"WATCHDOG=1").await.unwrap();
        board.wait_up("udevd").await;
        board.record_end("udevd");
        let events = board.get("udevd").unwrap().events;
        let told: Vec<_> = events.iter().map(|event| event.message.as_str()).collect();
        let expected = [
            "started",
            "Health check successful",
            "Health check failed: no sign of life for 60 s",
            "Health check successful",
        ];
        assert_eq!(told, expected);
    }
}
