//! What the surroundings of the program do to it.

use std::io;
use std::process::{Command, Output};

fn ichor(words: &[&str], nodes: &str) -> io::Result<Output> {
    let mut command = Command::new(env!("CARGO_BIN_EXE_ichor"));
    command.args(words).env("ICHOR_NODES", nodes);
    command.output()
}

#[test]
fn nodes_of_the_environment_are_nothing_to_commands_that_ask_none() {
    for nodes in ["", "a b", "10.5.0.2, 10.5.0.3"] {
        for words in [&["completion", "bash"][..], &["version", "--client"]] {
            let output = ichor(words, nodes).unwrap();
            assert!(output.status.success(), "{nodes:?}: {output:?}");
        }
    }
    let output = ichor(&["-i", "version"], "a b").unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(
        said.starts_with("ICHOR_NODES: \"a b\" is not a node"),
        "{said}"
    );
}
