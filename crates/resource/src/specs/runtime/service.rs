//! Services, mounts and what they depend on.

use std::net::IpAddr;

use ichor_api::talos::resource::definitions::runtime as wire;
use serde::Serialize;

use crate::specs::text;

/// How the API is served.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ApiServiceConfig {
    /// Address and port to listen on.
    pub listen_address: String,
    /// Whether requests are never passed on to other nodes.
    pub node_routing_disabled: bool,
    /// Whether every client has the reader role.
    pub readonly_role_mode: bool,
    /// Whether clients need no certificate.
    pub skip_verifying_client_cert: bool,
}

message!(
    ApiServiceConfig,
    wire::ApiServiceConfigSpec {
        listen_address,
        node_routing_disabled,
        readonly_role_mode,
        skip_verifying_client_cert
    }
);
spec!(
    ApiServiceConfig,
    wire::ApiServiceConfigSpec,
    "APIServiceConfigs.runtime.talos.dev",
    "runtime"
);

/// Whether udev has settled.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct DevicesStatus {
    /// Whether all is ready.
    pub ready: bool,
}

message!(DevicesStatus, wire::DevicesStatusSpec { ready });
spec!(
    DevicesStatus,
    wire::DevicesStatusSpec,
    "DevicesStatuses.runtime.talos.dev",
    "runtime"
);

/// Environment variables of services.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Environment {
    /// Variables as `NAME=value`.
    pub variables: Vec<String>,
}

message!(Environment, wire::EnvironmentSpec { variables });
spec!(
    Environment,
    wire::EnvironmentSpec,
    "Environments.runtime.talos.dev",
    "runtime"
);

/// Where the maintenance API listens.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MaintenanceServiceConfig {
    /// Address and port to listen on.
    pub listen_address: String,
    /// Addresses at which clients find it.
    pub reachable_addresses: Vec<IpAddr>,
}

message!(
    MaintenanceServiceConfig,
    wire::MaintenanceServiceConfigSpec {
        listen_address,
        reachable_addresses
    }
);
spec!(
    MaintenanceServiceConfig,
    wire::MaintenanceServiceConfigSpec,
    "MaintenanceServiceConfigs.runtime.talos.dev",
    "runtime"
);

/// Whether the META partition was read.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MetaLoad {
    /// Whether it is loaded.
    pub done: bool,
}

message!(MetaLoad, wire::MetaLoadedSpec { done });
spec!(
    MetaLoad,
    wire::MetaLoadedSpec,
    "MetaLoads.runtime.talos.dev",
    "runtime"
);

/// A mount, in the older form.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MountStatus {
    /// Device or file system.
    pub source: String,
    /// Mount point.
    pub target: String,
    /// File system.
    pub filesystem_type: String,
    /// Mount options.
    pub options: Vec<String>,
    /// Whether the data is encrypted.
    pub encrypted: bool,
    /// How the keys are kept.
    #[serde(skip_serializing_if = "text::unset")]
    pub encryption_providers: Vec<String>,
}

message!(
    MountStatus,
    wire::MountStatusSpec {
        source,
        target,
        filesystem_type,
        options,
        encrypted,
        encryption_providers
    }
);
spec!(
    MountStatus,
    wire::MountStatusSpec,
    "MountStatuses.runtime.talos.dev",
    "runtime"
);

/// The process of a service.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ServicePid {
    /// Process id.
    pub pid: i32,
    /// Mount namespace, such as `mnt:[4026531841]`.
    pub mount_namespace: String,
}

message!(
    ServicePid,
    wire::ServicePidSpec {
        pid,
        mount_namespace
    }
);
spec!(
    ServicePid,
    wire::ServicePidSpec,
    "ServicePIDs.runtime.talos.dev",
    "runtime"
);

empty_spec!(
    /// Says that the maintenance API is wanted.
    MaintenanceServiceRequest,
    "MaintenanceServiceRequests.runtime.talos.dev",
    "runtime"
);
