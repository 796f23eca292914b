//! The resource state: create, update, get, list and watch, in memory and over a unix socket.
//!
//! Every figure is per core: one thread does all the work in memory; over the socket client and server
//! have a thread each.

mod work;

use std::sync::Arc;

use anyhow::Result;
use ichor_state::{MemoryState, RemoteState, StateServer};
use tokio::net::UnixListener;
use tokio::runtime::{Builder, Runtime};

use crate::promises;
use crate::report::Report;

pub(crate) fn measure(report: &mut Report) -> Result<()> {
    let bytes = work::bytes_per_resource()?;
    report.note(format!("state: {bytes} bytes of memory per resource"));
    report.native_speed(ichor_speed::measure());
    let memory = work::run("in memory", Arc::new(MemoryState::new()), 20, report);
    let rates = current_thread()?.block_on(memory)?;
    report.add(promises::STATE_GETS, rates.gets);
    report.add(promises::STATE_UPDATES, rates.updates);

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
    current_thread()?.block_on(async {
        let remote = Arc::new(RemoteState::unix(&path));
        work::run("through a socket", remote, 1, report).await
    })?;
    server.shutdown_background();
    Ok(())
}

fn current_thread() -> Result<Runtime> {
    Ok(Builder::new_current_thread().enable_all().build()?)
}
