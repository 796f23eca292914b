//! `ichor cluster create`.

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{ArgAction, Args};
use futures_util::future::join_all;
use ichor_client::{Client, NodeAddress};
use ichor_vm::{Cluster, ClusterError, ClusterSpec, Lifetime, Node, NodeSpec, Step, Then};
use tokio::signal::unix::{SignalKind, signal};

use super::Place;
use super::show::{self, Provisioner};
use crate::output;
use crate::{explain, human};

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(super) struct Arguments {
    /// What runs the machines.
    #[arg(value_enum, default_value = "qemu")]
    provisioner: Provisioner,
    /// Disk image (raw or qcow2); each machine gets a copy.
    #[arg(long, value_name = "FILE")]
    image: PathBuf,
    /// Number of machines.
    #[arg(long, default_value_t = 1, value_name = "COUNT")]
    machines: usize,
    /// Virtual processors of each.
    #[arg(long, default_value_t = 2, value_name = "COUNT")]
    cpus: u32,
    /// Memory of each, in MiB.
    #[arg(long, default_value_t = 2048, value_name = "MIB")]
    memory: u32,
    /// Size of the system disk of each, in MiB.
    #[arg(long, default_value_t = 6144, value_name = "MIB")]
    disk: u64,
    /// Sizes of further disks of each, in MiB, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "MIB")]
    extra_disks: Vec<u64>,
    /// Ports of the machines to make reachable on 127.0.0.1, separated by commas.
    #[arg(
        long,
        value_delimiter = ',',
        default_value = "50000,6443",
        value_name = "PORT"
    )]
    forward: Vec<u16>,
    /// Firmware variables with enrolled keys (see `ichor image enrol`): Secure Boot is enforced.
    #[arg(long, value_name = "FILE")]
    secure_boot_vars: Option<PathBuf>,
    /// Wait until the API of each machine answers.
    #[arg(
        long,
        action = ArgAction::Set,
        num_args = 0..=1,
        require_equals = true,
        value_name = "BOOL",
        default_value = "true",
        default_missing_value = "true"
    )]
    wait: bool,
    /// How long to wait at most.
    #[arg(long, value_parser = human::parse_span, default_value = "20m", value_name = "SPAN")]
    wait_timeout: Duration,
}

const EXAMPLES: &str = "\
Memory, space and programs are looked at before anything is made. Interrupting while machines are
being made removes everything; interrupting the wait for their API leaves them running.

Examples:
  ichor cluster create --image disk.raw
  ichor cluster create --name three --image disk.qcow2 --machines 3 --memory 1024
  ichor cluster create --image disk.raw --disk 20480 --extra-disks 1024,1024
  ichor cluster create --image other.qcow2 --forward 22 --wait=false";

/// Between two attempts to reach a machine.
const PAUSE: Duration = Duration::from_millis(250);
/// How long an attempt may take at first, and by how much longer later ones may, of the time that was
/// waited. A forwarding host accepts a connection before the machine can answer, and may never pass
/// it on; a machine that took long to start takes long to answer.
const ATTEMPT: Duration = Duration::from_secs(2);
const ATTEMPT_DIVISOR: u32 = 10;

pub(super) fn run(place: &Place, arguments: &Arguments) -> Result<ExitCode> {
    if arguments.wait && !arguments.forward.contains(&show::API_PORT) {
        bail!(
            "waiting needs the API's port: add {} to --forward, or use --wait=false",
            show::API_PORT
        );
    }
    let directory = place.directory()?;
    let spec = arguments.spec(&place.name);
    check(&spec, &directory)?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = runtime.context("make a runtime")?;
    runtime.block_on(async {
        let mut cluster = start(spec, directory, place).await?;
        output::print(show::describe(&mut cluster))?;
        if arguments.wait {
            wait(&mut cluster, arguments.wait_timeout, place).await?;
        }
        Ok(ExitCode::SUCCESS)
    })
}

impl Arguments {
    fn spec(&self, name: &str) -> ClusterSpec {
        // There is one so far.
        let Provisioner::Qemu = self.provisioner;
        let bytes = |mebibytes: u64| mebibytes.saturating_mul(1 << 20);
        ClusterSpec {
            name: name.to_owned(),
            image: self.image.clone(),
            nodes: self.machines,
            node: NodeSpec {
                cpus: self.cpus,
                memory_mib: self.memory,
                disk_bytes: bytes(self.disk),
                extra_disks_bytes: self.extra_disks.iter().copied().map(bytes).collect(),
                forwards: self.forward.clone(),
                secure_boot: self.secure_boot_vars.is_some(),
                vars: self.secure_boot_vars.clone(),
                ..NodeSpec::default()
            },
        }
    }
}

/// # Errors
/// All that is missing, a line each.
fn check(spec: &ClusterSpec, directory: &Path) -> Result<()> {
    let lacks = ichor_vm::lacks(spec, directory);
    let lines: Vec<_> = lacks.iter().map(ToString::to_string).collect();
    match lines.as_slice() {
        [] => Ok(()),
        [only] => bail!("{only}"),
        several => {
            for line in several {
                output::tell(format_args!("{line}"));
            }
            bail!("{} things are missing, so nothing was made", several.len())
        }
    }
}

const LEFT: &str = "interrupted: nothing is left behind";

/// Makes the cluster on a thread, so that an interruption is heard.
async fn start(spec: ClusterSpec, directory: PathBuf, place: &Place) -> Result<Cluster> {
    let stop = Arc::new(AtomicBool::new(false));
    let heard = Arc::clone(&stop);
    let mut making = tokio::task::spawn_blocking(move || {
        Cluster::start_watched(&spec, &directory, Lifetime::Background, |step| {
            tell(step);
            match heard.load(Ordering::Relaxed) {
                true => Then::Stop,
                false => Then::GoOn,
            }
        })
    });
    let made = tokio::select! {
        made = &mut making => made,
        () = interrupted() => {
            stop.store(true, Ordering::Relaxed);
            making.await
        }
    };
    match made.context("make the cluster")? {
        // The interruption came after the last step.
        Ok(cluster) if stop.load(Ordering::Relaxed) => {
            cluster.destroy()?;
            bail!(LEFT)
        }
        Err(ClusterError::Interrupted) => bail!(LEFT),
        Err(ClusterError::Exists(directory)) => bail!(
            "{} exists: take another --name, or call `{}` first",
            directory.display(),
            place.command("destroy")
        ),
        made => Ok(made?),
    }
}

fn tell(step: Step<'_>) {
    match step {
        Step::Disks(machine) => output::tell(format_args!("{machine}: copies the image")),
        Step::Network => output::tell(format_args!("makes the network")),
        Step::PowerOn(machine) => output::tell(format_args!("{machine}: starts")),
    }
}

/// Waits until all machines have answered.
async fn wait(cluster: &mut Cluster, patience: Duration, place: &Place) -> Result<()> {
    let start = Instant::now();
    let kept = format!(
        "the cluster goes on: see `{}`, or remove it with `{}`",
        place.command("logs"),
        place.command("destroy")
    );
    let waiting = cluster
        .nodes_mut()
        .iter_mut()
        .map(|node| answer(node, start));
    let all = tokio::time::timeout(patience, join_all(waiting));
    tokio::select! {
        answered = all => match answered {
            Ok(answers) => {
                let all = answers.into_iter().collect::<Result<()>>();
                all.map_err(|error| anyhow::anyhow!("{error:#}; {kept}"))
            }
            Err(_elapsed) => bail!(
                "not all machines have answered within {}; {kept}",
                human::span(patience)
            ),
        },
        () = interrupted() => bail!("interrupted; {kept}"),
    }
}

/// Waits for the first answer of a machine.
async fn answer(node: &mut Node, start: Instant) -> Result<()> {
    let name = node.plan().name.clone();
    let endpoint = show::endpoint(node.plan()).context("the API is forwarded")?;
    let address: NodeAddress = endpoint.parse()?;
    output::tell(format_args!("{name}: waits for the API on {endpoint}"));
    let mut panics = 0;
    loop {
        let patience = ATTEMPT + start.elapsed() / ATTEMPT_DIVISOR;
        if let Ok(Ok(())) = tokio::time::timeout(patience, ask(&address)).await {
            output::tell(format_args!(
                "{name}: answers after {}",
                human::span(start.elapsed())
            ));
            return Ok(());
        }
        if !node.is_running() {
            output::tell(format_args!("{}", node.last_words()));
            bail!("{name} has gone off");
        }
        for why in node.console().panics()?.iter().skip(panics) {
            output::tell(format_args!(
                "{name}: the kernel has given up ({why}), and starts again"
            ));
            panics += 1;
        }
        tokio::time::sleep(PAUSE).await;
    }
}

async fn ask(address: &NodeAddress) -> Result<()> {
    let client = Client::insecure(address, &[]).await;
    let client = client.map_err(|error| explain::connect(&error))?;
    let reply = client.machine().version(()).await;
    reply.map_err(explain::called("Version"))?;
    Ok(())
}

/// Ends when someone wants this program to end.
async fn interrupted() {
    let wait = async |kind| match signal(kind) {
        Ok(mut signals) => drop(signals.recv().await),
        // Without a handler, the signal ends the program.
        Err(_) => std::future::pending().await,
    };
    tokio::select! {
        () = wait(SignalKind::interrupt()) => {}
        () = wait(SignalKind::terminate()) => {}
        () = wait(SignalKind::hangup()) => {}
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(words: &[&str]) -> Arguments {
        let words = [&["create", "--image", "/nonexistent"], words].concat();
        Line::try_parse_from(words).unwrap().arguments
    }

    #[test]
    fn flags_become_machines() {
        let spec = arguments(&["qemu", "--machines", "3", "--extra-disks", "1,2"]).spec("x");
        assert_eq!((spec.nodes, spec.node.cpus), (3, 2));
        assert_eq!(spec.node.extra_disks_bytes, [1 << 20, 2 << 20]);
        assert_eq!(spec.node.disk_bytes, 6 << 30);
        assert!(!spec.node.secure_boot);
        assert!(arguments(&[]).wait && arguments(&["--wait"]).wait);
        assert!(!arguments(&["--wait=false"]).wait);
    }

    #[test]
    fn what_cannot_work_is_refused_before_anything_is_made() {
        let base = tempfile::tempdir().unwrap();
        let place = Place {
            name: "x".into(),
            state: Some(base.path().to_owned()),
        };
        let error = run(&place, &arguments(&["--forward", "22"])).unwrap_err();
        assert!(
            error.to_string().contains("add 50000 to --forward"),
            "{error}"
        );
        let error = run(&place, &arguments(&[])).unwrap_err();
        assert!(error.to_string().contains("/nonexistent"), "{error}");
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }
}
