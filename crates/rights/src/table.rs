//! The table.

use ichor_sys::process::ALL_CAPABILITIES;
use rustix::thread::CapabilitySet;

use crate::{
    Calls, Grant, Group, Limits, Namespace, Paths, Program, Rights, Service, Socket, Start, Use,
};

/// The port of the API.
pub const API_PORT: u16 = 50000;
/// The user of apid.
const APID: u32 = 50;

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

/// All services, in no order.
pub const SERVICES: &[Service] = &[
    Service {
        id: "networkd",
        purpose: "links, addresses, routes, DHCP, resolvers, host name",
        program: Program::Component,
        start: Start::Early,
        machine_only: false,
        rights: Rights {
            uid: 52,
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
        start: Start::Early,
        machine_only: false,
        rights: Rights {
            uid: APID,
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
        start: Start::Late,
        machine_only: true,
        rights: Rights {
            // No disk is opened. Root would reach the sockets of all services: Landlock does not keep
            // anyone from those in the file system.
            uid: 56,
            // Reading sysfs needs none.
            capabilities: CapabilitySet::empty(),
            namespaces: &[Namespace::Net, Namespace::Ipc, Namespace::Uts],
            calls: Calls::Basic(&[Group::Files, Group::UnixSockets]),
            paths: Paths::Below(&[
                (OS_BINARY, Use::Execute),
                ("/dev/random", Use::Read),
                ("/dev/urandom", Use::Read),
                // Links below /dev/disk; the disks themselves are not opened.
                ("/dev", Use::List),
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
            notifies: true,
        },
        start: Start::Late,
        machine_only: true,
        rights: Rights {
            uid: 0,
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
            state: &[],
        },
    },
];
