//! A caller who behaves well, and measures how long answers take.

use std::time::Duration;

use anyhow::{Context, Result};
use ichor_client::{Client, NodeAddress};
use serde::{Deserialize, Serialize};
use tokio::time::{Instant, sleep};
use tokio_util::sync::CancellationToken;

/// Between two calls: the caller has no hurry.
const PAUSE: Duration = Duration::from_millis(5);

/// How long answers took.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Times {
    /// How many there were.
    pub count: usize,
    /// The one in the middle.
    pub median: Duration,
    /// The longest.
    pub worst: Duration,
}

/// What a caller measures.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Measured {
    /// Of calls on one connection.
    pub calls: Times,
    /// Of calls on a connection of their own, made anew.
    pub connections: Times,
}

impl From<Vec<Duration>> for Times {
    fn from(mut times: Vec<Duration>) -> Self {
        times.sort();
        Self {
            count: times.len(),
            median: times.get(times.len() / 2).copied().unwrap_or_default(),
            worst: times.last().copied().unwrap_or_default(),
        }
    }
}

/// Calls for some time; see [`measure`].
///
/// # Errors
/// The first call or connection that fails.
pub async fn measure_for(node: &NodeAddress, time: Duration) -> Result<Measured> {
    let over = CancellationToken::new();
    let timer = async {
        sleep(time).await;
        over.cancel();
    };
    let (measured, ()) = tokio::join!(measure(node, &over), timer);
    measured
}

/// Calls until it is over.
///
/// # Errors
/// The first call or connection that fails.
pub async fn measure(node: &NodeAddress, over: &CancellationToken) -> Result<Measured> {
    let (calls, connections) = tokio::try_join!(call(node, over), connect_and_call(node, over))?;
    Ok(Measured { calls, connections })
}

async fn call(node: &NodeAddress, over: &CancellationToken) -> Result<Times> {
    let client = Client::insecure(node, &[]).await.context("connect")?;
    let mut times = Vec::new();
    while !over.is_cancelled() {
        let begun = Instant::now();
        client.machine().version(()).await.context("call Version")?;
        times.push(begun.elapsed());
        sleep(PAUSE).await;
    }
    Ok(times.into())
}

async fn connect_and_call(node: &NodeAddress, over: &CancellationToken) -> Result<Times> {
    let mut times = Vec::new();
    while !over.is_cancelled() {
        let begun = Instant::now();
        let client = Client::insecure(node, &[]).await.context("connect anew")?;
        client.machine().version(()).await.context("call Version")?;
        times.push(begun.elapsed());
        sleep(10 * PAUSE).await;
    }
    Ok(times.into())
}
