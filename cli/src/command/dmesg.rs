//! `ichor dmesg`.

use anyhow::Result;
use clap::Args;
use ichor_api::machine::DmesgRequest;

use crate::connect::{NodeFlags, checked, explain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Keep printing what comes.
    #[arg(short, long)]
    follow: bool,
    /// Print only what comes; needs --follow.
    #[arg(long, requires = "follow")]
    tail: bool,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    for node in std::mem::take(&mut connections.nodes) {
        let request = DmesgRequest {
            follow: arguments.follow,
            tail: arguments.tail,
        };
        let reply = node.client.machine().dmesg(request).await;
        let Some(mut stream) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        loop {
            match stream.message().await {
                Ok(Some(data)) => {
                    let line = String::from_utf8_lossy(&data.bytes);
                    println!("{}: {}", node.name, line.trim_end());
                }
                Ok(None) => break,
                Err(status) => {
                    connections.failed(&node.name, &explain(&status));
                    break;
                }
            }
        }
    }
    connections.finish()
}
