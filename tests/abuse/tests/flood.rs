//! Ten thousand connections that behave badly, and one caller who behaves well.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ichor_abuse::attack::{ALL, Fates, Kind};
use ichor_abuse::process::{Memory, connections_max};
use ichor_abuse::{caller, component};
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

/// After all are there.
const SECONDS: u64 = 4;

/// What answers may take on a connection that is there, and on one that has to be made. Optimised,
/// the worst are some tenths of a second; a debug build takes ten times as long for everything, and
/// the computer does more than this test.
const ANSWER_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 8 } else { 2 });
const CONNECTED_ANSWER_MAX: Duration = Duration::from_secs(10);

/// The limit of apid's control group.
const MEMORY_MAX: u64 = 256 << 20;

/// What the node has to put an end to.
const ENDED: &[Kind] = &[
    Kind::Garbage,
    Kind::Pings,
    Kind::Settings,
    Kind::EmptyData,
    Kind::Continuations,
    Kind::LongHeaders,
    Kind::Resets,
    Kind::Calls,
];

const PROGRAM: &str = env!("CARGO_BIN_EXE_ichor-abuse");

#[test]
fn ten_thousand_abusers_keep_nobody_out() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(withstand())
}

async fn withstand() -> Result<()> {
    let directory = tempfile::tempdir()?;
    let socket = directory.path().join("machine.sock");
    let behind = socket.clone();
    tokio::spawn(async move { component::serve(&behind).await });
    let apid = Apid::start(&socket)?;
    let node = apid.address.parse()?;
    let quiet = caller::measure_for(&node, Duration::from_secs(1)).await?;
    let before = Memory::of(apid.child.id())?;

    let attackers = start_attackers(&apid.address)?;
    let over = CancellationToken::new();
    let (measured, fates) = tokio::join!(caller::measure(&node, &over), async {
        let fates = tokio::task::spawn_blocking(|| wait_for(attackers)).await;
        over.cancel();
        fates
    });
    let after = wait_until_released(apid.child.id()).await?;

    let (measured, fates) = (measured?, fates??);
    for (kind, fate) in &fates {
        println!("{kind:?}: {fate:?}");
    }
    println!("without an attack: {quiet:?}");
    println!("in the attack: {measured:?}");
    let mebibytes = |bytes: u64| bytes >> 20;
    println!(
        "memory of apid: {} MiB before the attack, {} after it, peak {}",
        mebibytes(before.proportional),
        mebibytes(after.proportional),
        mebibytes(after.peak)
    );
    let wanted: usize = ALL.iter().map(|(_, count)| count).sum();
    assert_eq!(wanted, 10_000);
    for (kind, count) in ALL {
        let fate = fates.get(kind).copied().unwrap_or_default();
        assert!(
            fate.opened >= *count,
            "{kind:?}: {count} are missing in {fate:?}"
        );
        // How many get that far in the time depends on the computer. None would, if the node did
        // nothing about them.
        if ENDED.contains(kind) {
            assert!(10 * fate.ended >= *count, "{kind:?}: not ended: {fate:?}");
        }
    }
    assert!(measured.calls.worst < ANSWER_MAX);
    assert!(measured.connections.worst < CONNECTED_ANSWER_MAX);
    assert!(after.peak < MEMORY_MAX);
    assert!(after.proportional < after.peak / 2, "it is given back");
    Ok(())
}

/// Connections end one after the other once the attackers have gone.
async fn wait_until_released(pid: u32) -> Result<Memory> {
    for _ in 0..20 {
        let memory = Memory::of(pid)?;
        if memory.proportional < memory.peak / 2 {
            return Ok(memory);
        }
        sleep(Duration::from_secs(1)).await;
    }
    Memory::of(pid)
}

/// As many processes as it takes for all connections.
fn start_attackers(address: &str) -> Result<Vec<Child>> {
    let wanted: usize = ALL.iter().map(|(_, count)| count).sum();
    let count = wanted.div_ceil(connections_max());
    let start = |index: usize| {
        Command::new(PROGRAM)
            .args(["attack", address, &SECONDS.to_string()])
            .args(["--index", &index.to_string()])
            .args(["--count", &count.to_string()])
            .stdout(Stdio::piped())
            .spawn()
    };
    Ok((0..count).map(start).collect::<Result<_, _>>()?)
}

fn wait_for(attackers: Vec<Child>) -> Result<Fates> {
    let mut fates = Fates::new();
    for attacker in attackers {
        let output = attacker.wait_with_output()?;
        let own: Fates = serde_json::from_slice(&output.stdout).context("what an attacker says")?;
        for (kind, fate) in own {
            *fates.entry(kind).or_default() += fate;
        }
    }
    Ok(fates)
}

/// apid as a process of its own; it ends when this is dropped.
struct Apid {
    child: Child,
    address: String,
}

impl Apid {
    fn start(machine_socket: &Path) -> Result<Self> {
        let mut child = Command::new(PROGRAM)
            .arg("apid")
            .arg(machine_socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()?;
        let output = child.stdout.take().context("its output")?;
        let mut address = String::new();
        if BufReader::new(output).read_line(&mut address)? == 0 {
            bail!("apid does not start");
        }
        Ok(Self {
            child,
            address: address.trim().to_owned(),
        })
    }
}

impl Drop for Apid {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        if let Err(error) = self.child.wait() {
            eprintln!("wait for apid: {error}");
        }
    }
}
