//! `ichor boot`: how long each part of the boot took.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::ichor::machine::v1::{BootStep, BootStepKind};

use crate::connect::{NodeFlags, called};
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {}

const EXAMPLES: &str = "\
Times are counted from the start of the kernel; what was before has a negative one.

Examples:
  ichor -i -n 10.5.0.2 boot";

pub(crate) async fn run(flags: &NodeFlags, _: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.introspection().boot_timeline(()).await;
        Ok(reply.map_err(called("BootTimeline"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(["NODE", "KIND", "NAME", "START", "TOOK"]);
    for (node, timeline) in answers.messages() {
        for step in &timeline.steps {
            table.row([
                node,
                kind(step.kind()),
                &step.name,
                &milliseconds(step.start_ns),
                &took(step),
            ]);
        }
    }
    answers.finish(table)
}

fn kind(kind: BootStepKind) -> &'static str {
    match kind {
        BootStepKind::Unspecified => "?",
        BootStepKind::Firmware => "firmware",
        BootStepKind::Loader => "loader",
        BootStepKind::Kernel => "kernel",
        BootStepKind::Stage1 => "stage 1",
        BootStepKind::Task => "task",
        BootStepKind::Component => "component",
        BootStepKind::Milestone => "milestone",
    }
}

fn took(step: &BootStep) -> String {
    if step.kind() == BootStepKind::Milestone {
        return String::new();
    }
    let took = milliseconds(i64::try_from(step.duration_ns).unwrap_or(i64::MAX));
    match step.running {
        true => format!("{took} so far"),
        false => took,
    }
}

fn milliseconds(nanoseconds: i64) -> String {
    format!("{:.1} ms", nanoseconds as f64 / 1e6)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_before_the_kernel_are_negative() {
        assert_eq!(milliseconds(-1_250_000), "-1.2 ms");
        let step = BootStep {
            kind: BootStepKind::Component.into(),
            name: "apid".into(),
            start_ns: 0,
            duration_ns: 2_000_000,
            running: true,
        };
        assert_eq!(took(&step), "2.0 ms so far");
    }
}
