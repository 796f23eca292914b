//! The table. `tests/contract` holds it against the contract.

use crate::{Door, Method, Role, Roles, Service};

/// Whoever changes the machine, or reads what may be secret.
const ADMIN: Roles = Roles::NONE.with(Role::Admin);

/// Whoever keeps the machine and its services going.
const OPERATE: Roles = ADMIN.with(Role::Operator);

/// Whoever looks.
const READ: Roles = OPERATE.with(Role::Reader);

/// All services that a node serves: the most used first.
pub const SERVICES: &[Service] = &[
    Service {
        name: "machine.MachineService",
        door: Door::Roles,
        methods: &[
            Method::new("ApplyConfiguration", ADMIN).open_in_maintenance(),
            Method::new("Bootstrap", ADMIN),
            Method::new("CPUFreqStats", READ),
            Method::new("CPUInfo", READ),
            Method::new("Containers", READ),
            Method::new("Copy", ADMIN),
            Method::new("DiskStats", READ),
            Method::new("DiskUsage", READ),
            Method::new("Dmesg", READ),
            Method::new("EtcdAlarmDisarm", OPERATE),
            Method::new("EtcdAlarmList", READ.with(Role::EtcdBackup)),
            Method::new("EtcdDefragment", OPERATE),
            Method::new("EtcdDowngradeCancel", ADMIN),
            Method::new("EtcdDowngradeEnable", ADMIN),
            Method::new("EtcdDowngradeValidate", ADMIN),
            Method::new("EtcdForfeitLeadership", ADMIN),
            Method::new("EtcdLeaveCluster", ADMIN),
            Method::new("EtcdMemberList", READ.with(Role::EtcdBackup)),
            Method::new("EtcdRecover", ADMIN).taking_a_stream(),
            Method::new("EtcdRemoveMemberByID", ADMIN),
            Method::new("EtcdSnapshot", OPERATE.with(Role::EtcdBackup)),
            Method::new("EtcdStatus", READ.with(Role::EtcdBackup)),
            Method::new("Events", READ),
            Method::new("GenerateClientConfiguration", ADMIN),
            Method::new("Hostname", READ),
            Method::new("ImageList", READ),
            Method::new("ImagePull", OPERATE),
            Method::new("Kubeconfig", ADMIN),
            Method::new("List", READ),
            Method::new("LoadAvg", READ),
            Method::new("Logs", READ),
            Method::new("LogsContainers", READ),
            Method::new("Memory", READ),
            Method::new("MetaDelete", ADMIN.with(Role::MetaWriter)),
            Method::new("MetaWrite", ADMIN.with(Role::MetaWriter)),
            Method::new("Mounts", READ),
            Method::new("Netstat", READ),
            Method::new("NetworkDeviceStats", READ),
            Method::new("PacketCapture", OPERATE),
            Method::new("Processes", READ),
            Method::new("Read", ADMIN),
            Method::new("Reboot", OPERATE),
            Method::new("Reset", ADMIN),
            Method::new("Restart", OPERATE),
            Method::new("Rollback", ADMIN),
            Method::new("ServiceList", READ),
            Method::new("ServiceRestart", OPERATE),
            Method::new("ServiceStart", OPERATE),
            Method::new("ServiceStop", OPERATE),
            Method::new("Shutdown", OPERATE),
            Method::new("Stats", READ),
            Method::new("SystemStat", READ),
            Method::new("Upgrade", ADMIN),
            Method::new("Version", READ),
        ],
    },
    Service {
        name: "cosi.resource.State",
        door: Door::Roles,
        methods: &[
            Method::new("Create", ADMIN),
            Method::new("Destroy", ADMIN),
            Method::new("Get", READ),
            Method::new("List", READ),
            Method::new("Teardown", ADMIN),
            Method::new("TeardownAndDestroy", ADMIN),
            Method::new("Update", ADMIN),
            Method::new("Watch", READ),
        ],
    },
    Service {
        name: "machine.ImageService",
        door: Door::Roles,
        methods: &[
            Method::new("Import", ADMIN).taking_a_stream(),
            Method::new("List", READ),
            Method::new("Pull", OPERATE),
            Method::new("Remove", ADMIN),
            Method::new("Verify", READ.with(Role::ImageVerifier)),
        ],
    },
    Service {
        name: "machine.LifecycleService",
        door: Door::Roles,
        methods: &[Method::new("Install", ADMIN), Method::new("Upgrade", ADMIN)],
    },
    Service {
        name: "machine.DebugService",
        door: Door::Roles,
        methods: &[Method::new("ContainerRun", ADMIN).taking_a_stream()],
    },
    Service {
        name: "machine.StorageService",
        door: Door::Roles,
        methods: &[Method::new("Statfs", READ)],
    },
    Service {
        name: "machine.LVMService",
        door: Door::Roles,
        methods: &[
            Method::new("LogicalVolumeRemove", ADMIN).open_in_maintenance(),
            Method::new("PhysicalVolumeRemove", ADMIN).open_in_maintenance(),
            Method::new("VolumeGroupRemove", ADMIN).open_in_maintenance(),
        ],
    },
    Service {
        name: "machine.MDService",
        door: Door::Roles,
        methods: &[Method::new("Destroy", ADMIN).open_in_maintenance()],
    },
    Service {
        name: "storage.StorageService",
        door: Door::Roles,
        methods: &[
            Method::new("BlockDeviceWipe", ADMIN).open_in_maintenance(),
            Method::new("Disks", READ),
        ],
    },
    Service {
        name: "cluster.ClusterService",
        door: Door::Roles,
        methods: &[Method::new("HealthCheck", READ)],
    },
    Service {
        name: "inspect.InspectService",
        door: Door::Roles,
        methods: &[Method::new("ControllerRuntimeDependencies", READ)],
    },
    Service {
        name: "time.TimeService",
        door: Door::Roles,
        methods: &[Method::new("Time", READ), Method::new("TimeCheck", READ)],
    },
    Service {
        name: "securityapi.SecurityService",
        door: Door::JoinToken,
        methods: &[Method::new("Certificate", Roles::NONE)],
    },
    Service {
        name: "ichor.machine.v1.Introspection",
        door: Door::Roles,
        methods: &[
            Method::new("BootTimeline", READ),
            Method::new("Controllers", READ),
        ],
    },
];
