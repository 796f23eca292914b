//! What each process of the node may do: one table, and one function that applies a row of it.
//!
//! The table ([`SERVICES`]) is data. [`confine`] turns a row into restrictions of a process that is
//! about to be started; control groups and sockets of a row are made by PID 1, which owns both.

mod condition;
mod confine;
mod page;
mod paths;
mod seccomp;
mod table;

pub use condition::{Condition, NetworkPart};
pub use confine::{RightsError, confine};
pub use page::page;
pub use table::{API_PORT, OS_BINARY, PID_1, PID_1_OOM_SCORE, SERVICES, all_services};

use std::time::Duration;

use rustix::process::Gid;
use rustix::thread::CapabilitySet;

/// A process that PID 1 keeps running.
#[derive(Clone, Copy, Debug)]
pub struct Service {
    /// Its name, which is also that of its log and its control group.
    pub id: &'static str,
    /// What it is for, in a few words.
    pub purpose: &'static str,
    /// What is executed.
    pub program: Program,
    /// Services that must be up before it starts. It ends before they do.
    pub requires: &'static [&'static str],
    /// What else must hold before it starts.
    pub conditions: &'static [Condition],
    /// How it is known that it works.
    pub health: Health,
    /// Only on a machine, not in a container.
    pub machine_only: bool,
    /// How soon the kernel ends it when memory runs out, from -1000 (never) to 1000 (first).
    pub oom_score: i16,
    /// What it may do.
    pub rights: Rights,
}

/// How it is known that a service works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Health {
    /// It is not: it counts as up as soon as it runs.
    Assumed,
    /// It tells. A component by its connection to the state, another program by `READY=1`; from its
    /// start on, both by `WATCHDOG=1`, as sd_notify(3) and sd_watchdog_enabled(3) describe.
    ///
    /// That costs two wake-ups for each sign, and proves that the loop which does all the work turns.
    /// A question to each of them would cost three, and could not be asked of one that serves nothing.
    Told {
        /// After this time without a sign it counts as unhealthy, until there is one. Signs come
        /// twice as often.
        silence_max: Duration,
    },
}

/// How a service is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Program {
    /// The OS binary under the service's name, with its state and service sockets.
    Component,
    /// A program of the image.
    Foreign {
        /// Its file.
        path: &'static str,
        /// What it sees as its own name.
        name: &'static str,
        /// The rest of its command line.
        arguments: &'static [&'static str],
    },
}

/// What a process may do. What is not here it may not.
#[derive(Clone, Copy, Debug)]
pub struct Rights {
    /// User and group.
    pub uid: u32,
    /// Other groups.
    pub groups: &'static [Gid],
    /// All it has and can ever have.
    pub capabilities: CapabilitySet,
    /// Namespaces of its own.
    pub namespaces: &'static [Namespace],
    /// System calls.
    pub calls: Calls,
    /// Files.
    pub paths: Paths,
    /// Limits of its control group.
    pub limits: Limits,
    /// Sockets that PID 1 makes and hands over.
    pub sockets: &'static [Socket],
    /// Memories that PID 1 makes and hands over to each process in turn, by their names: what it finds
    /// in them its predecessor has left.
    pub memories: &'static [&'static str],
    /// The part of the node's state that it sees.
    pub state: &'static [Grant],
}

/// A namespace that a process does not share with PID 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Namespace {
    /// System V IPC and POSIX message queues.
    Ipc,
    /// Host name.
    Uts,
    /// Links, addresses, ports. The process reaches no network, and nothing reaches it.
    Net,
}

/// System calls that a process may make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// Those of the kernel.
    All,
    /// Those of a program that computes, waits and uses descriptors, and these. Another call
    /// answers `EPERM` and is written to the kernel log.
    Basic(&'static [Group]),
}

/// System calls that go together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Group {
    /// Opening, reading and listing files.
    Files,
    /// Unix sockets: connecting and accepting.
    UnixSockets,
    /// Connections of a listening TCP socket that was handed over.
    Accept,
    /// TCP and UDP sockets of its own, IPv4 and IPv6.
    InternetSockets,
    /// Messages to and from the kernel.
    NetlinkSockets,
    /// Raw packets of a link.
    PacketSockets,
    /// Requests to devices.
    DeviceRequests,
}

/// Files that a process may use (Landlock).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Paths {
    /// Those that its user and capabilities allow.
    All,
    /// These: a directory with all that is below it, or a file.
    Below(&'static [(&'static str, Use)]),
}

/// How files below a directory are used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Use {
    /// Listing directories.
    List,
    /// Reading and listing.
    Read,
    /// Reading, listing and writing files that exist.
    Write,
    /// Reading and executing.
    Execute,
}

/// Limits of a control group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Memory that is never taken from it, MiB.
    pub memory_min_mib: u32,
    /// Memory above which it is ended, MiB.
    pub memory_max_mib: Option<u32>,
    /// Threads and processes.
    pub tasks_max: Option<u32>,
    /// Its share of the processors when there is not enough for all, where others have 100.
    pub cpu_weight: Option<u32>,
}

/// A socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// Listens on all addresses.
    Tcp {
        /// What the process knows it by.
        name: &'static str,
        /// Port.
        port: u16,
    },
    /// Listens in the file system.
    Unix {
        /// What the process knows it by.
        name: &'static str,
        /// Where.
        path: &'static str,
        /// The user, besides root, that may connect.
        client: u32,
    },
    /// Receives what the kernel and udev tell of devices. The network namespace of PID 1 is the only
    /// one in which udev speaks.
    DeviceEvents {
        /// What the process knows it by.
        name: &'static str,
    },
}

/// A part of the node's state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Grant {
    /// A type may be seen.
    Read(&'static str),
    /// A type may be seen and changed.
    Write(&'static str),
    /// A type may be seen, and those of its resources that have one of these ids may be changed.
    WriteIds(&'static str, &'static [&'static str]),
    /// All types whose default namespace is this one may be seen and changed, but those of them that
    /// have a grant by name have that one.
    WriteNamespace(&'static str),
}

/// Finds a row.
#[must_use]
pub fn service(id: &str) -> Option<&'static Service> {
    SERVICES.iter().find(|service| service.id == id)
}

impl Limits {
    /// The files of the control group and what is written to them.
    #[must_use]
    pub fn settings(&self) -> Vec<(&'static str, String)> {
        let bytes = |mebibytes: u32| (u64::from(mebibytes) << 20).to_string();
        let mut settings = vec![("memory.min", bytes(self.memory_min_mib))];
        settings.extend(self.memory_max_mib.map(|most| ("memory.max", bytes(most))));
        settings.extend(self.tasks_max.map(|most| ("pids.max", most.to_string())));
        settings.extend(
            self.cpu_weight
                .map(|share| ("cpu.weight", share.to_string())),
        );
        settings
    }
}

impl Socket {
    /// What the process knows it by.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Tcp { name, .. } | Self::Unix { name, .. } | Self::DeviceEvents { name } => name,
        }
    }
}
