//! Nodes on one network.

use std::path::PathBuf;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_probe::{PORT, Probe};
use ichor_vm::{Cluster, ClusterSpec, Node, NodeSpec};

use crate::booted::{API_PORT, BOOT_TIME_MAX, ichor};

/// Nodes that have all answered once. They are counted from zero.
#[derive(Debug)]
pub struct Several {
    cluster: Cluster,
    ports: Vec<u16>,
}

impl Several {
    /// Boots nodes and waits for the first answer of each API.
    ///
    /// # Errors
    /// What could not be started, or the end of a console when its node does not answer.
    pub fn start(image: PathBuf, nodes: usize, node: NodeSpec) -> Result<Self> {
        let spec = ClusterSpec {
            name: "test".to_owned(),
            image,
            nodes,
            node,
        };
        let cluster = Cluster::start_temporary(&spec)?;
        let ports = cluster
            .nodes()
            .iter()
            .map(|node| node.plan().port(API_PORT));
        let ports = ports.collect::<Option<_>>();
        let ports = ports.context("the API is forwarded")?;
        let mut several = Self { cluster, ports };
        for index in 0..nodes {
            several.wait_for(BOOT_TIME_MAX, index, &["version"], |_| true)?;
        }
        Ok(several)
    }

    /// The ports of 127.0.0.1 that lead to the APIs.
    pub fn ports(&self) -> &[u16] {
        &self.ports
    }

    /// A machine.
    ///
    /// # Errors
    /// When there is none of that number.
    pub fn node(&mut self, index: usize) -> Result<&mut Node> {
        let node = self.cluster.nodes_mut().get_mut(index);
        node.with_context(|| format!("there is no node {index}"))
    }

    /// The probe in a machine of the image that has it.
    ///
    /// # Errors
    /// When there is none.
    pub fn probe(&mut self, index: usize) -> Result<Probe> {
        let mut probe = Probe::connect(&self.node(index)?.serial_port(PORT))?;
        probe.wait_for_boot("", BOOT_TIME_MAX)?;
        Ok(probe)
    }

    /// Runs `ichor` on all nodes.
    ///
    /// # Errors
    /// When it cannot be run; how it ends is in the answer.
    pub fn ichor(&self, arguments: &[&str]) -> Result<Output> {
        let output = ichor(&self.ports, arguments)?.output();
        output.context("run ichor")
    }

    /// Runs `ichor` on one node until it succeeds and `accept` holds on what it prints.
    ///
    /// # Errors
    /// The last answer or failure, and the console's end.
    pub fn wait_for(
        &mut self,
        patience: Duration,
        index: usize,
        arguments: &[&str],
        accept: impl Fn(&str) -> bool,
    ) -> Result<String> {
        const PAUSE: Duration = Duration::from_millis(250);
        let port = *self.ports.get(index).context("the node has a port")?;
        let deadline = Instant::now() + patience;
        loop {
            let output = ichor(&[port], arguments)?.output().context("run ichor")?;
            let text = String::from_utf8_lossy(&output.stdout).into_owned();
            if output.status.success() && accept(&text) {
                return Ok(text);
            }
            let node = self.node(index)?;
            if Instant::now() >= deadline || !node.is_running() {
                let words = String::from_utf8_lossy(&output.stderr);
                let arguments = arguments.join(" ");
                bail!(
                    "`ichor {arguments}` printed:\n{text}{words}\n{}",
                    node.last_words()
                );
            }
            thread::sleep(PAUSE);
        }
    }
}
