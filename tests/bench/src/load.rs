//! The load client: callers that each send a call when the last one is answered.

use std::fmt::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_client::{Client, NodeAddress};
use serde::{Deserialize, Serialize};
use tokio::task::JoinSet;

/// How the load is made.
#[derive(Clone, Copy, Debug, clap::Args)]
pub(crate) struct Settings {
    /// Callers at once.
    #[arg(long, default_value = "1")]
    pub(crate) clients: u32,
    /// Connections that the callers share; 0 makes a new one for each call.
    #[arg(long, default_value = "1")]
    pub(crate) connections: u32,
    /// How many calls in all; the time does not count then.
    #[arg(long)]
    pub(crate) calls: Option<u64>,
    /// How long, in seconds.
    #[arg(long, default_value = "5")]
    pub(crate) seconds: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub(crate) struct Outcome {
    pub(crate) clients: u32,
    pub(crate) connections: u32,
    pub(crate) calls: u64,
    pub(crate) calls_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) max_ms: f64,
}

impl Outcome {
    /// For people.
    pub(crate) fn table(&self) -> String {
        let mut text =
            String::from("clients  connections  calls     calls/s   p50 ms  p99 ms  max ms\n");
        // Writing to a string cannot fail.
        let _written = writeln!(
            text,
            "{:<8} {:<12} {:<9} {:<9.0} {:<7.3} {:<7.3} {:.3}",
            self.clients,
            self.connections,
            self.calls,
            self.calls_per_second,
            self.p50_ms,
            self.p99_ms,
            self.max_ms
        );
        text
    }
}

/// One caller's end: when it stops, and how often it calls at most.
#[derive(Clone, Copy)]
struct End {
    at: Instant,
    calls: u64,
}

/// Runs a load. The client has one thread, so that the node has the other processors.
///
/// # Errors
/// The first connection or call that failed.
pub(crate) fn run(endpoint: &NodeAddress, settings: &Settings) -> Result<Outcome> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(run_callers(endpoint, settings))
}

async fn run_callers(endpoint: &NodeAddress, settings: &Settings) -> Result<Outcome> {
    if settings.clients == 0 {
        bail!("--clients is at least 1");
    }
    let mut connections = Vec::new();
    for _ in 0..settings.connections {
        connections.push(Client::insecure(endpoint, &[]).await?);
    }
    let start = Instant::now();
    let end = End {
        at: match settings.calls {
            Some(_) => start + Duration::from_secs(3600),
            None => start + Duration::from_secs(settings.seconds),
        },
        calls: settings.calls.map_or(u64::MAX, |calls| {
            calls.div_ceil(u64::from(settings.clients))
        }),
    };
    let mut callers = JoinSet::new();
    let mut shared = connections.iter().cycle();
    for _ in 0..settings.clients {
        match shared.next().cloned() {
            Some(client) => callers.spawn(call(client, end)),
            None => callers.spawn(connect_and_call(endpoint.clone(), end)),
        };
    }
    let mut times = Vec::new();
    while let Some(caller) = callers.join_next().await {
        times.append(&mut caller??);
    }
    let took = start.elapsed();
    times.sort_unstable();
    let at = |part: f64| -> Result<f64> {
        #[expect(
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            clippy::cast_precision_loss,
            reason = "a place in a list"
        )]
        let place = ((times.len() as f64 * part) as usize).min(times.len().saturating_sub(1));
        let time: &Duration = times.get(place).context("no call was answered")?;
        Ok(time.as_secs_f64() * 1000.0)
    };
    let calls = u64::try_from(times.len())?;
    #[expect(clippy::cast_precision_loss, reason = "a rate")]
    let calls_per_second = calls as f64 / took.as_secs_f64();
    Ok(Outcome {
        clients: settings.clients,
        connections: settings.connections,
        calls,
        calls_per_second,
        p50_ms: at(0.5)?,
        p99_ms: at(0.99)?,
        max_ms: at(1.0)?,
    })
}

async fn call(client: Client, end: End) -> Result<Vec<Duration>> {
    let mut machine = client.machine();
    let mut times = Vec::new();
    for _ in 0..end.calls {
        let start = Instant::now();
        if start >= end.at {
            break;
        }
        machine.version(()).await.context("call Version")?;
        times.push(start.elapsed());
    }
    Ok(times)
}

async fn connect_and_call(endpoint: NodeAddress, end: End) -> Result<Vec<Duration>> {
    let mut times = Vec::new();
    for _ in 0..end.calls {
        let start = Instant::now();
        if start >= end.at {
            break;
        }
        let client = Client::insecure(&endpoint, &[]).await?;
        client.machine().version(()).await.context("call Version")?;
        times.push(start.elapsed());
    }
    Ok(times)
}
