//! What the kernel is told and says.

use ichor_api::talos::resource::definitions::runtime as wire;
use serde::Serialize;

use crate::specs::text;

text_enum! {
    /// Where the code of a module is.
    KernelModuleType {
        Unknown = 0 => "unknown",
        BuiltIn = 1 => "built-in",
        Dynamic = 2 => "dynamic",
    }
}

text_enum! {
    /// State of a module.
    KernelModuleState {
        Live = 0 => "live",
        Loading = 1 => "loading",
        Unloading = 2 => "unloading",
        BuiltIn = 3 => "built-in",
    }
}

/// The boot id of the kernel.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct BootId {
    /// Boot id of the kernel.
    #[serde(rename = "bootID")]
    pub boot_id: String,
}

message!(BootId, wire::BootIdSpec { boot_id });
spec!(
    BootId,
    wire::BootIdSpec,
    "BootIDs.runtime.talos.dev",
    "runtime"
);

/// The kernel command line.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KernelCmdline {
    /// Kernel command line.
    pub cmdline: String,
}

message!(KernelCmdline, wire::KernelCmdlineSpec { cmdline });
spec!(
    KernelCmdline,
    wire::KernelCmdlineSpec,
    "KernelCmdlines.runtime.talos.dev",
    "runtime"
);

/// A kernel module that is loaded or built in.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelModuleStatus {
    /// Whether it is built in.
    #[serde(rename = "type")]
    pub module_type: KernelModuleType,
    /// Size in bytes.
    pub size: i64,
    /// How many users it has.
    pub reference_count: i64,
    /// Modules that it needs.
    #[serde(skip_serializing_if = "text::unset")]
    pub dependencies: Vec<String>,
    /// State.
    pub state: KernelModuleState,
    /// Address in memory.
    pub address: String,
}

message!(KernelModuleStatus, wire::KernelModuleStatusSpec {
    module_type as r#type, size, reference_count, dependencies, state, address
});
spec!(
    KernelModuleStatus,
    wire::KernelModuleStatusSpec,
    "KernelModuleStatuses.runtime.talos.dev",
    "runtime"
);

/// A loaded kernel module, in the older form.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct LoadedKernelModule {
    /// Size in bytes.
    pub size: i64,
    /// How many users it has.
    pub reference_count: i64,
    /// Modules that it needs.
    #[serde(skip_serializing_if = "text::unset")]
    pub dependencies: Vec<String>,
    /// State.
    pub state: String,
    /// Address in memory.
    pub address: String,
}

message!(
    LoadedKernelModule,
    wire::LoadedKernelModuleSpec {
        size,
        reference_count,
        dependencies,
        state,
        address
    }
);
spec!(
    LoadedKernelModule,
    wire::LoadedKernelModuleSpec,
    "LoadedKernelModules.runtime.talos.dev",
    "runtime"
);

/// A wanted kernel parameter; its id is like `proc.sys.net.ipv4.ip_forward`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct KernelParamSpec {
    /// Value to write.
    pub value: String,
    /// Whether a failure is only logged.
    pub ignore_errors: bool,
}

message!(
    KernelParamSpec,
    wire::KernelParamSpecSpec {
        value,
        ignore_errors
    }
);
spec!(
    KernelParamSpec,
    wire::KernelParamSpecSpec,
    "KernelParamSpecs.runtime.talos.dev",
    "runtime"
);

/// A kernel parameter that was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct KernelParamStatus {
    /// Value in the kernel.
    pub current: String,
    /// Value before it was first written.
    pub default: String,
    /// Whether the kernel does not know it.
    pub unsupported: bool,
}

message!(
    KernelParamStatus,
    wire::KernelParamStatusSpec {
        current,
        default,
        unsupported
    }
);
spec!(
    KernelParamStatus,
    wire::KernelParamStatusSpec,
    "KernelParamStatuses.runtime.talos.dev",
    "runtime"
);

/// A kernel parameter that the system itself wants; a [`KernelParamSpec`] of the same id wins.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(transparent)]
pub struct KernelParamDefaultSpec(pub KernelParamSpec);

impl crate::specs::wire::Field<wire::KernelParamSpecSpec> for KernelParamDefaultSpec {
    fn to_wire(&self) -> wire::KernelParamSpecSpec {
        self.0.to_wire()
    }

    fn from_wire(
        wire: wire::KernelParamSpecSpec,
    ) -> Result<Self, crate::specs::wire::InvalidField> {
        crate::specs::wire::Field::from_wire(wire).map(Self)
    }
}

spec!(
    KernelParamDefaultSpec,
    wire::KernelParamSpecSpec,
    "KernelParamDefaultSpecs.runtime.talos.dev",
    "runtime"
);
