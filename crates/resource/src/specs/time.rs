//! Time synchronisation.

use ichor_api::talos::resource::definitions::time as wire;
use serde::Serialize;

/// Whether the time is in sync.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct TimeStatus {
    /// Whether the time is in sync.
    pub synced: bool,
    /// Raised for each jump of the clock.
    pub epoch: i64,
    /// Whether synchronisation is switched off.
    pub sync_disabled: bool,
}

message!(
    TimeStatus,
    wire::StatusSpec {
        synced,
        epoch,
        sync_disabled
    }
);
spec!(
    TimeStatus,
    wire::StatusSpec,
    "TimeStatuses.v1alpha1.talos.dev",
    "runtime"
);
