//! What the fuzz tests call: what QEMU and the hub say.

use std::io::{self, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use crate::network::dhcp;
use crate::qmp::Qmp;

/// A frame from the hub.
pub fn frame(input: &[u8]) {
    dhcp::parse_offer(input, 7);
}

/// All that QEMU says on its control socket.
pub fn qmp(input: &[u8]) {
    // The other end stays open, so that a question finds a place.
    if let Ok((mut qmp, _theirs)) = said(input) {
        let asked = qmp.execute("query-status", &serde_json::Value::Null);
        let waited = qmp.wait_for_event("SHUTDOWN", Duration::from_secs(60), |_| true);
        drop((asked, waited));
    }
}

/// A control socket that has said everything already.
fn said(input: &[u8]) -> io::Result<(Qmp, UnixStream)> {
    let (ours, mut theirs) = UnixStream::pair()?;
    theirs.set_nonblocking(true)?;
    theirs.write_all(input)?;
    theirs.shutdown(Shutdown::Write)?;
    Ok((Qmp::over(ours), theirs))
}
