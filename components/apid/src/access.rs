//! Who may call what.
//!
//! In maintenance mode nobody can show who they are: every caller is a reader.

/// The role of every caller in maintenance mode.
pub(crate) const MAINTENANCE_ROLE: &str = "os:reader";

/// Methods that a reader may call.
const READERS: &[&str] = &[
    "/cluster.ClusterService/HealthCheck",
    "/cosi.resource.State/Get",
    "/cosi.resource.State/List",
    "/cosi.resource.State/Watch",
    "/ichor.machine.v1.Introspection/BootTimeline",
    "/ichor.machine.v1.Introspection/Controllers",
    "/inspect.InspectService/ControllerRuntimeDependencies",
    "/machine.ImageService/List",
    "/machine.ImageService/Verify",
    "/machine.MachineService/CPUFreqStats",
    "/machine.MachineService/CPUInfo",
    "/machine.MachineService/Containers",
    "/machine.MachineService/DiskStats",
    "/machine.MachineService/DiskUsage",
    "/machine.MachineService/Dmesg",
    "/machine.MachineService/EtcdAlarmList",
    "/machine.MachineService/EtcdMemberList",
    "/machine.MachineService/EtcdStatus",
    "/machine.MachineService/Events",
    "/machine.MachineService/Hostname",
    "/machine.MachineService/ImageList",
    "/machine.MachineService/List",
    "/machine.MachineService/LoadAvg",
    "/machine.MachineService/Logs",
    "/machine.MachineService/LogsContainers",
    "/machine.MachineService/Memory",
    "/machine.MachineService/Mounts",
    "/machine.MachineService/Netstat",
    "/machine.MachineService/NetworkDeviceStats",
    "/machine.MachineService/Processes",
    "/machine.MachineService/ServiceList",
    "/machine.MachineService/Stats",
    "/machine.MachineService/SystemStat",
    "/machine.MachineService/Version",
    "/machine.StorageService/Statfs",
    "/storage.StorageService/Disks",
    "/time.TimeService/Time",
    "/time.TimeService/TimeCheck",
];

/// Methods that need more than a reader, but are open while the machine has no configuration.
const MAINTENANCE: &[&str] = &[
    "/machine.LVMService/LogicalVolumeRemove",
    "/machine.LVMService/PhysicalVolumeRemove",
    "/machine.LVMService/VolumeGroupRemove",
    "/machine.MDService/Destroy",
    "/machine.MachineService/ApplyConfiguration",
    "/storage.StorageService/BlockDeviceWipe",
];

/// Services that the node serves, as prefixes of a method's path.
const SERVICES: &[&str] = &[
    "/cluster.ClusterService/",
    "/cosi.resource.State/",
    "/ichor.machine.v1.Introspection/",
    "/inspect.InspectService/",
    "/machine.DebugService/",
    "/machine.ImageService/",
    "/machine.LVMService/",
    "/machine.LifecycleService/",
    "/machine.MDService/",
    "/machine.MachineService/",
    "/machine.StorageService/",
    "/storage.StorageService/",
    "/time.TimeService/",
];

/// What becomes of a call in maintenance mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// It is passed on.
    Allowed,
    /// The caller has no right to it.
    Denied,
    /// There is no such service.
    Unknown,
}

/// Decides by the path of the method, such as `/machine.MachineService/Version`.
pub(crate) fn in_maintenance(path: &str) -> Verdict {
    if READERS.binary_search(&path).is_ok() || MAINTENANCE.binary_search(&path).is_ok() {
        Verdict::Allowed
    } else if SERVICES.iter().any(|service| path.starts_with(service)) {
        Verdict::Denied
    } else {
        Verdict::Unknown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_are_sorted() {
        assert!(READERS.is_sorted() && MAINTENANCE.is_sorted() && SERVICES.is_sorted());
    }

    #[test]
    fn readers_read_and_nothing_more() {
        let verdict = |method: &str| in_maintenance(method);
        assert_eq!(verdict("/machine.MachineService/Version"), Verdict::Allowed);
        assert_eq!(
            verdict("/machine.MachineService/ApplyConfiguration"),
            Verdict::Allowed
        );
        assert_eq!(verdict("/machine.MachineService/Reboot"), Verdict::Denied);
        assert_eq!(verdict("/machine.MachineService/Read"), Verdict::Denied);
        assert_eq!(verdict("/cosi.resource.State/Create"), Verdict::Denied);
        assert_eq!(verdict("/other.Service/Version"), Verdict::Unknown);
        assert_eq!(verdict("/"), Verdict::Unknown);
    }
}
