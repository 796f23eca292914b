//! Some machines on one network, kept in a directory.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::{fs, io};

use crate::accel;
use crate::firmware::{Firmware, FirmwareError};
use crate::network::{self, NODES_MAX, NetworkError};
use crate::node::{Node, NodeError};
use crate::process::{Lifetime, Process, ProcessError};
use crate::spec::{ClusterSpec, Forward, NodePlan, Plan};

/// Why something could not be done to a cluster.
#[derive(Debug, thiserror::Error)]
pub enum ClusterError {
    /// The name is no name of a directory and a host.
    #[error("{0:?} is no name for a cluster: use up to 32 of a-z, 0-9 and -")]
    Name(String),
    /// There are too few or too many.
    #[error("a cluster has 1 to {NODES_MAX} nodes, not {0}")]
    Nodes(usize),
    /// A cluster is there already.
    #[error("{} exists: destroy that cluster first", .0.display())]
    Exists(PathBuf),
    /// No cluster is there.
    #[error("no cluster in {}", .0.display())]
    Missing(PathBuf),
    /// The sockets' paths would not fit (108 bytes, unix(7)).
    #[error("{} is too long a path for sockets below it", .0.display())]
    PathTooLong(PathBuf),
    /// A file of the cluster cannot be used.
    #[error("use {}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The hub does not run.
    #[error("run the network's hub")]
    Hub(#[from] ProcessError),
    /// The network cannot be made.
    #[error("make the network")]
    Network(#[from] NetworkError),
    /// Firmware is missing.
    #[error(transparent)]
    Firmware(#[from] FirmwareError),
    /// A node failed.
    #[error(transparent)]
    Node(#[from] NodeError),
    /// Where clusters are kept is unknown.
    #[error("HOME is not set, so there is no place for clusters")]
    NoHome,
    /// There are files in its directory that are none of it.
    #[error("{} is kept, as there are other files in it: {}", directory.display(), names.join(", "))]
    Others {
        /// The directory.
        directory: PathBuf,
        /// The files.
        names: Vec<String>,
    },
    /// The caller wanted to stop.
    #[error("interrupted")]
    Interrupted,
}

/// What is about to be done when a cluster is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step<'a> {
    /// The disks of a node are made.
    Disks(&'a str),
    /// The network is made.
    Network,
    /// A node is turned on.
    PowerOn(&'a str),
}

/// Whether to go on after a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Then {
    /// The step is done.
    GoOn,
    /// Nothing more is done, and what was begun is removed.
    Stop,
}

const PLAN: &str = "cluster.json";
/// A plan that is being written.
const DRAFT: &str = "cluster.json.new";
const HUB: &str = "hub";

/// The longest path below the directory is a socket of the hub or of a node.
const SOCKET_PATH_BYTES_MAX: usize = 107 - "/".len() - 40;

/// A cluster that runs, or that ran.
#[derive(Debug)]
pub struct Cluster {
    plan: Plan,
    directory: PathBuf,
    lifetime: Lifetime,
    hub: Option<Process>,
    nodes: Vec<Node>,
}

impl Cluster {
    /// Where `ichor cluster` keeps the cluster of a name: `~/.ichor/clusters/NAME`.
    ///
    /// # Errors
    /// [`ClusterError::Name`], [`ClusterError::NoHome`].
    pub fn directory_of(name: &str) -> Result<PathBuf, ClusterError> {
        let home = std::env::var_os("HOME").ok_or(ClusterError::NoHome)?;
        Self::directory_in(&PathBuf::from(home).join(".ichor/clusters"), name)
    }

    /// Where the cluster of a name is kept among others: a directory in `base`.
    ///
    /// # Errors
    /// [`ClusterError::Name`].
    pub fn directory_in(base: &Path, name: &str) -> Result<PathBuf, ClusterError> {
        check_name(name)?;
        Ok(base.join(name))
    }

    /// The names of the clusters that are kept in `base`, sorted; none, when it cannot be read.
    pub fn names_in(base: &Path) -> Vec<String> {
        let entries = fs::read_dir(base).into_iter().flatten().flatten();
        let clusters = entries.filter(|entry| entry.path().join(PLAN).exists());
        let names = clusters.filter_map(|entry| entry.file_name().into_string().ok());
        let mut names: Vec<_> = names.collect();
        names.sort();
        names
    }

    /// Makes a cluster that ends with this process, in a directory that ends with it.
    ///
    /// # Errors
    /// The step that failed.
    pub fn start_temporary(spec: &ClusterSpec) -> Result<Self, ClusterError> {
        static COUNT: AtomicUsize = AtomicUsize::new(0);
        let base = std::env::temp_dir();
        sweep(&base);
        let count = COUNT.fetch_add(1, Ordering::Relaxed);
        let directory = base.join(format!("{TEMPORARY}{}-{count}", std::process::id()));
        Self::start(spec, &directory, Lifetime::Caller)
    }

    /// Makes a cluster in a new directory and turns it on. What was begun is removed on failure.
    ///
    /// # Errors
    /// The step that failed.
    pub fn start(
        spec: &ClusterSpec,
        directory: &Path,
        lifetime: Lifetime,
    ) -> Result<Self, ClusterError> {
        Self::start_watched(spec, directory, lifetime, |_| Then::GoOn)
    }

    /// Like [`start`](Self::start); `watch` is told of each step before it is done.
    ///
    /// # Errors
    /// The step that failed, or [`ClusterError::Interrupted`].
    pub fn start_watched(
        spec: &ClusterSpec,
        directory: &Path,
        lifetime: Lifetime,
        mut watch: impl FnMut(Step<'_>) -> Then,
    ) -> Result<Self, ClusterError> {
        let plan = plan(spec, lifetime)?;
        let directory = resolve_new(directory)?;
        if directory.as_os_str().len() > SOCKET_PATH_BYTES_MAX {
            return Err(ClusterError::PathTooLong(directory));
        }
        // What a start left that was killed before it had a plan is nobody's.
        if !others(&directory, &[DRAFT]).is_empty() {
            return Err(ClusterError::Exists(directory));
        }
        let mut cluster = Self {
            plan,
            directory,
            lifetime,
            hub: None,
            nodes: Vec::new(),
        };
        let mut watch = |step: Step<'_>| match watch(step) {
            Then::GoOn => Ok(()),
            Then::Stop => Err(ClusterError::Interrupted),
        };
        match cluster.make(&spec.image, &mut watch) {
            Ok(()) => Ok(cluster),
            Err(error) => {
                // The first error is the one to tell.
                cluster.remove().ok();
                Err(error)
            }
        }
    }

    /// The cluster in a directory, with the processes that run in it.
    ///
    /// # Errors
    /// [`ClusterError::Missing`] when there is none, [`ClusterError::File`] when its plan is broken or
    /// the directory cannot be looked at.
    pub fn open(directory: &Path) -> Result<Self, ClusterError> {
        let directory = resolve(directory)?;
        let path = directory.join(PLAN);
        if !path.exists() {
            return Err(ClusterError::Missing(directory));
        }
        let plan: Plan = fs::read(&path)
            .and_then(|bytes| Ok(serde_json::from_slice(&bytes)?))
            .map_err(|source| ClusterError::File { path, source })?;
        let hub = directory.join(HUB);
        let open =
            |node: &NodePlan| Node::open(node.clone(), directory.join(&node.name), hub.clone());
        Ok(Self {
            nodes: plan.nodes.iter().map(open).collect(),
            plan,
            directory,
            lifetime: Lifetime::Background,
            hub: Process::attach(&hub),
        })
    }

    /// The plan comes first: whatever is made later can be found, and destroyed, with it.
    fn make(
        &mut self,
        image: &Path,
        watch: &mut impl FnMut(Step<'_>) -> Result<(), ClusterError>,
    ) -> Result<(), ClusterError> {
        self.save_plan()?;
        let hub = self.directory.join(HUB);
        fs::create_dir_all(&hub).map_err(|source| ClusterError::File {
            path: hub.clone(),
            source,
        })?;
        for node in &self.plan.nodes {
            watch(Step::Disks(&node.name))?;
            let directory = self.directory.join(&node.name);
            let firmware = &self.plan.firmware;
            self.nodes.push(Node::create(
                node.clone(),
                image,
                firmware,
                directory,
                hub.clone(),
            )?);
        }
        watch(Step::Network)?;
        let nodes: Vec<_> = self.nodes.iter().map(Node::plan).collect();
        self.hub = Some(Process::start(
            &hub,
            &network::hub_arguments(&hub, &nodes),
            self.lifetime,
        )?);
        network::wait_for_ports(&hub, &nodes)?;
        for node in &nodes {
            network::reserve(node, &hub)?;
        }
        for index in 0..self.plan.nodes.len() {
            if let Some(node) = self.plan.nodes.get(index) {
                watch(Step::PowerOn(&node.name))?;
            }
            self.start_node(index)?;
        }
        Ok(())
    }

    fn save_plan(&self) -> Result<(), ClusterError> {
        let (draft, path) = (self.directory.join(DRAFT), self.directory.join(PLAN));
        fs::create_dir_all(&self.directory)
            .and_then(|()| Ok(serde_json::to_vec_pretty(&self.plan)?))
            .and_then(|bytes| fs::write(&draft, bytes))
            .and_then(|()| fs::rename(&draft, &path))
            .map_err(|source| ClusterError::File { path, source })
    }

    /// What was planned.
    pub fn plan(&self) -> &Plan {
        &self.plan
    }

    /// Where it is kept.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Its machines.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// Its machines, to do something to them.
    pub fn nodes_mut(&mut self) -> &mut [Node] {
        &mut self.nodes
    }

    /// Whether the network's hub runs.
    pub fn has_network(&mut self) -> bool {
        self.hub.as_mut().is_some_and(Process::is_running)
    }

    /// Turns a node on; without effect when it is.
    ///
    /// # Errors
    /// [`ClusterError::Node`]; [`ClusterError::Nodes`] when there is no such node.
    pub fn start_node(&mut self, index: usize) -> Result<(), ClusterError> {
        let node = self
            .nodes
            .get_mut(index)
            .ok_or(ClusterError::Nodes(index))?;
        Ok(node.start(self.plan.accel, &self.plan.firmware, self.lifetime)?)
    }

    /// Turns everything off and removes what was made. Files of others are kept.
    ///
    /// # Errors
    /// The first that occurred. All machines are ended nevertheless; files are only removed when all
    /// have ended, and the plan when all others are gone, so that it can be tried again.
    pub fn destroy(mut self) -> Result<(), ClusterError> {
        self.remove()
    }

    fn remove(&mut self) -> Result<(), ClusterError> {
        let mut result = Ok(());
        for node in &mut self.nodes {
            result = result.and(node.cut_power().map_err(ClusterError::from));
        }
        if let Some(mut hub) = self.hub.take() {
            result = result.and(hub.kill().map_err(ClusterError::from));
        }
        // A machine that goes on needs its files.
        result?;
        let mut result = Ok(());
        let names = self.plan.nodes.iter().map(|node| node.name.as_str());
        for name in names.chain([HUB]) {
            let path = self.directory.join(name);
            result = result.and(gone(fs::remove_dir_all(&path), path));
        }
        // The plan goes last, so that what failed or was interrupted can be tried again.
        result?;
        for name in [DRAFT, PLAN] {
            let path = self.directory.join(name);
            gone(fs::remove_file(&path), path)?;
        }
        let names = others(&self.directory, &[]);
        let directory = self.directory.clone();
        match names.is_empty() {
            true => gone(fs::remove_dir(&directory), directory),
            false => Err(ClusterError::Others { directory, names }),
        }
    }
}

/// The one spelling of a directory: its processes are known by paths below it.
fn resolve(directory: &Path) -> Result<PathBuf, ClusterError> {
    directory.canonicalize().map_err(|source| {
        let path = directory.to_owned();
        match source.kind() {
            io::ErrorKind::NotFound => ClusterError::Missing(path),
            _ => ClusterError::File { path, source },
        }
    })
}

/// The same for one that may have to be made; those above it are.
fn resolve_new(directory: &Path) -> Result<PathBuf, ClusterError> {
    match resolve(directory) {
        Err(ClusterError::Missing(path)) => std::path::absolute(&path)
            .and_then(|whole| {
                let (Some(parent), Some(name)) = (whole.parent(), whole.file_name()) else {
                    return Err(io::ErrorKind::InvalidFilename.into());
                };
                fs::create_dir_all(parent)?;
                Ok(parent.canonicalize()?.join(name))
            })
            .map_err(|source| ClusterError::File { path, source }),
        resolved => resolved,
    }
}

/// What is gone already need not be removed.
fn gone(removed: io::Result<()>, path: PathBuf) -> Result<(), ClusterError> {
    match removed {
        Err(source) if source.kind() != io::ErrorKind::NotFound => {
            Err(ClusterError::File { path, source })
        }
        _ => Ok(()),
    }
}

/// What is in a directory besides these, sorted; nothing, when it is not there.
fn others(directory: &Path, ours: &[&str]) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let names = entries.map(|entry| entry.file_name());
    let names = names.filter(|name| !ours.iter().any(|ours| *name == *OsString::from(ours)));
    let mut names: Vec<_> = names
        .map(|name| name.to_string_lossy().into_owned())
        .collect();
    names.sort();
    names
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if self.lifetime == Lifetime::Background {
            return;
        }
        if std::thread::panicking() {
            for node in &mut self.nodes {
                eprintln!("{}", node.last_words());
            }
        }
        // A later start sweeps what could not be removed now.
        self.remove().ok();
    }
}

fn plan(spec: &ClusterSpec, lifetime: Lifetime) -> Result<Plan, ClusterError> {
    check_name(&spec.name)?;
    if spec.nodes == 0 || spec.nodes > NODES_MAX {
        return Err(ClusterError::Nodes(spec.nodes));
    }
    let firmware = match spec.node.secure_boot {
        true => Firmware::find_secure()?,
        false => Firmware::find()?,
    };
    let mut ports = network::free_ports(wishes(spec, lifetime))?.into_iter();
    let nodes = (0..spec.nodes as u8)
        .map(|index| NodePlan {
            name: format!("node-{}", index + 1),
            index,
            mac: network::mac(index, 0),
            address: network::address(index),
            forwards: ports
                .by_ref()
                .zip(spec.node.forwards.iter())
                .take(spec.node.forwards.len())
                .map(|(host, &guest)| Forward { host, guest })
                .collect(),
            spec: spec.node.clone(),
        })
        .collect();
    let accel = accel::choose(&firmware);
    Ok(Plan {
        name: spec.name.clone(),
        accel,
        firmware,
        nodes,
    })
}

/// The first node of a cluster that people use has its ports under the same numbers on the host.
fn wishes(spec: &ClusterSpec, lifetime: Lifetime) -> impl Iterator<Item = Option<u16>> {
    (0..spec.nodes).flat_map(move |index| {
        let wished = lifetime == Lifetime::Background && index == 0;
        spec.node
            .forwards
            .iter()
            .map(move |&guest| wished.then_some(guest))
    })
}

fn check_name(name: &str) -> Result<(), ClusterError> {
    let fits = (1..=32).contains(&name.len())
        && name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    match fits {
        true => Ok(()),
        false => Err(ClusterError::Name(name.to_owned())),
    }
}

const TEMPORARY: &str = "ichor-vm-";

/// Removes what processes left that were killed; their machines ended with them.
fn sweep(base: &Path) {
    let Ok(entries) = fs::read_dir(base) else {
        return;
    };
    for entry in entries.flatten() {
        let name = entry.file_name();
        let owner = name.to_str().and_then(|name| {
            name.strip_prefix(TEMPORARY)?
                .split('-')
                .next()?
                .parse()
                .ok()
        });
        let dead = |pid: u32| !Path::new("/proc").join(pid.to_string()).exists();
        if owner.is_some_and(dead) {
            // Someone else may have swept it, or own it.
            fs::remove_dir_all(entry.path()).ok();
        }
    }
}

#[cfg(test)]
mod tests;
