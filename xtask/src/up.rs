//! `cargo xtask up` and `down`: a node in the background, made of what the sources say now.

use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_imager::packages::WhenGone;
use ichor_vm::{Cluster, ClusterError, ClusterSpec, Lifetime, Node, NodeSpec};

use crate::image::{self, Profile};

/// The cluster that `up` starts again and again.
const NAME: &str = "local";

/// The API of a node.
const API_PORT: u16 = 50000;

/// Under software emulation a node answers after 10 to 20 s; a starved host takes longer.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(180);

/// Builds what changed and starts a node with it.
///
/// # Errors
/// The step that failed; with the console's end when the node does not answer.
pub(crate) fn run(root: &Path) -> Result<()> {
    let outputs = image::run(root, Profile::Vm, WhenGone::TakeNewest)?;
    let start = Instant::now();
    destroy()?;
    let spec = ClusterSpec {
        name: NAME.to_owned(),
        image: outputs.disk,
        nodes: 1,
        node: NodeSpec::default(),
    };
    let directory = Cluster::directory_of(NAME)?;
    let mut cluster = Cluster::start(&spec, &directory, Lifetime::Background)?;
    println!("machine   {:5.1} s", start.elapsed().as_secs_f32());
    let start = Instant::now();
    let cli = image::binary(root, Profile::Vm, "ichor");
    let node = cluster
        .nodes_mut()
        .first_mut()
        .context("a cluster has a node")?;
    let port = wait_for_answer(&cli, node)?;
    println!("API       {:5.1} s", start.elapsed().as_secs_f32());
    let cli = cli.display();
    let console = node.console();
    println!("\nThe node answers on 127.0.0.1:{port}. Try:");
    for words in ["version", "get addresses", "services"] {
        println!("    {cli} --insecure --nodes 127.0.0.1:{port} {words}");
    }
    println!("Its console:  tail -f {}", console.path().display());
    println!("Its logs:     {cli} --insecure --nodes 127.0.0.1:{port} dmesg --follow");
    println!("To stop it:   ./x down");
    Ok(())
}

/// Ends the node of `up` and removes its disk.
///
/// # Errors
/// What could not be ended or removed.
pub(crate) fn down() -> Result<()> {
    match destroy()? {
        true => println!("the cluster {NAME} is gone"),
        false => println!("no cluster {NAME} is there"),
    }
    Ok(())
}

fn destroy() -> Result<bool> {
    match Cluster::open(&Cluster::directory_of(NAME)?) {
        Ok(cluster) => {
            cluster.destroy()?;
            Ok(true)
        }
        Err(ClusterError::Missing(_)) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// Waits until a node answers, and gives the port of 127.0.0.1 on which it does. A connection alone
/// says nothing: user-mode networking accepts it before the node does.
///
/// # Errors
/// The console's end when it does not.
pub(crate) fn wait_for_answer(cli: &Path, node: &mut Node) -> Result<u16> {
    const PAUSE: Duration = Duration::from_millis(250);
    let port = node.plan().port(API_PORT);
    let port = port.context("the node has a port for its API")?;
    let deadline = Instant::now() + ANSWER_TIME_MAX;
    let mut words = String::new();
    let mut panics = 0;
    while Instant::now() < deadline {
        if !node.is_running() {
            bail!("the node has stopped\n{}", node.last_words());
        }
        for why in node.console().panics()?.iter().skip(panics) {
            println!("kernel    has given up ({why}), and starts again");
            panics += 1;
        }
        let output = Command::new(cli)
            .args([
                "--insecure",
                "--nodes",
                &format!("127.0.0.1:{port}"),
                "version",
            ])
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("run {}", cli.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        // The client's own version comes without a node, too.
        if output.status.success() && said.contains("Server") {
            return Ok(port);
        }
        words = String::from_utf8_lossy(&output.stderr).into_owned();
        thread::sleep(PAUSE);
    }
    bail!(
        "the node does not answer within {} s\n{}\n`ichor version` said: {words}",
        ANSWER_TIME_MAX.as_secs(),
        node.last_words()
    )
}
