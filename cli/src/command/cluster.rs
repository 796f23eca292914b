//! `ichor cluster`: machines on this computer.

use std::io::{Read, Write};
use std::path::PathBuf;
use std::thread;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use ichor_vm::{Cluster, ClusterSpec, Lifetime, Node, NodeSpec};

use crate::table::Table;

#[derive(Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Name of the cluster; it is kept in ~/.ichor/clusters/NAME.
    #[arg(long, global = true, default_value = "local")]
    name: String,
    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "Examples:
  ichor cluster create --image out/vm/disk.raw
  ichor cluster --name three create --image disk.qcow2 --machines 3 --memory 1024
  ichor cluster show
  ichor cluster logs node-1 --follow
  ichor cluster destroy";

#[derive(Subcommand)]
enum Command {
    /// Make a cluster of QEMU machines, which go on in the background.
    Create(Create),
    /// Show the machines and how to reach them.
    Show,
    /// Print what a machine has written to its console.
    Logs {
        /// The machine.
        #[arg(default_value = "node-1")]
        machine: String,
        /// Go on with what comes.
        #[arg(short, long)]
        follow: bool,
    },
    /// Cut the power of machines and turn them on again.
    Reboot {
        /// Which; all when not given.
        machines: Vec<String>,
    },
    /// End the machines and remove their disks.
    Destroy {
        /// It is no error when there is no such cluster.
        #[arg(short, long)]
        force: bool,
    },
}

#[derive(Args)]
struct Create {
    /// Disk image (raw or qcow2); each machine gets a copy.
    #[arg(long)]
    image: PathBuf,
    /// Number of machines.
    #[arg(long, default_value_t = 1)]
    machines: usize,
    /// Virtual processors of each.
    #[arg(long, default_value_t = 2)]
    cpus: u32,
    /// Memory of each, in MiB.
    #[arg(long, default_value_t = 2048)]
    memory: u32,
    /// Size of the system disk of each, in MiB.
    #[arg(long, default_value_t = 6144)]
    disk: u64,
    /// Sizes of further disks of each, in MiB, separated by commas.
    #[arg(long, value_delimiter = ',')]
    extra_disks: Vec<u64>,
    /// Ports of the machines to make reachable on 127.0.0.1, separated by commas.
    #[arg(long, value_delimiter = ',', default_value = "50000,6443")]
    forward: Vec<u16>,
    /// Firmware variables with enrolled keys (see `ichor image enrol`): Secure Boot is enforced.
    #[arg(long)]
    secure_boot_vars: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> Result<()> {
    let name = &arguments.name;
    match &arguments.command {
        Command::Create(create) => run_create(name, create),
        Command::Show => show(&mut open(name)?),
        Command::Logs { machine, follow } => logs(name, machine, *follow),
        Command::Reboot { machines } => reboot(name, machines),
        Command::Destroy { force } if *force && !Cluster::directory_of(name)?.exists() => Ok(()),
        Command::Destroy { .. } => Ok(open(name)?.destroy()?),
    }
}

fn open(name: &str) -> Result<Cluster> {
    Ok(Cluster::open(&Cluster::directory_of(name)?)?)
}

fn run_create(name: &str, create: &Create) -> Result<()> {
    let mebibytes = |count: u64| count.saturating_mul(1 << 20);
    let spec = ClusterSpec {
        name: name.to_owned(),
        image: create.image.clone(),
        nodes: create.machines,
        node: NodeSpec {
            cpus: create.cpus,
            memory_mib: create.memory,
            disk_bytes: mebibytes(create.disk),
            extra_disks_bytes: create.extra_disks.iter().copied().map(mebibytes).collect(),
            forwards: create.forward.clone(),
            secure_boot: create.secure_boot_vars.is_some(),
            vars: create.secure_boot_vars.clone(),
            ..NodeSpec::default()
        },
    };
    let directory = Cluster::directory_of(name)?;
    show(&mut Cluster::start(
        &spec,
        &directory,
        Lifetime::Background,
    )?)
}

fn show(cluster: &mut Cluster) -> Result<()> {
    let state = |on| if on { "on" } else { "off" };
    println!("NAME       {}", cluster.plan().name);
    println!("DIRECTORY  {}", cluster.directory().display());
    println!("NETWORK    {}", state(cluster.has_network()));
    println!("RUN BY     {:?}\n", cluster.plan().accel);
    let mut table = Table::new([
        "MACHINE",
        "STATE",
        "ADDRESS",
        "CPUS",
        "MEMORY",
        "REACHED BY",
    ]);
    for node in cluster.nodes_mut() {
        let state = state(node.is_running());
        let plan = node.plan();
        let forwards: Vec<_> = plan
            .forwards
            .iter()
            .map(|forward| format!("127.0.0.1:{}->{}", forward.host, forward.guest))
            .collect();
        table.row([
            plan.name.clone(),
            state.to_owned(),
            plan.address.to_string(),
            plan.spec.cpus.to_string(),
            format!("{} MiB", plan.spec.memory_mib),
            forwards.join(" "),
        ]);
    }
    print!("{}", table.render());
    Ok(())
}

fn logs(name: &str, machine: &str, follow: bool) -> Result<()> {
    const POLL: Duration = Duration::from_millis(200);
    let cluster = open(name)?;
    let console = find(cluster.nodes(), machine)?.console();
    let path = console.path();
    let mut file = std::fs::File::open(path).with_context(|| format!("open {}", path.display()))?;
    let mut output = std::io::stdout();
    loop {
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes)
            .with_context(|| format!("read {}", path.display()))?;
        output.write_all(&bytes)?;
        output.flush()?;
        if !follow {
            return Ok(());
        }
        if !path.exists() {
            bail!("the cluster {name} is gone");
        }
        thread::sleep(POLL);
    }
}

fn find<'a>(nodes: &'a [Node], machine: &str) -> Result<&'a Node> {
    let found = nodes.iter().find(|node| node.plan().name == machine);
    found.with_context(|| {
        let names: Vec<_> = nodes.iter().map(|node| node.plan().name.as_str()).collect();
        format!("no machine {machine}; there are: {}", names.join(", "))
    })
}

fn reboot(name: &str, machines: &[String]) -> Result<()> {
    let mut cluster = open(name)?;
    for machine in machines {
        find(cluster.nodes(), machine)?;
    }
    for index in 0..cluster.nodes().len() {
        let Some(node) = cluster.nodes_mut().get_mut(index) else {
            continue;
        };
        if machines.is_empty() || machines.contains(&node.plan().name) {
            node.cut_power()?;
            cluster.start_node(index)?;
        }
    }
    Ok(())
}
