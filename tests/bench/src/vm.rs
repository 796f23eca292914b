//! A node in a virtual machine: boot, and what it takes when nothing happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use ichor_api::ichor::machine::v1::{BootStep, BootStepKind};
use ichor_client::{Client, NodeAddress};
use ichor_vm::{Cluster, ClusterSpec, NodeSpec};

use crate::native::API_PORT;
use crate::report::Report;
use crate::{first, guest, inside, promises};

/// Boots are measured so often; the middle one counts.
const BOOTS: usize = 3;

/// Files of the image.
#[derive(Debug, clap::Args)]
pub(crate) struct Images {
    /// The disk.
    #[arg(long)]
    disk: PathBuf,
    /// The disk of the image with the probe in it.
    #[arg(long)]
    probe_disk: PathBuf,
    /// The kernel.
    #[arg(long)]
    kernel: PathBuf,
    /// This program, statically linked, for the guest.
    #[arg(long)]
    guest_program: PathBuf,
}

pub(crate) fn measure(images: &Images, idle: Duration, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut boots = Vec::new();
    for _ in 0..BOOTS {
        let speed = guest::measure(&images.kernel, &images.guest_program)?;
        let cluster = boot(&images.disk, NodeSpec::default())?;
        let steps = runtime.block_on(steps(&endpoint(&cluster)?))?;
        // What others do on the computer slows both down.
        let work = to_answer(&steps)?.as_secs_f64() * speed.sha256_mb;
        boots.push((work, speed, steps));
    }
    boots.sort_by(|one, other| f64::total_cmp(&one.0, &other.0));
    let (_, speed, steps) = boots.get(BOOTS / 2).context("boots")?;
    report.guest_speed(*speed);
    report_boot(steps, report)?;
    inside::measure(&images.probe_disk, idle, report)
}

/// A machine of an image, after its first answer.
pub(crate) fn boot(disk: &Path, node: NodeSpec) -> Result<Cluster> {
    let spec = ClusterSpec {
        name: "bench".to_owned(),
        image: disk.to_owned(),
        nodes: 1,
        node,
    };
    let mut cluster = Cluster::start_temporary(&spec)?;
    first::run(&endpoint(&cluster)?).map_err(|error| {
        let words = cluster
            .nodes_mut()
            .first_mut()
            .map(ichor_vm::Node::last_words);
        error.context(words.unwrap_or_default())
    })?;
    Ok(cluster)
}

fn endpoint(cluster: &Cluster) -> Result<NodeAddress> {
    let node = cluster.nodes().first().context("a cluster has a node")?;
    let port = node.plan().port(API_PORT).context("the API is forwarded")?;
    Ok(format!("127.0.0.1:{port}").parse()?)
}

fn find(steps: &[BootStep], kind: BootStepKind) -> Result<&BootStep> {
    let found = steps.iter().find(|step| step.kind() == kind);
    found.with_context(|| format!("the boot has no {kind:?}"))
}

/// From executing stage 1 to the first call.
fn to_answer(steps: &[BootStep]) -> Result<Duration> {
    let stage1 = find(steps, BootStepKind::Stage1)?;
    let answer = find(steps, BootStepKind::Milestone)?;
    let took = answer.start_ns.saturating_sub(stage1.start_ns);
    Ok(Duration::from_nanos(u64::try_from(took)?))
}

fn report_boot(steps: &[BootStep], report: &mut Report) -> Result<()> {
    let stage1 = find(steps, BootStepKind::Stage1)?;
    let took = Duration::from_nanos(stage1.duration_ns);
    report.add(promises::STAGE1, took.as_secs_f64());
    report.add(promises::BOOT, to_answer(steps)?.as_secs_f64());
    for step in steps {
        let start = Duration::from_nanos(step.start_ns.unsigned_abs()).as_millis();
        let sign = if step.start_ns < 0 { "-" } else { "" };
        report.note(format!(
            "boot: {:?} {} at {sign}{start} ms for {} ms",
            step.kind(),
            step.name,
            Duration::from_nanos(step.duration_ns).as_millis()
        ));
    }
    Ok(())
}

async fn steps(endpoint: &NodeAddress) -> Result<Vec<BootStep>> {
    let client = Client::insecure(endpoint, &[]).await?;
    let answer = client.introspection().boot_timeline(()).await?.into_inner();
    let node = answer.messages.into_iter().next();
    Ok(node.context("the node tells of its boot")?.steps)
}
