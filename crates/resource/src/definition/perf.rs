//! Types of the group `perf`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "CPUStats.perf.talos.dev",
        display_type: "CPUStat",
        default_namespace: "perf",
        aliases: &["cpustat", "cpus"],
        columns: &[
            Column::new("User", "{.cpuTotal.user}"),
            Column::new("System", "{.cpuTotal.system}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "MemoryStats.perf.talos.dev",
        display_type: "MemoryStat",
        default_namespace: "perf",
        aliases: &["memorystat", "ms"],
        columns: &[
            Column::new("Used", "{.used}"),
            Column::new("Total", "{.total}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
];
