//! `ichor controllers`: what happened to the controllers of a node.

use std::process::ExitCode;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::Result;
use clap::Args;
use ichor_api::ichor::machine::v1::Controller;

use crate::connect::{NodeFlags, called};
use crate::human;
use crate::table::Table;

const HEADER: &[&str] = &[
    "NODE",
    "COMPONENT",
    "CONTROLLER",
    "RUNS",
    "FAILURES",
    "PANICS",
    "WAKE-UPS",
    "BUSY",
    "LAST RUN",
    "LAST ERROR",
];

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Only controllers whose last pass failed.
    #[arg(long)]
    failing: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 controllers
  ichor -i -n 10.5.0.2 controllers --failing";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.introspection().controllers(()).await;
        Ok(reply.map_err(called("Controllers"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(HEADER.iter().copied());
    for (node, message) in answers.messages() {
        let controllers = message.controllers.iter();
        for controller in controllers.filter(|each| each.failing || !arguments.failing) {
            table.row(row(node, controller));
        }
    }
    answers.finish(table)
}

fn row(node: &str, controller: &Controller) -> Vec<String> {
    let error = match (controller.last_error.as_str(), controller.failing) {
        ("", _) => String::new(),
        (error, true) => error.to_owned(),
        (error, false) => format!("(over) {error}"),
    };
    vec![
        node.to_owned(),
        controller.component.clone(),
        controller.name.clone(),
        controller.runs.to_string(),
        controller.failures.to_string(),
        controller.panics.to_string(),
        controller.wakeups.to_string(),
        format!("{:.1} ms", controller.busy_us as f64 / 1e3),
        age(controller.last_run_unix_ms),
        error,
    ]
}

fn age(unix_ms: i64) -> String {
    let Ok(since @ 1..) = u64::try_from(unix_ms) else {
        return "never".to_owned();
    };
    let time = UNIX_EPOCH + Duration::from_millis(since);
    // The clocks of two machines differ.
    let age = SystemTime::now().duration_since(time).unwrap_or_default();
    format!("{} ago", human::span(age))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_that_is_over_is_marked() {
        let mut controller = Controller {
            last_error: "no link".into(),
            failing: true,
            ..Controller::default()
        };
        assert_eq!(row("n", &controller).len(), HEADER.len());
        assert_eq!(row("n", &controller).last().unwrap(), "no link");
        controller.failing = false;
        assert_eq!(row("n", &controller).last().unwrap(), "(over) no link");
        assert_eq!(age(0), "never");
    }
}
