//! Waiting for a node's first answer.

use std::time::Duration;

use anyhow::{Result, bail};
use ichor_client::{Client, NodeAddress};
use tokio::task::JoinSet;
use tokio::time::{Instant, interval, timeout};

/// Short against what is measured.
const PAUSE: Duration = Duration::from_millis(50);
/// A forwarding host accepts a connection before the node can answer, and tries that one again only
/// after seconds: so many attempts are under way at once.
const ATTEMPT: Duration = Duration::from_millis(300);
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
        let mut attempts = JoinSet::new();
        let mut ticks = interval(PAUSE);
        while Instant::now() < end {
            tokio::select! {
                _ = ticks.tick() => {
                    let endpoint = endpoint.clone();
                    attempts.spawn(async move { timeout(ATTEMPT, ask(&endpoint)).await });
                }
                Some(ended) = attempts.join_next() => {
                    if let Ok(Ok(Ok(()))) = ended {
                        return Ok(monotonic_ns());
                    }
                }
            }
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
