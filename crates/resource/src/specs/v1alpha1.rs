//! Services and the acquisition of the configuration.

use ichor_api::talos::resource::definitions::v1alpha1 as wire;
use serde::Serialize;

/// State of a service; its id is the name of the service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Service {
    /// Whether the service runs.
    pub running: bool,
    /// Whether its last health check succeeded.
    pub healthy: bool,
    /// Whether its health is not known.
    pub unknown: bool,
}

message!(
    Service,
    wire::ServiceSpec {
        running,
        healthy,
        unknown
    }
);
spec!(
    Service,
    wire::ServiceSpec,
    "Services.v1alpha1.talos.dev",
    "runtime"
);

empty_spec!(
    /// Asks for the configuration to be acquired.
    AcquireConfigSpec,
    "AcquireConfigSpecs.v1alpha1.talos.dev",
    "runtime"
);

empty_spec!(
    /// Says that the configuration has been acquired.
    AcquireConfigStatus,
    "AcquireConfigStatuses.v1alpha1.talos.dev",
    "runtime"
);
