//! Serves an empty state in memory on a unix socket, until standard input ends: for clients in other
//! languages to try it.

use std::io::{Read, Write};

use anyhow::{Context, Result};
use ichor_state::{MemoryState, StateServer};
use tokio::net::UnixListener;
use tokio_stream::wrappers::UnixListenerStream;

#[tokio::main]
async fn main() -> Result<()> {
    let path = std::env::args_os().nth(1);
    let path = path.context("the path of the socket is missing")?;
    let listener = UnixListener::bind(&path).context("listen")?;
    println!("ready");
    std::io::stdout().flush()?;
    let ended = tokio::task::spawn_blocking(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let state = StateServer::new(MemoryState::new()).for_any_client();
    let serving = state
        .into_router()
        .serve_with_incoming(UnixListenerStream::new(listener));
    tokio::select! {
        served = serving => served?,
        ended = ended => drop(ended??),
    }
    Ok(())
}
