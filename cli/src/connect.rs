//! Which nodes are meant, and how they are reached.

use anyhow::{Context, Result, bail};
use clap::Args;
use ichor_client::{Client, NodeAddress};
use tonic::Status;

/// Flags that all commands for nodes have.
#[derive(Args)]
pub(crate) struct NodeFlags {
    /// Nodes, separated by commas.
    #[arg(short, long, global = true, value_delimiter = ',', env = "ICHOR_NODES")]
    nodes: Vec<NodeAddress>,
    /// Connect to nodes in maintenance mode, without a certificate of one's own.
    #[arg(short, long, global = true)]
    insecure: bool,
    /// Accept only a server certificate with one of these fingerprints.
    #[arg(long, global = true, value_delimiter = ',', requires = "insecure")]
    cert_fingerprint: Vec<String>,
}

/// A connected node.
pub(crate) struct Connected {
    /// As the person named it.
    pub(crate) name: String,
    pub(crate) client: Client,
}

impl NodeFlags {
    /// Connects to all nodes; nodes that cannot be reached are reported and left out.
    ///
    /// # Errors
    /// Without a node, or when none can be reached.
    pub(crate) async fn connect(&self) -> Result<Connections> {
        if self.nodes.is_empty() {
            bail!("no node is named: use --nodes, or set ICHOR_NODES");
        }
        if !self.insecure {
            bail!(
                "certificates of one's own are not implemented yet: use --insecure for a node in \
                 maintenance mode"
            );
        }
        let mut connections = Connections::default();
        for node in &self.nodes {
            let name = node.to_string();
            match Client::insecure(node, &self.cert_fingerprint).await {
                Ok(client) => connections.nodes.push(Connected { name, client }),
                Err(error) => connections.failed(&name, &anyhow::Error::from(error)),
            }
        }
        Ok(connections)
    }

    /// Whether a node was named at all.
    pub(crate) fn is_empty(&self) -> bool {
        self.nodes.is_empty()
    }
}

/// Nodes that answer, and how many do not. One node's error never hides another's answer.
#[derive(Default)]
pub(crate) struct Connections {
    pub(crate) nodes: Vec<Connected>,
    errors: usize,
}

impl Connections {
    /// Reports an error of a node.
    pub(crate) fn failed(&mut self, node: &str, error: &anyhow::Error) {
        self.errors += 1;
        eprintln!("error from node {node}: {error:#}");
    }

    /// # Errors
    /// When a node has failed; what failed has been said.
    pub(crate) fn finish(&self) -> Result<()> {
        match self.errors {
            0 => Ok(()),
            1 => bail!("1 node failed"),
            count => bail!("{count} nodes failed"),
        }
    }
}

/// A gRPC error as people should see it.
pub(crate) fn explain(status: &Status) -> anyhow::Error {
    let code = format!("{:?}", status.code());
    anyhow::anyhow!("{code}: {}", status.message())
}

/// The answer of a call, or its error with the node's name reported.
pub(crate) fn checked<T>(
    connections: &mut Connections,
    node: &str,
    result: Result<tonic::Response<T>, Status>,
) -> Option<T> {
    match result
        .map_err(|status| explain(&status))
        .context("call failed")
    {
        Ok(response) => Some(response.into_inner()),
        Err(error) => {
            connections.failed(node, &error);
            None
        }
    }
}
