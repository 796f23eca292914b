//! `ichor cluster logs`.

use std::io::Read;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::Args;

use super::{Place, find};
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// The machine.
    #[arg(default_value = "node-1")]
    machine: String,
    /// Go on with what comes.
    #[arg(short, long)]
    follow: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor cluster logs
  ichor cluster logs node-2 --follow";

pub(super) fn run(place: &Place, arguments: &Arguments) -> Result<()> {
    const POLL: Duration = Duration::from_millis(200);
    let cluster = place.open()?;
    let console = find(cluster.nodes(), &arguments.machine)?.console();
    let path = console.path();
    let mut file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    loop {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .with_context(|| format!("read {}", path.display()))?;
        output::print(bytes)?;
        if !arguments.follow {
            return Ok(());
        }
        if !path.exists() {
            bail!("the cluster {} is gone", place.name);
        }
        thread::sleep(POLL);
    }
}
