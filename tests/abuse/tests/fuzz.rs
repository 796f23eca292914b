//! Faulty HTTP/2 and plain noise inside of TLS: apid goes on serving, and nothing panics.

use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use anyhow::{Context, Result};
use ichor_abuse::random::Random;
use ichor_abuse::{caller, component, wire};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// The same cases in each run.
const SEED: u64 = 0x0050_414e_4943_u64;
const CASES: u64 = 1000;
/// Connections at the same time.
const TOGETHER: usize = 16;
/// What is not answered by then waits for more.
const PATIENCE: Duration = Duration::from_millis(100);

/// A task that panics ends alone, so that nobody else would tell.
static PANICS: AtomicUsize = AtomicUsize::new(0);

#[test]
fn faulty_frames_break_nothing() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let print = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        PANICS.fetch_add(1, Ordering::Relaxed);
        print(panic);
    }));
    runtime.block_on(throw_at_apid())?;
    assert_eq!(PANICS.load(Ordering::Relaxed), 0);
    Ok(())
}

async fn throw_at_apid() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let machine_socket = directory.path().join("machine.sock");
    let behind = machine_socket.clone();
    tokio::spawn(async move { component::serve(&behind).await });
    let listener = std::net::TcpListener::bind("127.0.0.1:0")?;
    listener.set_nonblocking(true)?;
    let address = listener.local_addr()?;
    let stop = CancellationToken::new();
    let setup = ichor_apid::Setup {
        identity: None,
        listener,
        services: vec![("machined".to_owned(), machine_socket)],
        state_socket: None,
    };
    let apid = tokio::spawn(ichor_apid::run(setup, stop.clone()));

    let connector = wire::connector()?;
    let mut cases = JoinSet::new();
    for case in 0..CASES {
        if cases.len() == TOGETHER {
            let done = cases.join_next().await.context("no case runs")?;
            done??;
        }
        let connector = connector.clone();
        cases.spawn(async move {
            let stream = wire::connect(Ipv4Addr::new(127, 0, 1, 1), address).await?;
            let mut stream = wire::shake(&connector, stream).await?;
            // apid may end the connection at any point; that is what it is for.
            let _ended = timeout(PATIENCE, throw(case, &mut stream)).await;
            std::io::Result::Ok(())
        });
    }
    while let Some(done) = cases.join_next().await {
        done??;
    }
    let node = address.to_string().parse()?;
    let after = caller::measure_for(&node, Duration::from_millis(300)).await?;
    assert!(after.calls.count > 0 && after.connections.count > 0);
    stop.cancel();
    apid.await?.map_err(|error| anyhow::anyhow!("{error}"))?;
    Ok(())
}

async fn throw(
    case: u64,
    stream: &mut (impl AsyncReadExt + AsyncWriteExt + Unpin),
) -> std::io::Result<()> {
    let mut random = Random::new(SEED.wrapping_add(case));
    let bytes = match random.below(8) {
        0 => {
            let size = random.below(3000);
            random.bytes(size)
        }
        _ => wire::mutated(&mut random),
    };
    let (first, second) = bytes.split_at(random.below(bytes.len()));
    stream.write_all(first).await?;
    stream.flush().await?;
    stream.write_all(second).await?;
    stream.flush().await?;
    let mut buffer = vec![0; 4096];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}
