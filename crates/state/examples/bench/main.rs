//! Measures the state: create, update, get, list and watch, in memory and over a unix socket.
//!
//! `cargo run --release -p ichor-state --example bench`. Every figure is per core: one thread does
//! all the work in memory; over the socket client and server have a thread each. The speed probe
//! of the same run makes figures of different machines comparable.

mod probe;
mod work;

use std::sync::Arc;

use anyhow::Result;
use ichor_state::{MemoryState, RemoteState, StateServer};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};

fn main() -> Result<()> {
    println!("speed probe: {}", probe::measure());
    println!("memory per resource: {} bytes", work::bytes_per_resource()?);
    println!();
    println!(
        "{:<10} {:<34} {:>12} {:>14}",
        "state", "operation", "per second", "each"
    );

    let runtime = current_thread()?;
    runtime.block_on(work::run("memory", Arc::new(MemoryState::new()), 20))?;

    let directory = tempfile::tempdir()?;
    let path = directory.path().join("state.sock");
    let server = Builder::new_multi_thread()
        .worker_threads(1)
        .enable_all()
        .build()?;
    let listener = {
        let _entered = server.enter();
        UnixListener::bind(&path)?
    };
    let serving = StateServer::new(MemoryState::new());
    server.spawn(serving.serve_unix(listener, std::future::pending()));
    let remote = async { work::run("socket", Arc::new(RemoteState::unix(&path)), 1).await };
    current_thread()?.block_on(remote)?;
    server.shutdown_background();
    Ok(())
}

fn current_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
