//! What happens to controllers.

use ichor_api::ichor::machine::v1 as wire;
use serde::Serialize;

use crate::specs::text;

text_enum! {
    /// How a controller and a resource type belong together.
    ControllerEdgeKind {
        OutputExclusive = 0 => "output-exclusive",
        InputStrong = 1 => "input-strong",
        InputWeak = 2 => "input-weak",
        OutputShared = 3 => "output-shared",
        InputDestroyReady = 4 => "input-destroy-ready",
    }
}

/// A controller, and what happened to it since its component was started; its id is its name.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ControllerStatus {
    /// The component that it runs in.
    pub component: String,
    /// Its name.
    pub name: String,
    /// Passes that ended, with or without success.
    pub runs: u64,
    /// Passes that ended with an error or a panic.
    pub failures: u64,
    /// Panics among the failures.
    pub panics: u64,
    /// Wake-ups that were asked for; several may have led to one pass.
    pub wakeups: u64,
    /// Whether the last pass failed.
    pub failing: bool,
    /// The error of the last pass that failed; kept after a success.
    #[serde(skip_serializing_if = "text::unset")]
    pub last_error: String,
    /// When the last pass ended, in milliseconds of Unix time.
    #[serde(skip_serializing_if = "text::unset")]
    pub last_run_unix_ms: i64,
    /// Time spent in passes, in microseconds.
    pub busy_us: u64,
    /// What it reads and writes.
    pub edges: Vec<ControllerEdge>,
}

message!(
    ControllerStatus,
    wire::Controller {
        component,
        name,
        runs,
        failures,
        panics,
        wakeups,
        failing,
        last_error,
        last_run_unix_ms,
        busy_us,
        edges
    }
);
spec!(
    ControllerStatus,
    wire::Controller,
    "Controllers.runtime.ichor.dev",
    "runtime"
);

/// A resource type that a controller reads or writes.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ControllerEdge {
    /// Direction and strength.
    pub kind: ControllerEdgeKind,
    /// Namespace of the resources.
    pub namespace: String,
    /// Their type.
    #[serde(rename = "type")]
    pub resource_type: String,
    /// The only resource that matters.
    #[serde(skip_serializing_if = "text::unset")]
    pub id: String,
}

message!(ControllerEdge, wire::ControllerEdge { kind, namespace, resource_type as r#type, id });
