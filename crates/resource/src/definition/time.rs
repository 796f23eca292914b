//! Types of the group `time`.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[
    Definition {
        type_name: "AdjtimeStatuses.v1alpha1.talos.dev",
        display_type: "AdjtimeStatus",
        default_namespace: "runtime",
        aliases: &["adjtimestatus", "as"],
        columns: &[
            Column::new("Offset", "{.offset}"),
            Column::new("EstError", "{.estError}"),
            Column::new("MaxError", "{.maxError}"),
            Column::new("Status", "{.status}"),
            Column::new("Sync", "{.syncStatus}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "NTPStatuses.v1alpha1.talos.dev",
        display_type: "NTPStatus",
        default_namespace: "runtime",
        aliases: &["ntpstatus", "ntps"],
        columns: &[
            Column::new("Spike Detected", "{.spikeDetected}"),
            Column::new("Consecutive Spikes", "{.consecutiveSpikes}"),
        ],
        sensitivity: Sensitivity::NonSensitive,
    },
    Definition {
        type_name: "TimeStatuses.v1alpha1.talos.dev",
        display_type: "TimeStatus",
        default_namespace: "runtime",
        aliases: &["timestatus", "ts"],
        columns: &[Column::new("Synced", "{.synced}")],
        sensitivity: Sensitivity::NonSensitive,
    },
];
