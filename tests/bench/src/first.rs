//! Waiting for a node's first answer.

use std::time::Duration;

use anyhow::{Context, Result};
use ichor_client::{Client, NodeAddress};
use tokio::task::JoinSet;
use tokio::time::{interval, timeout};

/// Short against what is measured.
const PAUSE: Duration = Duration::from_millis(50);
/// A forwarding host accepts a connection before the node can answer, and tries that one again only
/// after seconds: so many attempts are under way at once.
const ATTEMPT: Duration = Duration::from_millis(500);
const PATIENCE: Duration = Duration::from_secs(120);

/// Connects until the node answers, and calls Version once. Gives the time of the answer, in
/// nanoseconds of `CLOCK_MONOTONIC`, which all processes of a computer share.
///
/// # Errors
/// When there is no answer in two minutes.
pub(crate) fn run(endpoint: &NodeAddress) -> Result<u64> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let answer = async {
            loop {
                // One that has met the node and fails all the same may be tried again.
                let client = connect(endpoint).await;
                if client.machine().version(()).await.is_ok() {
                    return monotonic_ns();
                }
            }
        };
        let answered = timeout(PATIENCE, answer).await;
        answered.with_context(|| format!("{endpoint} does not answer"))
    })
}

/// The first connection that the node accepts. The others end with it: what they ask of the node
/// would delay the answer.
async fn connect(endpoint: &NodeAddress) -> Client {
    let mut attempts = JoinSet::new();
    let mut ticks = interval(PAUSE);
    loop {
        tokio::select! {
            _ = ticks.tick() => {
                let endpoint = endpoint.clone();
                attempts.spawn(async move {
                    timeout(ATTEMPT, Client::insecure(&endpoint, &[])).await
                });
            }
            Some(ended) = attempts.join_next() => {
                if let Ok(Ok(Ok(client))) = ended {
                    return client;
                }
            }
        }
    }
}

/// Now.
pub(crate) fn monotonic_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    let rest = u64::try_from(now.tv_nsec).unwrap_or_default();
    seconds * 1_000_000_000 + rest
}
