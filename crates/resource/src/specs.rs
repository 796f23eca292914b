//! Typed specs, one module for each group of types.
//!
//! A spec is plain data. Field order and serde names are its YAML form; the binary form is the
//! message of `talos.resource.definitions` that stands beside it.

#[macro_use]
mod wire;
#[macro_use]
mod enums;
mod size;
mod text;

pub mod block;
pub mod cluster;
pub mod config;
pub mod files;
pub mod hardware;
pub mod meta;
pub mod network;
pub mod perf;
pub mod runtime;
pub mod secrets;
pub mod time;
pub mod v1alpha1;

pub use enums::UnknownValue;
pub use size::pretty_size;
pub use text::HardwareAddr;

use crate::{DecodeError, Spec, SpecValue};

/// Calls a macro with every typed spec, by module.
macro_rules! each_spec {
    ($callback:ident) => {
        $callback! {
            block: BlockDevice BlockSymlink DiscoveredVolume DiscoveryRefreshRequest
                DiscoveryRefreshStatus Disk SystemDisk;
            cluster: Identity Member;
            config: MachineType;
            files: EtcFileSpec EtcFileStatus;
            hardware: CpuCore MemoryModule PciDevice Processor SystemInformation;
            meta: Namespace ResourceDefinition;
            network: AddressSpec AddressStatus HardwareAddress HostnameSpec HostnameStatus
                LinkRefresh LinkSpec LinkStatus NetworkStatus NodeAddress NodeAddressSortAlgorithm
                OperatorSpec ResolverSpec ResolverStatus RouteSpec RouteStatus TimeServerSpec
                TimeServerStatus;
            perf: CpuStat MemoryStat;
            runtime: ApiServiceConfig BootId BootedEntry ControllerStatus DevicesStatus Diagnostic Environment
                KernelCmdline KernelModuleStatus KernelParamDefaultSpec KernelParamSpec
                KernelParamStatus LoadedKernelModule MachineStatus MaintenanceServiceConfig
                MaintenanceServiceRequest MetaLoad MountStatus PlatformMetadata SbomItem
                SecurityState ServicePid Version;
            secrets: ApiCertificate CertSan MaintenanceRootSecret;
            time: TimeStatus;
            v1alpha1: AcquireConfigSpec AcquireConfigStatus Service;
        }
    };
}
#[cfg(test)]
pub(crate) use each_spec;

macro_rules! decoders {
    ($($module:ident: $($name:ident)*;)*) => {
        /// Decodes the binary form of a spec by the name of its type; `None` for types that have
        /// no Rust type here.
        ///
        /// # Errors
        /// [`DecodeError`] when the bytes are not a spec of that type.
        pub fn decode(type_name: &str, bytes: &[u8]) -> Option<Result<SpecValue, DecodeError>> {
            match type_name {
                $($($module::$name::TYPE => {
                    let spec = $module::$name::decode(bytes);
                    Some(spec.map(|spec| SpecValue::decoded(spec, bytes.len())))
                })*)*
                _ => None,
            }
        }
    };
}
each_spec!(decoders);

#[cfg(test)]
mod golden;
#[cfg(test)]
mod tests;
