//! The measured operations.

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use futures_util::StreamExt;
use ichor_resource::specs::network::{AddressFlags, AddressStatus, Family, Scope};
use ichor_resource::{AnyResource, Pointer, Resource, Spec, SpecValue};
use ichor_state::{Event, MemoryState, Query, State, Watch, WatchOptions, WatchTarget};

use crate::report::Report;

const RESOURCES: usize = 10_000;
const WATCHERS: usize = 100;
/// Updates between two looks at what other tasks have to do: fewer than the history holds.
const BURST: usize = 64;

/// What is promised about, per second.
pub(crate) struct Rates {
    pub(crate) gets: f64,
    pub(crate) updates: f64,
}

/// Measures one state and notes each operation. `rounds`: how often each resource is used.
pub(crate) async fn run(
    name: &str,
    state: Arc<dyn State>,
    rounds: usize,
    report: &mut Report,
) -> Result<Rates> {
    let mut row = |operation: &str, count: usize, took: Duration| {
        let rate = count as f64 / took.as_secs_f64();
        let each_us = 1e6 / rate;
        report.note(format!(
            "state, {name}: {operation} {rate:.0}/s, {each_us:.2} µs each"
        ));
        rate
    };
    let start = Instant::now();
    for number in 0..RESOURCES {
        state.create(resource(number)?, "bench").await?;
    }
    row("create", RESOURCES, start.elapsed());

    let pointers = pointers()?;
    let start = Instant::now();
    for _ in 0..rounds {
        for pointer in &pointers {
            black_box(state.get(pointer).await?);
        }
    }
    let gets = row("get", RESOURCES * rounds, start.elapsed());

    let mut stored = state
        .list(&AddressStatus::kind(), &Query::default())
        .await?;
    let start = Instant::now();
    for round in 0..rounds {
        for resource in &mut stored {
            *resource = state
                .update(edited(resource, round)?, "bench", None)
                .await?;
        }
    }
    let updates = row("update", RESOURCES * rounds, start.elapsed());

    let lists = rounds.max(3);
    let start = Instant::now();
    for _ in 0..lists {
        let found = state
            .list(&AddressStatus::kind(), &Query::default())
            .await?;
        black_box(found.len());
    }
    row("list of 10 000", lists, start.elapsed());

    let took = watched_updates(&*state, &mut stored).await?;
    row("update seen by 100 watchers", RESOURCES, took);
    row("event delivered", RESOURCES * WATCHERS, took);
    Ok(Rates { gets, updates })
}

/// Updates every resource while all watchers follow, until all have seen all.
async fn watched_updates(state: &dyn State, stored: &mut [AnyResource]) -> Result<Duration> {
    let mut watchers = Vec::new();
    for _ in 0..WATCHERS {
        let target = WatchTarget::Kind(AddressStatus::kind(), Query::default());
        let watch = state.watch(target, WatchOptions::default()).await?;
        watchers.push(tokio::spawn(count_events(watch)));
    }
    let start = Instant::now();
    for burst in stored.chunks_mut(BURST) {
        for resource in burst {
            *resource = state.update(edited(resource, 99)?, "bench", None).await?;
        }
        tokio::task::yield_now().await;
    }
    for watcher in watchers {
        watcher.await??;
    }
    Ok(start.elapsed())
}

async fn count_events(mut watch: Watch) -> Result<()> {
    let mut missing = RESOURCES;
    while missing > 0 {
        let batch = watch.next().await.context("the watch ended")?;
        if let Some(Event::Errored(text)) = batch.last() {
            bail!("watcher: {text}");
        }
        missing = missing
            .checked_sub(batch.len())
            .context("too many events")?;
    }
    Ok(())
}

/// Growth of the resident memory with 100 000 resources, the history aside.
pub(crate) fn bytes_per_resource() -> Result<usize> {
    const COUNT: usize = 100_000;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let state = MemoryState::new();
    let before = resident_bytes()?;
    runtime.block_on(async {
        for number in 0..COUNT {
            state.create(resource(number)?, "bench").await?;
        }
        anyhow::Ok(())
    })?;
    let grown = resident_bytes()?.saturating_sub(before);
    black_box(state.len());
    Ok(grown / COUNT)
}

fn resident_bytes() -> Result<usize> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kibibytes = line.context("no VmRSS")?.trim().trim_end_matches(" kB");
    Ok(kibibytes.parse::<usize>()? * 1024)
}

fn value(round: usize) -> Result<AddressStatus> {
    Ok(AddressStatus {
        address: "10.5.0.2/24".parse()?,
        local: None,
        broadcast: Some("10.5.0.255".parse()?),
        anycast: None,
        multicast: None,
        link_index: u32::try_from(round)?,
        link_name: "eth0".into(),
        family: Family::Inet4,
        scope: Scope::GLOBAL,
        flags: AddressFlags::PERMANENT,
        priority: 0,
    })
}

fn resource(number: usize) -> Result<AnyResource> {
    Ok(Resource::new(format!("eth0/10.5.{number}/24"), value(0)?).into())
}

fn edited(stored: &AnyResource, round: usize) -> Result<AnyResource> {
    Ok(AnyResource {
        metadata: Arc::clone(&stored.metadata),
        spec: Some(SpecValue::new(value(round)?)),
    })
}

fn pointers() -> Result<Vec<Pointer>> {
    let pointer = |number| Ok(resource(number)?.metadata.pointer());
    (0..RESOURCES).map(pointer).collect()
}
