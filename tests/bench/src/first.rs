//! Waiting for a node's first answer.

use std::time::Duration;

use anyhow::{Result, bail};
use ichor_client::{Client, NodeAddress};
use tokio::time::{Instant, sleep, timeout};

/// Short against what is measured.
const PAUSE: Duration = Duration::from_millis(1);
/// A connection that a forwarding host has accepted before the node can answer.
const ATTEMPT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(120);

/// Calls Version until it is answered. Gives the time of the answer, in nanoseconds of
/// `CLOCK_MONOTONIC`, which all processes of a computer share.
///
/// # Errors
/// When there is no answer in two minutes.
pub(crate) fn run(endpoint: &NodeAddress) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let end = Instant::now() + PATIENCE;
        while Instant::now() < end {
            if let Ok(Ok(())) = timeout(ATTEMPT, ask(endpoint)).await {
                return Ok(monotonic_ns());
            }
            sleep(PAUSE).await;
        }
        bail!("{endpoint} does not answer")
    })
}

async fn ask(endpoint: &NodeAddress) -> Result<()> {
    let client = Client::insecure(endpoint, &[]).await?;
    client.machine().version(()).await?;
    Ok(())
}

/// Now.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let rest = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + rest
}
