//! What the command line of Talos has and this one has not: for each a sentence that says why, so
//! that nobody has to guess.

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};

use crate::arguments;

/// Commands for one reason.
pub(crate) struct Missing {
    /// Their names and aliases, after `ichor`.
    pub(crate) commands: &'static [&'static str],
    /// Why they are missing, or what to do in place of them.
    pub(crate) why: &'static str,
}

const CONFIGURATION: &str = "nodes take no machine configuration yet";
const CERTIFICATES: &str = "certificates and client configurations are not implemented yet";
const KUBERNETES: &str = "Kubernetes does not run on nodes yet";

/// All of them.
pub(crate) const COMMANDS: &[Missing] = &[
    Missing {
        commands: &[
            "apply-config",
            "apply",
            "edit",
            "patch",
            "machineconfig",
            "mc",
            "validate",
            "gen",
            "meta",
        ],
        why: CONFIGURATION,
    },
    Missing {
        commands: &["config", "rotate-ca", "inject"],
        why: CERTIFICATES,
    },
    Missing {
        commands: &[
            "bootstrap",
            "kubeconfig",
            "upgrade-k8s",
            "health",
            "etcd",
            "conformance",
            "containers",
            "c",
            "stats",
            "restart",
            "debug",
            "image list",
            "image l",
            "image ls",
            "image pull",
            "image p",
            "image remove",
            "image rm",
            "image k8s-bundle",
            "image default",
            "image talos-bundle",
            "image cache-create",
            "image cache-serve",
            "image cache-cert-gen",
        ],
        why: KUBERNETES,
    },
    Missing {
        commands: &["reboot", "shutdown"],
        why: "nodes cannot be asked for it yet; `ichor cluster reboot` turns local machines off and \
              on",
    },
    Missing {
        commands: &["reset", "upgrade", "rollback", "wipe"],
        why: "nodes are not installed on disks yet",
    },
    Missing {
        commands: &[
            "read", "cat", "copy", "cp", "cgroups", "cg", "pcap", "tcpdump", "support",
        ],
        why: "nodes cannot be asked for it yet",
    },
    Missing {
        commands: &["time"],
        why: "nodes do not ask time servers yet",
    },
    Missing {
        commands: &["dashboard"],
        why: "it is not implemented yet",
    },
    Missing {
        commands: &["interfaces"],
        why: "use `ichor get links` and `ichor get addresses`",
    },
    Missing {
        commands: &["routes", "route"],
        why: "use `ichor get routes`",
    },
    Missing {
        commands: &["cluster sync"],
        why: "local machines start from the disk of `ichor cluster create --image`",
    },
];

/// Flags of a command for one reason.
pub(crate) struct MissingFlags {
    /// The command, after `ichor`.
    pub(crate) command: &'static str,
    /// The flags.
    pub(crate) flags: &'static [&'static str],
    /// Why they are missing, or what to do in place of them.
    pub(crate) why: &'static str,
}

/// All of them.
pub(crate) const FLAGS: &[MissingFlags] = &[
    MissingFlags {
        command: "logs",
        flags: &["--kubernetes", "-k"],
        why: KUBERNETES,
    },
    MissingFlags {
        command: "netstat",
        flags: &["--pods", "-k"],
        why: KUBERNETES,
    },
    MissingFlags {
        command: "image",
        flags: &["--namespace"],
        why: KUBERNETES,
    },
    MissingFlags {
        command: "version",
        flags: &["--json"],
        why: "use `ichor get version -o json`",
    },
    MissingFlags {
        command: "cluster create",
        flags: &["--workers", "--controlplanes"],
        why: "machines have no roles before they have a configuration: use --machines",
    },
    MissingFlags {
        command: "cluster create",
        flags: &[
            "--cpus-controlplanes",
            "--cpus-workers",
            "--memory-controlplanes",
            "--memory-workers",
        ],
        why: "machines have no roles before they have a configuration: use --cpus and --memory",
    },
    MissingFlags {
        command: "cluster create",
        flags: &["--disks"],
        why: "use --disk and --extra-disks, in MiB",
    },
    MissingFlags {
        command: "cluster create",
        flags: &["--cidr"],
        why: "the network is 10.5.0.0/24",
    },
    MissingFlags {
        command: "cluster create",
        flags: &[
            "--presets",
            "--schematic-id",
            "--talos-version",
            "--image-factory-url",
            "--image-factory-auth",
        ],
        why: "images are not fetched: use --image with a file",
    },
    MissingFlags {
        command: "cluster create",
        flags: &[
            "--config-patch",
            "--config-patch-controlplanes",
            "--config-patch-workers",
            "--omni-api-endpoint",
        ],
        why: CONFIGURATION,
    },
    MissingFlags {
        command: "cluster create",
        flags: &["--talosconfig-destination"],
        why: CERTIFICATES,
    },
    MissingFlags {
        command: "cluster create",
        flags: &["--kubernetes-version"],
        why: KUBERNETES,
    },
    MissingFlags {
        command: "cluster",
        flags: &["--remote-endpoint"],
        why: "machines run on this computer only",
    },
    MissingFlags {
        command: "cluster destroy",
        flags: &[
            "--save-cluster-logs-archive-path",
            "--save-support-archive-path",
        ],
        why: "save what `ichor cluster logs` prints before",
    },
];

/// The sentence for a word that clap does not know, if it is one of these.
pub(crate) fn sentence(error: &clap::Error, words: &[OsString]) -> Option<String> {
    let word = |kind| match error.get(kind) {
        Some(ContextValue::String(word)) => Some(word.as_str()),
        _ => None,
    };
    let path = path_of(words);
    match error.kind() {
        ErrorKind::InvalidSubcommand => {
            let name = word(ContextKind::InvalidSubcommand)?;
            let name = format!("{path} {name}");
            let name = name.trim_start();
            let missing = COMMANDS.iter().find(|each| each.commands.contains(&name))?;
            Some(format!("`ichor {name}` is not there: {}", missing.why))
        }
        ErrorKind::UnknownArgument => {
            let flag = word(ContextKind::InvalidArg)?;
            // A flag of a command is one of those below it, too.
            let is_of = |each: &&MissingFlags| path.starts_with(each.command);
            let mut missing = FLAGS.iter().filter(is_of);
            let missing = missing.find(|each| each.flags.contains(&flag))?;
            Some(format!("`ichor {path}` has no {flag}: {}", missing.why))
        }
        _ => None,
    }
}

/// The commands among the words, such as `cluster create`, by their names.
fn path_of(words: &[OsString]) -> String {
    let mut place = arguments::definition();
    let mut path: Vec<String> = Vec::new();
    for word in words.iter().skip(1).filter_map(|word| word.to_str()) {
        let Some(next) = place.find_subcommand(word) else {
            continue;
        };
        path.push(next.get_name().to_owned());
        place = next.clone();
    }
    path.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arguments::Refusal;

    fn refused(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(OsString::from).collect();
        match arguments::parse(&words) {
            Err(Refusal::Sentence(sentence)) => sentence,
            other => panic!("{line}: {other:?}"),
        }
    }

    #[test]
    fn who_knows_another_command_line_is_told_why() {
        let cases = [
            (
                "ichor apply-config -f x",
                "`ichor apply-config` is not there: nodes take no machine configuration yet",
            ),
            (
                "ichor -i -n 10.5.0.2 image ls",
                "`ichor image ls` is not there: Kubernetes does not run on nodes yet",
            ),
            (
                "ichor routes",
                "`ichor routes` is not there: use `ichor get routes`",
            ),
            (
                "ichor -i -n logs logs -k apid",
                "`ichor logs` has no -k: Kubernetes does not run on nodes yet",
            ),
            (
                "ichor cluster create --workers 2",
                "`ichor cluster create` has no --workers: machines have no roles before they have \
                 a configuration: use --machines",
            ),
            (
                "ichor cluster show --remote-endpoint x",
                "`ichor cluster show` has no --remote-endpoint: machines run on this computer only",
            ),
        ];
        for (line, expected) in cases {
            assert_eq!(refused(line), expected);
        }
    }

    #[test]
    fn nothing_that_is_there_is_said_to_be_missing() {
        for missing in COMMANDS {
            for command in missing.commands {
                let mut place = arguments::definition();
                let mut words = command.split(' ').peekable();
                while let Some(word) = words.next() {
                    match (place.find_subcommand(word).cloned(), words.peek()) {
                        (Some(next), Some(_)) => place = next,
                        (found, last) => {
                            assert!(found.is_none() && last.is_none(), "{command}");
                        }
                    }
                }
            }
        }
        for missing in FLAGS {
            let place = missing
                .command
                .split(' ')
                .fold(arguments::definition(), |place, word| {
                    place.find_subcommand(word).unwrap().clone()
                });
            for flag in missing.flags {
                let name = flag.trim_start_matches('-');
                let is_there = place.get_arguments().any(|argument| {
                    argument.get_long() == Some(name)
                        || argument
                            .get_short()
                            .is_some_and(|short| name == short.to_string())
                });
                assert!(!is_there, "{} {flag}", missing.command);
            }
        }
    }
}
