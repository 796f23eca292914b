//! The table.

use std::time::Duration;

use ichor_sys::process::ALL_CAPABILITIES;
use rustix::process::Gid;
use rustix::thread::CapabilitySet;

use crate::{
    Calls, Condition, Grant, Group, Health, Limits, Namespace, Paths, Program, Rights, Service,
    Socket, Use,
};

/// The port of the API.
pub const API_PORT: u16 = 50000;
/// The user of apid.
const APID: u32 = 50;

/// The group that udev gives disks to.
const DISK_GROUP: Gid = Gid::from_raw_unchecked(6);

/// The one binary of the OS. A component is restricted before it is executed, so its files are
/// among those that it may use.
pub const OS_BINARY: &str = "/usr/bin/ichor-os";

/// What PID 1 has.
pub const PID_1: Limits = Limits {
    memory_min_mib: 32,
    memory_max_mib: None,
    tasks_max: None,
    cpu_weight: Some(79),
};

/// The kernel never ends PID 1 of a machine for its memory; with this it does not do so in a
/// container either.
pub const PID_1_OOM_SCORE: i16 = -1000;

/// What the OS consists of goes after everything else, but goes: a service that has taken all memory
/// is started again.
const LAST: i16 = -998;

/// What all services have together. The kernel keeps for none of them what is not kept for all.
#[must_use]
pub fn all_services() -> Limits {
    let kept = SERVICES
        .iter()
        .map(|service| service.rights.limits.memory_min_mib);
    Limits {
        memory_min_mib: kept.sum(),
        memory_max_mib: None,
        tasks_max: None,
        cpu_weight: Some(59),
    }
}

/// A component that stands still may be known late: idle, nobody may wake up often.
const COMPONENT: Health = Health::Told {
    silence_max: Duration::from_secs(60),
};

/// All services, in no order.
///
/// None of them requires another. All need the state, which PID 1 serves before it starts any.
pub const SERVICES: &[Service] = &[
    Service {
        id: "networkd",
        purpose: "links, addresses, routes, DHCP, resolvers, host name",
        program: Program::Component,
        requires: &[],
        conditions: &[],
        health: COMPONENT,
        machine_only: false,
        oom_score: LAST,
        rights: Rights {
            uid: 52,
            groups: &[],
            capabilities: CapabilitySet::NET_ADMIN
                .union(CapabilitySet::NET_RAW)
                .union(CapabilitySet::NET_BIND_SERVICE),
            namespaces: &[Namespace::Ipc],
            calls: Calls::Basic(&[
                Group::Files,
                Group::UnixSockets,
                Group::InternetSockets,
                Group::NetlinkSockets,
                Group::PacketSockets,
            ]),
            paths: Paths::Below(&[
                (OS_BINARY, Use::Execute),
                ("/dev/random", Use::Read),
                ("/dev/urandom", Use::Read),
            ]),
            limits: Limits {
                memory_min_mib: 8,
                memory_max_mib: Some(128),
                tasks_max: Some(64),
                cpu_weight: None,
            },
            sockets: &[],
            memories: &[],
            state: &[
                Grant::WriteNamespace("network"),
                Grant::Write("Controllers.runtime.ichor.dev"),
                Grant::WriteIds(
                    "EtcFileSpecs.files.talos.dev",
                    &["hostname", "hosts", "resolv.conf"],
                ),
                Grant::Read("EtcFileStatuses.files.talos.dev"),
                Grant::Read("HostnameStatuses.net.talos.dev"),
                Grant::Read("KernelCmdlines.runtime.talos.dev"),
            ],
        },
    },
    Service {
        id: "apid",
        purpose: "TLS, authorisation, proxy to the services of the node",
        program: Program::Component,
        requires: &[],
        conditions: &[],
        health: COMPONENT,
        machine_only: false,
        oom_score: LAST,
        rights: Rights {
            uid: APID,
            groups: &[],
            capabilities: CapabilitySet::empty(),
            namespaces: &[Namespace::Ipc, Namespace::Uts],
            calls: Calls::Basic(&[Group::Files, Group::UnixSockets, Group::Accept]),
            paths: Paths::Below(&[
                (OS_BINARY, Use::Execute),
                ("/dev/random", Use::Read),
                ("/dev/urandom", Use::Read),
            ]),
            limits: Limits {
                memory_min_mib: 16,
                memory_max_mib: Some(256),
                tasks_max: Some(64),
                cpu_weight: None,
            },
            sockets: &[Socket::Tcp {
                name: "api",
                port: API_PORT,
            }],
            memories: &["identity"],
            state: &[
                Grant::Read("NodeAddresses.net.talos.dev"),
                Grant::Read("HostnameStatuses.net.talos.dev"),
                Grant::Read("APIServiceConfigs.runtime.talos.dev"),
            ],
        },
    },
    Service {
        id: "storaged",
        purpose: "disks: block devices, their properties and links",
        program: Program::Component,
        // Not udevd: what it tells later is looked at then.
        requires: &[],
        conditions: &[Condition::ApiReachable],
        health: COMPONENT,
        machine_only: true,
        oom_score: LAST,
        rights: Rights {
            // Root would reach the sockets of all services: Landlock does not keep anyone from those
            // in the file system.
            uid: 56,
            groups: &[DISK_GROUP],
            // Reading sysfs needs none.
            capabilities: CapabilitySet::empty(),
            namespaces: &[Namespace::Net, Namespace::Ipc, Namespace::Uts],
            calls: Calls::Basic(&[Group::Files, Group::UnixSockets]),
            paths: Paths::Below(&[
                (OS_BINARY, Use::Execute),
                ("/dev/random", Use::Read),
                ("/dev/urandom", Use::Read),
                // Links below /dev/disk, and the disks, which belong to their group.
                ("/dev", Use::Write),
                // Also variables of the firmware, which are mounted below it.
                ("/sys", Use::Read),
            ]),
            limits: Limits {
                memory_min_mib: 4,
                memory_max_mib: Some(64),
                tasks_max: Some(16),
                cpu_weight: Some(20),
            },
            sockets: &[
                Socket::Unix {
                    name: "storage",
                    path: "/system/run/storaged/storage.sock",
                    client: APID,
                },
                Socket::DeviceEvents { name: "events" },
            ],
            memories: &[],
            state: &[
                Grant::Write("BlockDevices.block.talos.dev"),
                Grant::Write("BlockSymlinks.block.talos.dev"),
                Grant::Write("Disks.block.talos.dev"),
                Grant::Write("SystemDisks.block.talos.dev"),
                Grant::Write("Controllers.runtime.ichor.dev"),
                Grant::Read("DevicesStatuses.runtime.talos.dev"),
            ],
        },
    },
    Service {
        id: "udevd",
        purpose: "device nodes and links, by the rules of the image",
        program: Program::Foreign {
            path: "/usr/lib/systemd/systemd-udevd",
            name: "systemd-udevd",
            arguments: &["--resolve-names=never"],
        },
        requires: &[],
        conditions: &[Condition::ApiReachable],
        health: Health::Told {
            silence_max: Duration::from_secs(120),
        },
        machine_only: true,
        // It is for devices that come, not for what runs.
        oom_score: 0,
        rights: Rights {
            uid: 0,
            groups: &[],
            capabilities: ALL_CAPABILITIES.difference(CapabilitySet::SYS_BOOT),
            namespaces: &[],
            calls: Calls::All,
            paths: Paths::All,
            limits: Limits {
                memory_min_mib: 8,
                memory_max_mib: None,
                tasks_max: None,
                cpu_weight: Some(20),
            },
            sockets: &[],
            memories: &[],
            state: &[],
        },
    },
];
