//! The tests in Go: the public client library against a machine, and the public conformance suite of
//! the state against ours.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, Result, bail};
use ichor_vm::{Cluster, ClusterSpec, NodeSpec};
use serde::Deserialize;

use super::go;
use super::sum::Sum;
use crate::{image, up};

/// Boots a machine, serves a state, and runs them.
///
/// # Errors
/// What could not be made ready.
pub(super) fn run(root: &Path, disk: &Path, cli: &Path, filter: &[String]) -> Result<Sum> {
    let mut go = go::command(&image::cache_directory()?)?;
    let directory = tempfile::tempdir().context("make a directory")?;
    let socket = directory.path().join("state.sock");
    let _state = State::start(root, &socket)?;
    let mut cluster = Cluster::start_temporary(&ClusterSpec {
        name: "interop".to_owned(),
        image: disk.to_owned(),
        nodes: 1,
        node: NodeSpec::default(),
    })?;
    let node = cluster.nodes_mut().first_mut();
    let node = node.context("a cluster has a node")?;
    let port = up::wait_for_answer(cli, node)?;
    go.current_dir(root.join("tests/interop"))
        .args(["test", "-json", "-count=1"])
        .env("CGO_ENABLED", "0")
        .env("ICHOR_ENDPOINT", format!("127.0.0.1:{port}"))
        .env("ICHOR_STATE_SOCKET", &socket)
        .env("ICHOR_IMPLEMENTED", root.join("crates/api/implemented.txt"));
    if !filter.is_empty() {
        go.args(["-run", &filter.join("|")]);
    }
    let sum = count(go.arg("./..."))?;
    if sum.failed > 0 {
        println!("{}", node.last_words());
    }
    Ok(sum)
}

/// A state in memory behind a socket, in a process of its own.
struct State(Child);

impl State {
    fn start(root: &Path, socket: &Path) -> Result<Self> {
        let mut cargo = Command::new("cargo");
        cargo
            .current_dir(root)
            .args(["run", "--quiet", "--locked", "--package", "ichor-state"])
            .args(["--example", "serve", "--"])
            .arg(socket)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut child = cargo.spawn().context("run cargo")?;
        let output = child.stdout.take().context("its output")?;
        let mut ready = String::new();
        if BufReader::new(output).read_line(&mut ready)? == 0 {
            bail!("the state is not served: {}", child.wait()?);
        }
        Ok(Self(child))
    }
}

impl Drop for State {
    fn drop(&mut self) {
        // It serves until its input ends.
        drop(self.0.stdin.take());
        if let Err(error) = self.0.wait() {
            println!("end the state: {error}");
        }
    }
}

/// One thing that `go test -json` says.
///
/// Source: `go doc test2json`.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Said {
    action: String,
    package: Option<String>,
    #[serde(default)]
    test: String,
    #[serde(default)]
    output: String,
}

/// Runs go, shows what failed, and counts.
fn count(go: &mut Command) -> Result<Sum> {
    let mut child = go.stdout(Stdio::piped()).spawn().context("run go")?;
    let output = child.stdout.take().context("its output")?;
    let mut results = Results::default();
    for line in BufReader::new(output).lines() {
        let line = line.context("read what go says")?;
        match serde_json::from_str::<Said>(&line) {
            Ok(said) => results.add(said),
            // Before there are tests, go speaks plainly.
            Err(_plain) => println!("{line}"),
        }
    }
    let status = child.wait().context("wait for go")?;
    let mut sum = results.sum();
    if !status.success() && sum.failed == 0 {
        println!("go test failed before or outside of a test");
        sum.failed = 1;
    }
    Ok(sum)
}

/// What became of tests, by package and name.
#[derive(Debug, Default)]
struct Results {
    ended: BTreeMap<(String, String), bool>,
    outputs: BTreeMap<(String, String), String>,
}

impl Results {
    fn add(&mut self, said: Said) {
        let key = (said.package.unwrap_or_default(), said.test);
        match said.action.as_str() {
            "output" | "build-output" => {
                *self.outputs.entry(key).or_default() += &said.output;
                return;
            }
            "pass" => {}
            // A test that is skipped has shown nothing.
            "fail" | "skip" | "build-fail" => {
                let output = self.outputs.get(&key).map_or("", String::as_str);
                println!("{} {}: {}\n{output}", key.0, key.1, said.action);
            }
            _ => return,
        }
        self.outputs.remove(&key);
        if !key.1.is_empty() {
            self.ended.insert(key, said.action == "pass");
        }
    }

    /// A test that consists of others is counted by these.
    fn sum(&self) -> Sum {
        let mut sum = Sum::default();
        for ((package, test), passed) in &self.ended {
            let begin = format!("{test}/");
            let mut after = self.ended.range((package.clone(), begin.clone())..);
            let next = after.next().map(|((_, name), _)| name.as_str());
            let has_parts = next.is_some_and(|name| name.starts_with(&begin));
            match passed {
                true if has_parts => {}
                true => sum.passed += 1,
                // What fails with its parts is one of them, or a failure of its own.
                false if has_parts && self.has_failed_part(package, &begin) => {}
                false => sum.failed += 1,
            }
        }
        sum
    }

    fn has_failed_part(&self, package: &str, begin: &str) -> bool {
        let mut all = self.ended.iter();
        all.any(|((own, test), passed)| own == package && test.starts_with(begin) && !passed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sum(lines: &[(&str, &str)]) -> Sum {
        let mut results = Results::default();
        for (action, test) in lines {
            let line = format!(r#"{{"Action":"{action}","Package":"p","Test":"{test}"}}"#);
            results.add(serde_json::from_str(&line).unwrap());
        }
        results.add(serde_json::from_str(r#"{"Action":"pass","Package":"p"}"#).unwrap());
        results.sum()
    }

    #[test]
    fn tests_are_counted_by_their_parts() {
        let lines = [
            ("run", "TestA"),
            ("pass", "TestA/one"),
            ("fail", "TestA/two"),
            ("fail", "TestA"),
            ("pass", "TestA2"),
            ("skip", "TestB"),
        ];
        let (passed, failed) = (2, 2);
        assert_eq!(sum(&lines), Sum { passed, failed });
    }

    #[test]
    fn a_test_may_fail_after_its_parts() {
        let (passed, failed) = (1, 1);
        let lines = [("pass", "TestA/one"), ("fail", "TestA")];
        assert_eq!(sum(&lines), Sum { passed, failed });
    }
}
