//! `ichor completion`.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, ValueEnum};
use clap_complete::Shell;

use crate::arguments;
use crate::output;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The shell.
    #[arg(value_enum)]
    shell: Known,
    /// Leave out what each word means.
    #[arg(long)]
    no_descriptions: bool,
}

const EXAMPLES: &str = "\
Examples:
  ichor completion bash > /etc/bash_completion.d/ichor
  ichor completion zsh > \"${fpath[1]}/_ichor\"
  ichor completion fish > ~/.config/fish/completions/ichor.fish
  ichor completion powershell >> $PROFILE";

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Known {
    Bash,
    Zsh,
    Fish,
    #[value(name = "powershell")]
    PowerShell,
}

impl From<Known> for Shell {
    fn from(known: Known) -> Self {
        match known {
            Known::Bash => Self::Bash,
            Known::Zsh => Self::Zsh,
            Known::Fish => Self::Fish,
            Known::PowerShell => Self::PowerShell,
        }
    }
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode> {
    let script = script(arguments.shell, arguments.no_descriptions);
    output::print(script)?;
    Ok(ExitCode::SUCCESS)
}

fn script(shell: Known, no_descriptions: bool) -> Vec<u8> {
    let mut command = arguments::definition();
    if no_descriptions {
        command = without_descriptions(command);
    }
    let mut script = Vec::new();
    clap_complete::generate(Shell::from(shell), &mut command, "ichor", &mut script);
    script
}

fn without_descriptions(command: clap::Command) -> clap::Command {
    command
        .about("")
        .mut_args(|argument| argument.help(""))
        .mut_subcommands(without_descriptions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_shell_has_a_script_with_the_commands() {
        for shell in Known::value_variants() {
            let text = String::from_utf8(script(*shell, false)).unwrap();
            assert!(text.contains("dependencies"), "{shell:?}");
        }
    }

    #[test]
    fn descriptions_can_be_left_out() {
        const WORDS: &str = "Print the kernel log";
        let has_words = |no_descriptions| {
            let script = script(Known::Fish, no_descriptions);
            String::from_utf8(script).unwrap().contains(WORDS)
        };
        assert!(has_words(false));
        assert!(!has_words(true));
    }
}
