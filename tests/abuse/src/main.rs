//! The processes of a test: apid, and attackers.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, Result};
use clap::{Parser, Subcommand};
use ichor_abuse::attack::{self, ALL, Kind, Share};
use ichor_abuse::{caller, component, process};
use ichor_client::NodeAddress;
use tokio_util::sync::CancellationToken;

#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    role: Role,
}

#[derive(Subcommand)]
enum Role {
    /// Serve as apid on a free port, which is printed, until standard input ends.
    Apid {
        /// Where the machine's services are.
        machine_socket: PathBuf,
    },
    /// Serve what is behind apid.
    Component {
        /// Where.
        socket: PathBuf,
    },
    /// Call Version all the time, and print how long answers took.
    Call {
        /// The node.
        target: NodeAddress,
        /// For how long, in seconds.
        seconds: u64,
    },
    /// Attack, and print what became of it.
    Attack {
        /// The node.
        target: SocketAddr,
        /// For how long after all are there, in seconds.
        seconds: u64,
        /// Which share of the attack this process has, from 0.
        #[arg(long, default_value = "0")]
        index: usize,
        /// How many processes share it.
        #[arg(long, default_value = "1")]
        count: usize,
        /// Only this kind.
        #[arg(long, value_enum)]
        only: Option<Kind>,
        /// How many connections of that kind.
        #[arg(long, default_value = "100")]
        connections: usize,
    },
}

fn main() -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match Arguments::parse().role {
        Role::Apid { machine_socket } => runtime.block_on(apid(machine_socket)),
        Role::Component { socket } => runtime.block_on(component::serve(&socket)),
        Role::Call { target, seconds } => {
            let time = Duration::from_secs(seconds);
            let measured = runtime.block_on(caller::measure_for(&target, time))?;
            println!("{}", serde_json::to_string(&measured)?);
            Ok(())
        }
        Role::Attack {
            target,
            seconds,
            index,
            count,
            only,
            connections,
        } => {
            process::connections_max();
            let plan = match only {
                Some(kind) => vec![(kind, connections)],
                None => ALL.to_vec(),
            };
            let (share, time) = (Share { index, count }, Duration::from_secs(seconds));
            let fates = runtime.block_on(attack::run(&plan, target, share, time))?;
            println!("{}", serde_json::to_string(&fates)?);
            Ok(())
        }
    }
}

async fn apid(machine_socket: PathBuf) -> Result<()> {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").context("listen")?;
    listener.set_nonblocking(true)?;
    println!("{}", listener.local_addr()?);
    std::io::stdout().flush()?;
    let stop = CancellationToken::new();
    let asked = stop.clone();
    std::thread::spawn(move || {
        // Its end is the end of the process that started this one.
        let ended = std::io::stdin().read_to_end(&mut Vec::new());
        asked.cancel();
        ended
    });
    let setup = ichor_apid::Setup {
        identity: None,
        listener,
        services: vec![("machined".to_owned(), machine_socket)],
        state_socket: None,
    };
    let served = ichor_apid::run(setup, stop).await;
    served.map_err(|error| anyhow::anyhow!("{error}"))
}
