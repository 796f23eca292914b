//! `ichor version`.

use anyhow::Result;
use clap::Args;

use crate::connect::{NodeFlags, checked};

#[derive(Args)]
pub(crate) struct Arguments {
    /// Print the client's version only.
    #[arg(long)]
    client: bool,
    /// Print the versions only.
    #[arg(long)]
    short: bool,
}

const OWN: &str = concat!("v", env!("CARGO_PKG_VERSION"));

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    if arguments.short {
        println!("Client {OWN}");
    } else {
        println!("Client:\n\tTag:         {OWN}");
    }
    if arguments.client || flags.is_empty() {
        return Ok(());
    }
    let mut connections = flags.connect().await?;
    if !arguments.short {
        println!("Server:");
    }
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().version(()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        for message in reply.messages {
            let version = message.version.unwrap_or_default();
            if arguments.short {
                println!("{} {}", node.name, version.tag);
                continue;
            }
            println!("\tNODE:        {}", node.name);
            println!("\tTag:         {}", version.tag);
            println!("\tOS/Arch:     {}/{}", version.os, version.arch);
            let platform = message.platform.unwrap_or_default();
            println!("\tPlatform:    {} ({})", platform.name, platform.mode);
        }
    }
    connections.finish()
}
