//! The machine as a whole.

use std::collections::BTreeMap;

use ichor_api::talos::resource::definitions::runtime as wire;
use serde::Serialize;

use crate::specs::text;

text_enum! {
    /// What the machine is doing.
    MachineStage {
        Unknown = 0 => "unknown",
        Booting = 1 => "booting",
        Installing = 2 => "installing",
        Maintenance = 3 => "maintenance",
        Running = 4 => "running",
        Rebooting = 5 => "rebooting",
        ShuttingDown = 6 => "shutting down",
        Resetting = 7 => "resetting",
        Upgrading = 8 => "upgrading",
    }
}

text_enum! {
    /// State of SELinux.
    SelinuxState {
        Disabled = 0 => "disabled",
        Permissive = 1 => "enabled, permissive",
        Enforcing = 2 => "enabled, enforcing",
    }
}

text_enum! {
    /// State of FIPS 140 mode.
    FipsState {
        Disabled = 0 => "disabled",
        Enabled = 1 => "enabled",
        Strict = 2 => "enabled, strict",
    }
}

/// The boot loader entry that was booted.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct BootedEntry {
    /// Name of the boot loader entry.
    #[serde(skip_serializing_if = "text::unset")]
    pub booted_entry: String,
}

message!(BootedEntry, wire::BootedEntrySpec { booted_entry });
spec!(
    BootedEntry,
    wire::BootedEntrySpec,
    "BootedEntries.talos.dev",
    "runtime"
);

/// Something that a person should look at; its id is a code.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Diagnostic {
    /// What is wrong.
    pub message: String,
    /// More about it.
    pub details: Vec<String>,
}

message!(Diagnostic, wire::DiagnosticSpec { message, details });
spec!(
    Diagnostic,
    wire::DiagnosticSpec,
    "Diagnostics.runtime.talos.dev",
    "runtime"
);

/// Stage and readiness of the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct MachineStatus {
    /// What the machine is doing.
    pub stage: MachineStage,
    /// Whether it is ready, and what is missing.
    pub status: MachineReadiness,
}

message!(MachineStatus, wire::MachineStatusSpec { stage, status });
spec!(
    MachineStatus,
    wire::MachineStatusSpec,
    "MachineStatuses.runtime.talos.dev",
    "runtime"
);

/// Whether the machine is ready.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MachineReadiness {
    /// Whether all conditions are met.
    pub ready: bool,
    /// Conditions that are not met.
    pub unmet_conditions: Vec<UnmetCondition>,
}

message!(
    MachineReadiness,
    wire::MachineStatusStatus {
        ready,
        unmet_conditions
    }
);

/// What a ready machine still lacks.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct UnmetCondition {
    /// Condition.
    pub name: String,
    /// Why it is not met.
    pub reason: String,
}

message!(UnmetCondition, wire::UnmetCondition { name, reason });

/// What the platform says about the machine.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct PlatformMetadata {
    /// Platform, such as `metal`.
    #[serde(skip_serializing_if = "text::unset")]
    pub platform: String,
    /// Host name given by the platform.
    #[serde(skip_serializing_if = "text::unset")]
    pub hostname: String,
    /// Region.
    #[serde(skip_serializing_if = "text::unset")]
    pub region: String,
    /// Zone.
    #[serde(skip_serializing_if = "text::unset")]
    pub zone: String,
    /// Kind of machine.
    #[serde(skip_serializing_if = "text::unset")]
    pub instance_type: String,
    /// Machine id.
    #[serde(skip_serializing_if = "text::unset")]
    pub instance_id: String,
    /// Provider id for Kubernetes.
    #[serde(skip_serializing_if = "text::unset")]
    pub provider_id: String,
    /// Whether the machine may be taken away.
    #[serde(skip_serializing_if = "text::unset")]
    pub spot: bool,
    /// Internal DNS name.
    #[serde(rename = "internalDNS", skip_serializing_if = "text::unset")]
    pub internal_dns: String,
    /// External DNS name.
    #[serde(rename = "externalDNS", skip_serializing_if = "text::unset")]
    pub external_dns: String,
    /// Tags given by the platform.
    #[serde(skip_serializing_if = "text::unset")]
    pub tags: BTreeMap<String, String>,
}

message!(
    PlatformMetadata,
    wire::PlatformMetadataSpec {
        platform,
        hostname,
        region,
        zone,
        instance_type,
        instance_id,
        provider_id,
        spot,
        internal_dns,
        external_dns,
        tags
    }
);
spec!(
    PlatformMetadata,
    wire::PlatformMetadataSpec,
    "PlatformMetadatas.talos.dev",
    "runtime"
);

/// A package in the image.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct SbomItem {
    /// Package.
    pub name: String,
    /// Version of the package.
    pub version: String,
    /// Licence.
    #[serde(skip_serializing_if = "text::unset")]
    pub license: String,
    /// CPE names.
    #[serde(skip_serializing_if = "text::unset")]
    pub cpes: Vec<String>,
    /// Package URLs.
    #[serde(skip_serializing_if = "text::unset")]
    pub purls: Vec<String>,
    /// Whether it belongs to an extension.
    #[serde(skip_serializing_if = "text::unset")]
    pub extension: bool,
}

message!(SbomItem, wire::SbomItemSpec {
    name, version, license, cpes as cp_es, purls as pur_ls, extension
});
spec!(
    SbomItem,
    wire::SbomItemSpec,
    "SBOMItems.talos.dev",
    "runtime"
);

/// Which protections are active.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct SecurityState {
    /// Whether the firmware verified the image.
    pub secure_boot: bool,
    /// Fingerprint of the key that signed the image.
    #[serde(skip_serializing_if = "text::unset")]
    pub uki_signing_key_fingerprint: String,
    /// Fingerprint of the key that signed the measurements.
    #[serde(skip_serializing_if = "text::unset")]
    pub pcr_signing_key_fingerprint: String,
    /// State of SELinux.
    #[serde(skip_serializing_if = "text::unset")]
    pub selinux_state: SelinuxState,
    /// State of FIPS 140 mode.
    #[serde(skip_serializing_if = "text::unset")]
    pub fips_state: FipsState,
    /// Whether a unified kernel image was booted.
    #[serde(rename = "bootedWithUKI", skip_serializing_if = "text::unset")]
    pub booted_with_uki: bool,
    /// Whether the kernel refuses unsigned modules.
    #[serde(skip_serializing_if = "text::unset")]
    pub module_signature_enforced: bool,
}

message!(SecurityState, wire::SecurityStateSpec {
    secure_boot, uki_signing_key_fingerprint, pcr_signing_key_fingerprint, selinux_state as se_linux_state, fips_state, booted_with_uki, module_signature_enforced
});
spec!(
    SecurityState,
    wire::SecurityStateSpec,
    "SecurityStates.talos.dev",
    "runtime"
);

/// The version of the system.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Version {
    /// Name of the system.
    pub name: String,
    /// Version of the system.
    pub version: String,
}

message!(Version, wire::VersionSpec { name, version });
spec!(
    Version,
    wire::VersionSpec,
    "Versions.runtime.talos.dev",
    "runtime"
);
