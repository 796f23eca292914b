//! `ichor version`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::Version;

use crate::connect::{NodeFlags, called};
use crate::output;
use crate::plain;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// Print the version of this program only.
    #[arg(long)]
    client: bool,
    /// Print the versions only.
    #[arg(long)]
    short: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor version --client
  ichor -i -n 10.5.0.2 version
  ichor -i -n 10.5.0.2,10.5.0.3 version --short";

const OWN: &str = concat!("v", env!("CARGO_PKG_VERSION"));

impl Arguments {
    /// Whether no node is asked.
    pub(crate) fn is_offline(&self) -> bool {
        self.client
    }
}

/// Prints the version of this program, and the commit of its sources.
pub(crate) fn print_own(arguments: &Arguments, commit: &str) -> Result<()> {
    match arguments.short {
        true => output::print(format!("Client {OWN}\n")),
        false => output::print(format!(
            "Client:\n{}",
            lines(&[("Tag", OWN), ("SHA", commit), ("OS/Arch", "linux/amd64"),])
        )),
    }
}

pub(crate) async fn run(
    flags: &NodeFlags,
    arguments: &Arguments,
    commit: &str,
) -> Result<ExitCode> {
    print_own(arguments, commit)?;
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().version(()).await;
        Ok(reply.map_err(called("Version"))?.into_inner().messages)
    });
    let answers = asked.await?;
    if !arguments.short && !answers.answers.is_empty() {
        output::print("Server:\n")?;
    }
    for (node, version) in answers.messages() {
        output::print(of_node(node, version, arguments.short))?;
    }
    Ok(answers.exit_code())
}

fn of_node(node: &str, message: &Version, short: bool) -> String {
    let version = message.version.clone().unwrap_or_default();
    if short {
        return format!("{node} {}\n", plain::line(&version.tag));
    }
    let platform = message.platform.clone().unwrap_or_default();
    let rbac = message.features.as_ref().is_some_and(|each| each.rbac);
    lines(&[
        ("NODE", node),
        ("Tag", &version.tag),
        ("SHA", &version.sha),
        ("Built", &version.built),
        ("OS/Arch", &format!("{}/{}", version.os, version.arch)),
        (
            "Platform",
            &format!("{} ({})", platform.name, platform.mode),
        ),
        ("Enabled", if rbac { "RBAC" } else { "" }),
    ])
}

/// A line for each value that is known.
fn lines(values: &[(&str, &str)]) -> String {
    let known = values.iter().filter(|(_, value)| !value.is_empty());
    known
        .map(|(name, value)| format!("\t{:<13}{}\n", format!("{name}:"), plain::line(value)))
        .collect()
}

#[cfg(test)]
mod tests {
    use ichor_api::machine::{PlatformInfo, VersionInfo};

    use super::*;

    #[test]
    fn what_is_not_known_has_no_line() {
        let message = Version {
            version: Some(VersionInfo {
                tag: "v1.14.0+ichor.0.1.0".into(),
                os: "linux".into(),
                arch: "amd64".into(),
                ..VersionInfo::default()
            }),
            platform: Some(PlatformInfo {
                name: "metal".into(),
                mode: "metal".into(),
            }),
            ..Version::default()
        };
        let expected = "\
\tNODE:        10.5.0.2
\tTag:         v1.14.0+ichor.0.1.0
\tOS/Arch:     linux/amd64
\tPlatform:    metal (metal)
";
        assert_eq!(of_node("10.5.0.2", &message, false), expected);
        assert_eq!(
            of_node("10.5.0.2", &message, true),
            "10.5.0.2 v1.14.0+ichor.0.1.0\n"
        );
        let hostile = Version {
            version: Some(VersionInfo {
                tag: "v1\u{1b}[2J\n".into(),
                ..VersionInfo::default()
            }),
            ..Version::default()
        };
        assert_eq!(of_node("n", &hostile, true), "n v1 [2J \n");
        let long = of_node("n", &hostile, false);
        assert!(!long.contains('\u{1b}'), "{long:?}");
    }
}
