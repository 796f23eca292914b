//! `ichor logs`.

use std::io::Write;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::LogsRequest;

use crate::connect::{NodeFlags, checked, explain};

#[derive(Args)]
pub(crate) struct Arguments {
    /// The service.
    service: String,
    /// Keep printing what comes.
    #[arg(short, long)]
    follow: bool,
    /// Begin with the last lines; all, without it.
    #[arg(long, default_value_t = -1, allow_negative_numbers = true)]
    tail: i32,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    for node in std::mem::take(&mut connections.nodes) {
        let request = LogsRequest {
            namespace: "system".into(),
            id: arguments.service.clone(),
            driver: 0,
            follow: arguments.follow,
            tail_lines: arguments.tail,
        };
        let reply = node.client.machine().logs(request).await;
        let Some(mut stream) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        loop {
            match stream.message().await {
                Ok(Some(data)) => print(&node.name, &data.bytes)?,
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

/// Chunks hold whole lines.
fn print(node: &str, bytes: &[u8]) -> Result<()> {
    let mut output = std::io::stdout().lock();
    for line in String::from_utf8_lossy(bytes).lines() {
        writeln!(output, "{node}: {line}")?;
    }
    Ok(())
}
