//! The services of a node.

use std::time::Duration;

use super::service::ServiceSpec;

/// How a service is started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Program {
    /// The OS binary under the service's name, with its state and service sockets.
    Component,
    /// A program of the image.
    Foreign {
        path: &'static str,
        name: &'static str,
        arguments: &'static [&'static str],
    },
}

/// What a service is and may do.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Service {
    pub(crate) id: &'static str,
    pub(crate) program: Program,
    pub(crate) depends: &'static [&'static str],
    /// User and group.
    pub(crate) uid: u32,
    /// Only on a machine, not in a container.
    pub(crate) machine_only: bool,
}

const GRACE: Duration = Duration::from_secs(10);

/// All services, in no order: dependencies say what waits for what.
pub(crate) const SERVICES: &[Service] = &[
    Service {
        id: "networkd",
        program: Program::Component,
        depends: &[],
        uid: 52,
        machine_only: false,
    },
    Service {
        id: "apid",
        program: Program::Component,
        depends: &[],
        uid: 50,
        machine_only: false,
    },
    Service {
        id: "udevd",
        program: Program::Foreign {
            path: "/usr/lib/systemd/systemd-udevd",
            name: "systemd-udevd",
            arguments: &["--resolve-names=never"],
        },
        // Nothing that answers the API waits for device links.
        depends: &["apid"],
        uid: 0,
        machine_only: true,
    },
];

impl Service {
    /// What its loop needs.
    pub(crate) fn spec(&self) -> ServiceSpec {
        ServiceSpec {
            id: self.id,
            depends: self.depends,
            grace: GRACE,
            has_health_check: self.program == Program::Component,
        }
    }
}
