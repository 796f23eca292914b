use clap::builder::StyledStr;

use super::*;

fn words(line: &str) -> Vec<OsString> {
    let mut words = vec![String::new()];
    let mut quote = None;
    for letter in line.chars() {
        match (quote, letter) {
            (None, '\'' | '"') => quote = Some(letter),
            (None, ' ') => words.push(String::new()),
            (Some(end), letter) if end == letter => quote = None,
            (_, letter) => words.last_mut().unwrap().push(letter),
        }
    }
    words.into_iter().map(OsString::from).collect()
}

fn refused(line: &str) -> String {
    match parse(&words(line)).unwrap_err() {
        Refusal::Clap(error) => error.to_string(),
        Refusal::Sentence(sentence) => sentence,
    }
}

/// All commands that have no further ones below them, with their paths.
fn leaves() -> Vec<(String, clap::Command)> {
    let mut waiting = vec![("ichor".to_owned(), definition())];
    let mut leaves = Vec::new();
    while let Some((path, command)) = waiting.pop() {
        if !command.has_subcommands() {
            leaves.push((path, command));
            continue;
        }
        for below in command.get_subcommands() {
            waiting.push((format!("{path} {}", below.get_name()), below.clone()));
        }
    }
    leaves
}

fn examples(command: &clap::Command) -> Vec<String> {
    let text = command.get_after_help().map(StyledStr::to_string);
    let text = text.unwrap_or_default();
    let (_, examples) = text.split_once("Examples:\n").unwrap_or_default();
    let lines = examples.lines().map(str::trim);
    lines.map(str::to_owned).collect()
}

#[test]
fn definition_is_sound() {
    definition().debug_assert();
}

#[test]
fn each_command_has_examples_that_can_be_run() {
    let leaves = leaves();
    assert!(leaves.len() > 25, "{}", leaves.len());
    for (path, command) in &leaves {
        let examples = examples(command);
        assert!(!examples.is_empty(), "{path} has no example");
        for example in &examples {
            // What comes after a pipe or arrow is for the shell.
            let line = example.split(['|', '>']).next().unwrap().trim();
            if let Err(refusal) = parse(&words(line)) {
                panic!("{path}: {line}: {refusal:?}");
            }
        }
        let names = command.get_all_aliases().chain([command.get_name()]);
        let names: Vec<_> = names.collect();
        let is_shown = |name: &&str| examples.iter().any(|line| line.contains(*name));
        assert!(names.iter().any(is_shown), "{path} is in no example of it");
    }
    for line in examples(&definition()) {
        parse(&words(&line)).unwrap();
    }
}

#[test]
fn everything_says_what_it_is() {
    let mut waiting = vec![definition()];
    while let Some(command) = waiting.pop() {
        let name = command.get_name();
        assert!(command.get_about().is_some(), "{name}");
        for argument in command.get_arguments() {
            assert!(
                argument.get_help().is_some(),
                "{name} {}",
                argument.get_id()
            );
        }
        waiting.extend(command.get_subcommands().cloned());
    }
}

#[test]
fn names_of_another_command_line_are_understood() {
    let aliases = [
        ("df", "diskfree"),
        ("g links", "get"),
        ("ls", "list"),
        ("m", "memory"),
        ("free", "memory"),
        ("mount", "mounts"),
        ("ss", "netstat"),
        ("p", "processes"),
        ("ps", "processes"),
        ("services", "service"),
        ("du", "usage"),
        ("images inspect x", "image"),
    ];
    for (alias, name) in aliases {
        let line = words(&format!("ichor {alias}"));
        let matches = definition().try_get_matches_from(line).unwrap();
        assert_eq!(matches.subcommand_name(), Some(name), "{alias}");
    }
    for flags in [
        "get links -o yaml -w --namespace x",
        "logs apid -f --tail 3",
        "dmesg -f --tail",
        "events --tail 3 --actor-id x",
        "events --since x",
        "events --duration 1h30m",
        "processes -s cpu",
        "memory -v",
        "list /x -l -r -d 3 -H -t f,d",
        "usage /x /y -a -d 2 -H -t -5",
        "diskfree -b",
        "diskfree -i EPHEMERAL",
        "netstat -ax46ptuUwov",
        "service apid restart",
        "inspect dependencies --with-resources",
        "version --client --short",
        "completion bash --no-descriptions",
    ] {
        let line = format!("ichor {flags}");
        parse(&words(&line)).unwrap_or_else(|_| panic!("{line}"));
    }
}

#[test]
fn flags_for_nodes_stand_before_or_after_the_command() {
    for line in [
        "ichor -i -n a,b get links",
        "ichor get links --insecure --nodes a --nodes b",
        "ichor get -n a links -i -n b",
        "ichor -n a,b df --insecure -i",
        "ichor --insecure df -n a -n b -i",
        "ichor -n a -i df -n b",
        "ichor -i inspect -n a dependencies -n b",
    ] {
        let arguments = parse(&words(line)).unwrap();
        assert!(arguments.nodes.are_several(), "{line}");
        arguments.nodes.check().unwrap_or_else(|_| panic!("{line}"));
    }
    let arguments = parse(&words("ichor -n a df -i")).unwrap();
    let error = arguments.nodes.check().unwrap_err().to_string();
    assert!(error.contains("use --insecure"), "{error}");
}

#[test]
fn no_flag_is_ignored() {
    let said = |line: &str| {
        let arguments = parse(&words(line)).unwrap();
        arguments.nodes.check().unwrap_err().to_string()
    };
    for flag in [
        "--endpoints",
        "--context",
        "--talosconfig",
        "--cluster",
        "--siderov1-keys-dir",
    ] {
        let line = format!("ichor version {flag} x -n a");
        let expected = format!("{flag}: client configurations and certificates are not");
        assert!(said(&line).starts_with(&expected), "{}", said(&line));
        let line = format!("{line} -i");
        let expected = format!("{flag} means nothing with --insecure");
        assert!(said(&line).starts_with(&expected), "{}", said(&line));
    }
    assert!(said("ichor version -i").starts_with("no node is named"));
    for (line, expected) in [
        (
            "ichor completion bash -n a",
            "`ichor completion` asks no node: leave out --nodes",
        ),
        (
            "ichor -e a image inspect x",
            "`ichor image` asks no node: leave out --endpoints",
        ),
        (
            "ichor cluster show -i",
            "`ichor cluster` asks no node: leave out --insecure",
        ),
        (
            "ichor -n node-2 cluster reboot",
            "`ichor cluster` asks no node: leave out --nodes",
        ),
    ] {
        assert_eq!(refused(line), expected);
    }
}

#[test]
fn mistakes_are_named() {
    for (line, expected) in [
        ("ichor", "Usage: ichor"),
        ("ichor get links -o wide", "table, yaml, json and jsonpath="),
        ("ichor get x -o jsonpath={.x", "{ has no } at character 4"),
        ("ichor get x -o jsonpath=.x", "a path stands in braces"),
        (
            "ichor -n a:b version",
            "write HOST, HOST:PORT, or [IPV6]:PORT",
        ),
        ("ichor version --cert-fingerprint x -i", "44 characters"),
        ("ichor dmesg --tail", "--follow"),
        ("ichor list -t x", "the types are f, d and l"),
        ("ichor events --duration 5", "write a span as"),
        ("ichor procesess", "'processes'"),
        ("ichor service apid halt", "status, start, stop, restart"),
    ] {
        let said = refused(line);
        assert!(said.contains(expected), "{line}: {said}");
    }
}

#[test]
fn only_help_is_no_failure() {
    for (line, is_failure) in [
        ("ichor --version", false),
        ("ichor get --help", false),
        ("ichor get --nonsense", true),
        ("ichor reboot", true),
        ("ichor", true),
    ] {
        let refusal = parse(&words(line)).unwrap_err();
        assert_eq!(refusal.is_failure(), is_failure, "{line}");
    }
}
