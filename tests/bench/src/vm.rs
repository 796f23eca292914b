//! A node in a virtual machine: boot and idleness.

use std::collections::BTreeMap;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ichor_api::ichor::machine::v1::{BootStep, BootStepKind};
use ichor_client::{Client, NodeAddress};
use ichor_vm::{Cluster, ClusterSpec, NodeSpec};

use crate::first;
use crate::native::API_PORT;
use crate::promises;
use crate::report::Report;

/// Until everything that follows a boot is done.
const SETTLING: Duration = Duration::from_secs(15);

/// What belongs to the OS, and how it names itself.
const PROCESSES: &[&str] = &["machined", "networkd", "storaged", "apid", "systemd-udevd"];

pub(crate) fn measure(disk: &Path, idle: Duration, report: &mut Report) -> Result<()> {
    let spec = ClusterSpec {
        name: "bench".to_owned(),
        image: disk.to_owned(),
        nodes: 1,
        node: NodeSpec::default(),
    };
    let mut cluster = Cluster::start_temporary(&spec)?;
    let node = cluster
        .nodes_mut()
        .first_mut()
        .context("a cluster has a node")?;
    let port = node.plan().port(API_PORT).context("the API is forwarded")?;
    let endpoint: NodeAddress = format!("127.0.0.1:{port}").parse()?;
    first::run(&endpoint).map_err(|error| error.context(node.last_words()))?;
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    boot(&runtime.block_on(steps(&endpoint))?, report)?;
    thread::sleep(SETTLING);
    runtime.block_on(watch_idle(&endpoint, idle, report))
}

/// Looking is work too, so its cost is found by looking twice at once.
async fn watch_idle(endpoint: &NodeAddress, idle: Duration, report: &mut Report) -> Result<()> {
    let client = Client::insecure(endpoint, &[]).await?;
    let warm = processor_seconds(&client).await?;
    let before = processor_seconds(&client).await?;
    let start = Instant::now();
    tokio::time::sleep(idle).await;
    let after = processor_seconds(&client).await?;
    let took = start.elapsed().as_secs_f64();
    let mut sum = 0.0;
    for (name, seconds) in after {
        let of = |times: &BTreeMap<String, f64>| times.get(&name).copied().unwrap_or(0.0);
        let cost = of(&before) - of(&warm);
        let own = (seconds - of(&before) - cost).max(0.0);
        report.note(format!("idle, in a VM: {name} {:.2} %", own / took * 100.0));
        sum += own;
    }
    report.add(promises::IDLE, sum / took * 100.0);
    Ok(())
}

fn boot(steps: &[BootStep], report: &mut Report) -> Result<()> {
    let seconds = |nanoseconds: u64| Duration::from_nanos(nanoseconds).as_secs_f64();
    let of = |kind: BootStepKind| {
        let found = steps.iter().find(|step| step.kind() == kind);
        found.with_context(|| format!("the boot has no {kind:?}"))
    };
    let stage1 = of(BootStepKind::Stage1)?;
    let answer = of(BootStepKind::Milestone)?;
    report.add(promises::STAGE1, seconds(stage1.duration_ns));
    let to_answer = answer.start_ns.saturating_sub(stage1.start_ns);
    report.add(promises::BOOT, seconds(u64::try_from(to_answer)?));
    for step in steps {
        let start = Duration::from_nanos(step.start_ns.unsigned_abs()).as_millis();
        report.note(format!(
            "boot: {:?} {} at {start} ms for {} ms",
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

async fn processor_seconds(client: &Client) -> Result<BTreeMap<String, f64>> {
    let answer = client.machine().processes(()).await?.into_inner();
    let mut sums = BTreeMap::new();
    for process in answer.messages.into_iter().flat_map(|node| node.processes) {
        let called = process.args.split(' ').next().unwrap_or_default();
        let name = called.rsplit('/').next().unwrap_or_default();
        let known = match process.pid {
            1 => Some("machined"),
            _ => PROCESSES.iter().copied().find(|known| *known == name),
        };
        if let Some(name) = known {
            *sums.entry(name.to_owned()).or_insert(0.0) += process.cpu_time;
        }
    }
    Ok(sums)
}
