//! Types that only this system has.

use super::{Column, Definition, Sensitivity};

pub(super) const TYPES: &[Definition] = &[Definition {
    type_name: "Controllers.runtime.ichor.dev",
    display_type: "Controller",
    default_namespace: "runtime",
    aliases: &["controller"],
    columns: &[
        Column::new("Component", "{.component}"),
        Column::new("Runs", "{.runs}"),
        Column::new("Failures", "{.failures}"),
        Column::new("Wakeups", "{.wakeups}"),
        Column::new("Failing", "{.failing}"),
        Column::new("Last Error", "{.lastError}"),
    ],
    sensitivity: Sensitivity::NonSensitive,
}];
