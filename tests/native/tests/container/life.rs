//! What a node is, what it survives, and how it ends.

use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use ichor_native::Setup;
use ichor_resource::specs::network::{AddressStatus, LinkStatus};
use ichor_state::{Query, StateExt};
use ichor_tether::testing::{survivors, wait_to_be_killed};
use rustix::process::{Pid, Signal};
use tonic::Code;

use crate::node::{Node, PATIENCE, setup};

/// A component that is killed is back within this time.
const RETURN_MAX: Duration = Duration::from_secs(2);

/// How long a component may be silent.
const SILENCE_MAX: Duration = Duration::from_secs(60);

#[test]
fn native_node_says_what_it_is() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let version = node.version()?;
    let sha = version.version.unwrap_or_default().sha;
    let commit = sha.trim_end_matches("-dirty");
    let is_commit = commit.len() == 12 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
    assert!(is_commit || sha == "unknown", "{sha:?}");
    let platform = version.platform.unwrap_or_default();
    assert_eq!(
        (&*platform.name, &*platform.mode),
        ("container", "container")
    );
    for service in ["machined", "networkd", "apid"] {
        let runs = |node: &Node| node.state_of(service).is_ok_and(|state| state == "Running");
        node.wait_for(service, PATIENCE, runs)?;
    }
    for service in ["storaged", "udevd"] {
        assert_eq!(node.state_of(service)?, "Skipped", "{service}");
    }
    Ok(())
}

/// A component that is stopped is told from one that works, and nothing is done to it.
#[test]
fn native_a_component_that_stands_still_is_unhealthy_until_it_goes_on() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let is_healthy = |node: &Node| {
        let service = node.service("networkd").ok()?;
        let health = service.health?;
        (!health.unknown).then_some(health.healthy)
    };
    node.wait_for("health", PATIENCE, |node| is_healthy(node) == Some(true))?;
    let pid = node.process("networkd")?.pid;
    send(pid, Signal::STOP)?;
    let is_unhealthy = |node: &Node| is_healthy(node) == Some(false);
    node.wait_for("verdict", SILENCE_MAX + PATIENCE, is_unhealthy)?;
    let silent = node.service("networkd")?;
    assert_eq!(silent.state, "Running");
    let message = silent.health.unwrap_or_default().last_message;
    assert_eq!(message, "no sign of life for 60 s");
    // The node answers meanwhile; the call above was one.
    send(pid, Signal::CONT)?;
    node.wait_for("sign", PATIENCE, |node| is_healthy(node) == Some(true))?;
    assert_eq!(node.process("networkd")?.pid, pid, "it was not restarted");
    let events = node.service("networkd")?.events.unwrap_or_default().events;
    let told: Vec<_> = events.iter().map(|event| event.msg.as_str()).collect();
    let expected = [
        "Starting service",
        "Creating service runner",
        "Process networkd started with PID",
        "Health check successful",
        "Health check failed: no sign of life for 60 s",
        "Health check successful",
    ];
    assert_eq!(told.len(), expected.len(), "{told:?}");
    for (found, expected) in told.iter().zip(expected) {
        assert!(found.starts_with(expected), "{told:?}");
    }
    Ok(())
}

#[test]
fn native_node_lists_its_links_and_addresses() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let is_complete = |node: &Node| {
        let found = node.state(|state| async move {
            let links = state.list_as::<LinkStatus>(&Query::default()).await?;
            let addresses = state.list_as::<AddressStatus>(&Query::default()).await?;
            let has_link = links.iter().any(|link| link.id() == "lo");
            let own = "127.0.0.1/8".parse()?;
            let has_address = addresses.iter().any(|each| each.value().address == own);
            Ok(has_link && has_address)
        });
        found.is_ok_and(|complete| complete)
    };
    node.wait_for("lo with 127.0.0.1", PATIENCE, is_complete)
}

#[test]
fn native_node_refuses_to_end_the_computer() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let codes = node.call(|client| async move {
        let mut machine = client.machine();
        Ok([
            machine
                .reboot(ichor_api::machine::RebootRequest::default())
                .await
                .err(),
            machine
                .shutdown(ichor_api::machine::ShutdownRequest::default())
                .await
                .err(),
            machine
                .reset(ichor_api::machine::ResetRequest::default())
                .await
                .err(),
            machine
                .rollback(ichor_api::machine::RollbackRequest::default())
                .await
                .err(),
        ])
    })?;
    for status in codes {
        assert_eq!(
            status.map(|status| status.code()),
            Some(Code::PermissionDenied)
        );
    }
    node.version()?;
    Ok(())
}

#[test]
fn native_killed_components_come_back() -> Result<()> {
    let node = Node::start(&setup()?)?;
    for name in ["apid", "networkd", "apid"] {
        node.wait_for(name, PATIENCE, |node| node.process(name).is_ok())?;
        let before = node.process(name)?.pid;
        kill(before)?;
        let begun = Instant::now();
        let is_back = |node: &Node| {
            let another = node
                .process(name)
                .is_ok_and(|process| process.pid != before);
            another && node.state_of(name).is_ok_and(|state| state == "Running")
        };
        node.wait_for(name, PATIENCE, is_back)?;
        let took = begun.elapsed();
        println!("{name} is back after {took:?}");
        assert!(took < RETURN_MAX, "{name}: {took:?}");
    }
    Ok(())
}

#[test]
fn native_all_components_that_are_killed_at_once_come_back() -> Result<()> {
    let node = Node::start(&setup()?)?;
    node.wait_for("networkd", PATIENCE, |node| {
        node.state_of("networkd")
            .is_ok_and(|state| state == "Running")
    })?;
    let before = node.native.processes()?;
    let (init, components) = before.split_first().context("a node has processes")?;
    assert!(components.len() >= 2, "{before:?}");
    let killed = Instant::now();
    for component in components {
        kill(component.pid)?;
    }
    // The kernel ends a process after the call: one that has heard it must not be the one that answers.
    let are_gone = |_: &Node| components.iter().all(|each| each.usage().is_err());
    node.wait_for("end of the components", RETURN_MAX, are_gone)?;
    node.wait_for("an answer", PATIENCE, |node| node.version().is_ok())?;
    let took = killed.elapsed();
    println!("all were killed; Version answers after {took:?}");
    assert!(took < RETURN_MAX, "{took:?}");
    for component in components {
        let name = component.name.as_str();
        let is_back = |node: &Node| {
            let runs = node.state_of(name).is_ok_and(|state| state == "Running");
            runs && node.process(name).is_ok()
        };
        node.wait_for(name, PATIENCE, is_back)?;
    }
    let after = node.native.processes()?;
    assert_eq!(after.first().map(|each| each.pid), Some(init.pid));
    Ok(())
}

#[test]
fn native_sigterm_ends_all_of_a_node() -> Result<()> {
    let mut node = Node::start(&setup()?)?;
    let processes = node.native.processes()?;
    assert!(processes.len() >= 3, "{processes:?}");
    node.native.signal(Signal::TERM)?;
    let status = node.native.wait(PATIENCE)?;
    assert!(status.success(), "{status}: {}", node.native.words());
    for process in processes {
        let path = format!("/proc/{}", process.pid);
        assert!(
            !Path::new(&path).exists(),
            "{} is still there",
            process.name
        );
    }
    let words = node.native.words();
    assert!(words.contains("end of the container"), "{words}");
    Ok(())
}

#[test]
fn native_nodes_do_not_disturb_each_other() -> Result<()> {
    let first = Node::start(&setup()?)?;
    let mut second = Node::start(&setup()?)?;
    first.version()?;
    kill(first.process("apid")?.pid)?;
    second.version()?;
    second.native.signal(Signal::TERM)?;
    second.native.wait(PATIENCE)?;
    first.wait_for("an answer", PATIENCE, |node| node.version().is_ok())?;
    let own = first.native.processes()?;
    assert!(
        own.iter().any(|process| process.name == "networkd"),
        "{own:?}"
    );
    Ok(())
}

#[test]
fn native_missing_privileges_are_a_word_in_the_log() -> Result<()> {
    let node = Node::start(&Setup {
        may_raise_limits: false,
        has_cgroups: false,
        ..setup()?
    })?;
    let words = node.native.words();
    assert!(words.contains("no control groups here"), "{words}");
    assert!(words.contains("fewer descriptors than wanted"), "{words}");
    assert!(words.contains("no OOM scores here"), "{words}");
    // Nothing failed on the way.
    assert!(!words.contains("Failed to start"), "{words}");
    node.wait_for("networkd", PATIENCE, |node| {
        node.state_of("networkd")
            .is_ok_and(|state| state == "Running")
    })
}

#[test]
#[ignore = "another test runs and kills it"]
fn waits_with_a_node() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let processes = node.native.processes()?;
    let pids: Vec<_> = processes.iter().map(|process| process.pid).collect();
    wait_to_be_killed(&pids);
    Ok(())
}

#[test]
fn native_a_node_ends_with_a_test_that_is_killed() -> Result<()> {
    let left = survivors("life::waits_with_a_node")?;
    assert!(left.is_empty(), "{left:?}");
    Ok(())
}

/// As with control groups: not every computer lets its root lower them.
#[test]
fn native_oom_scores_are_lowered_where_they_may_be() -> Result<()> {
    let node = Node::start(&setup()?)?;
    let is_said = node.native.words().contains("no OOM scores here");
    for (name, score) in [
        ("machined", "-1000"),
        ("apid", "-998"),
        ("networkd", "-998"),
    ] {
        node.wait_for(name, PATIENCE, |node| node.process(name).is_ok())?;
        let pid = node.process(name)?.pid;
        let found = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj"))?;
        assert!((found.trim_end() == score) != is_said, "{name}: {found}");
    }
    Ok(())
}

/// With controllers the services have limits; without, which is what some computers offer, they run
/// all the same.
#[test]
fn native_control_groups_are_used_when_they_are_there() -> Result<()> {
    let node = Node::start(&Setup {
        has_cgroups: true,
        ..setup()?
    })?;
    let words = node.native.words();
    let apid = node.process("apid")?.pid;
    let group = std::fs::read_to_string(format!("/proc/{apid}/cgroup"))?;
    let is_limited = group.lines().any(|line| line.ends_with("/system/apid"));
    let is_said = words.contains("no control groups here");
    assert!(is_limited != is_said, "{group}{words}");
    Ok(())
}

fn kill(pid: u32) -> Result<()> {
    send(pid, Signal::KILL)
}

fn send(pid: u32, signal: Signal) -> Result<()> {
    let pid = i32::try_from(pid).ok().and_then(Pid::from_raw);
    let pid = pid.ok_or_else(|| anyhow::anyhow!("a process has an id"))?;
    rustix::process::kill_process(pid, signal)?;
    Ok(())
}
