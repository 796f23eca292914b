//! A node in a virtual machine: boot, and what it takes when nothing happens.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result};
use ichor_api::ichor::machine::v1::{BootStep, BootStepKind};
use ichor_client::{Client, NodeAddress};
use ichor_vm::{Cluster, ClusterSpec, NodeSpec};

use crate::native::API_PORT;
use crate::report::Report;
use crate::{first, guest, promises};

/// Boots are measured so often; the middle one counts.
const BOOTS: usize = 3;

/// Files of the image.
#[derive(Debug, clap::Args)]
pub(crate) struct Image {
    /// The disk.
    #[arg(long)]
    disk: PathBuf,
    /// The kernel.
    #[arg(long)]
    kernel: PathBuf,
    /// This program, statically linked, for the guest.
    #[arg(long)]
    guest_program: PathBuf,
}

/// How long a machine takes from stage 1 to its first answer.
pub(crate) fn measure_boot(image: &Image, report: &mut Report) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let mut boots = Vec::new();
    for _ in 0..BOOTS {
        let speed = guest::measure(&image.kernel, &image.guest_program)?;
        let (cluster, answered) = boot(&image.disk, NodeSpec::default())?;
        let boot = runtime.block_on(timeline(&endpoint(&cluster)?, answered))?;
        // What others do on the computer slows both down.
        let work = boot.to_answer()?.as_secs_f64() * speed.loops.sha256_mb;
        boots.push((work, speed, boot));
    }
    boots.sort_by(|one, other| f64::total_cmp(&one.0, &other.0));
    let (_, speed, boot) = boots.get(BOOTS / 2).context("boots")?;
    report.guest_speed(speed.loops);
    report.note(format!(
        "the kernel starts in {:.2} s in a guest that does nothing else",
        speed.kernel_start_s
    ));
    report_boot(boot, report)
}

/// A machine of an image, after its first answer, and when that came, as [`first::run`] gives it.
pub(crate) fn boot(disk: &Path, node: NodeSpec) -> Result<(Cluster, u64)> {
    let spec = ClusterSpec {
        name: "bench".to_owned(),
        image: disk.to_owned(),
        nodes: 1,
        node,
    };
    let mut cluster = Cluster::start_temporary(&spec)?;
    let answered = first::run(&endpoint(&cluster)?).map_err(|error| {
        let words = cluster
            .nodes_mut()
            .first_mut()
            .map(ichor_vm::Node::last_words);
        error.context(words.unwrap_or_default())
    })?;
    Ok((cluster, answered))
}

fn endpoint(cluster: &Cluster) -> Result<NodeAddress> {
    let node = cluster.nodes().first().context("a cluster has a node")?;
    let port = node.plan().port(API_PORT).context("the API is forwarded")?;
    Ok(format!("127.0.0.1:{port}").parse()?)
}

/// What a node tells of its boot.
struct Boot {
    steps: Vec<BootStep>,
    /// When the caller had the first answer, in nanoseconds of the node's clock.
    answered_ns: i64,
}

impl Boot {
    fn stage1(&self) -> Result<&BootStep> {
        let found = |step: &&BootStep| step.kind() == BootStepKind::Stage1;
        let step = self.steps.iter().find(found);
        step.context("the node does not tell of stage 1")
    }

    /// From executing stage 1 to the first answer.
    fn to_answer(&self) -> Result<Duration> {
        let took = self.answered_ns.saturating_sub(self.stage1()?.start_ns);
        Ok(Duration::from_nanos(u64::try_from(took)?))
    }
}

fn report_boot(boot: &Boot, report: &mut Report) -> Result<()> {
    let took = Duration::from_nanos(boot.stage1()?.duration_ns);
    report.add(promises::STAGE1, took.as_secs_f64());
    report.add(promises::BOOT, boot.to_answer()?.as_secs_f64());
    for step in &boot.steps {
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

/// Asks the node, and places the moment of the first answer on its clock.
async fn timeline(endpoint: &NodeAddress, answered: u64) -> Result<Boot> {
    let client = Client::insecure(endpoint, &[]).await?;
    // The node reads its clock a little after this, by which the first answer looks later than it was.
    let since = first::monotonic_ns().saturating_sub(answered);
    let answer = client.introspection().boot_timeline(()).await?.into_inner();
    let node = answer.messages.into_iter().next();
    let node = node.context("the node tells of its boot")?;
    Ok(Boot {
        answered_ns: i64::try_from(node.now_ns)?.saturating_sub_unsigned(since),
        steps: node.steps,
    })
}
