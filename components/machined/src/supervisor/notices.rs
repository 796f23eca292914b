//! What programs that are no components tell of themselves.
//!
//! Source: sd_notify(3).

use tokio::net::UnixDatagram;
use tracing::warn;

use super::board::Board;

const NOTICE_BYTES_MAX: usize = 4096;

/// Records that a service works whenever it says so.
pub(crate) async fn follow(id: &'static str, socket: UnixDatagram, board: Board) {
    let mut notice = vec![0; NOTICE_BYTES_MAX];
    loop {
        match socket.recv(&mut notice).await {
            Ok(length) if says_ready(notice.get(..length).unwrap_or_default()) => {
                board.record_health(id, Some(true), "");
            }
            Ok(_other) => {}
            Err(error) => {
                warn!(%error, service = id, "whether it works is not known any more");
                return;
            }
        }
    }
}

pub(crate) fn says_ready(notice: &[u8]) -> bool {
    let mut lines = notice.split(|byte| *byte == b'\n');
    lines.any(|line| line == b"READY=1")
}

#[cfg(test)]
mod tests {
    use super::super::status::{ServiceState, ServiceStatus};
    use super::*;

    #[test]
    fn ready_is_a_line() {
        assert!(says_ready(
            b"READY=1\nSTATUS=Processing with 20 children at max"
        ));
        assert!(says_ready(b"STATUS=x\nREADY=1"));
        assert!(!says_ready(b"STATUS=READY=1"));
        assert!(!says_ready(b"RELOADING=1\nREADY=10\n"));
        assert!(!says_ready(b""));
    }

    #[tokio::test]
    async fn a_service_is_up_when_it_says_so() {
        let board = Board::new(Box::new(|_| {}));
        board.add(ServiceStatus::new("udevd", true));
        board.record("udevd", ServiceState::Running, "");
        let (ours, theirs) = UnixDatagram::pair().unwrap();
        tokio::spawn(follow("udevd", ours, board.clone()));
        theirs.send(b"STATUS=Starting").await.unwrap();
        tokio::task::yield_now().await;
        assert!(!board.get("udevd").unwrap().is_up());
        theirs.send(b"READY=1").await.unwrap();
        board.wait_up("udevd").await;
        board.record("udevd", ServiceState::Failed, "");
        board.wait_down("udevd").await;
    }
}
