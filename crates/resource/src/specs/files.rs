//! Files below /etc that are written at run time.

use ichor_api::talos::resource::definitions::files as wire;
use serde::Serialize;

use crate::specs::text;

/// A wanted file; its id is the path below /etc.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct EtcFileSpec {
    /// Contents of the file.
    #[serde(serialize_with = "text::bytes_as_text")]
    pub contents: Vec<u8>,
    /// Permission bits.
    pub mode: u32,
    /// SELinux label.
    pub selinux_label: String,
}

message!(
    EtcFileSpec,
    wire::EtcFileSpecSpec {
        contents,
        mode,
        selinux_label
    }
);
spec!(
    EtcFileSpec,
    wire::EtcFileSpecSpec,
    "EtcFileSpecs.files.talos.dev",
    "files"
);

/// A file that was written.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct EtcFileStatus {
    /// Version of the spec that was applied.
    pub spec_version: String,
}

message!(EtcFileStatus, wire::EtcFileStatusSpec { spec_version });
spec!(
    EtcFileStatus,
    wire::EtcFileStatusSpec,
    "EtcFileStatuses.files.talos.dev",
    "files"
);
