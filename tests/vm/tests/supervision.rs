//! Components that are killed, and the way down.
#![cfg(test)]

use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use ichor_probe::Process;
use ichor_vm::NodeSpec;
use ichor_vm_tests::{Probed, shared_with_probe};

const PATIENCE: Duration = Duration::from_secs(120);
const SIGKILL: i32 = 9;
const SIGCONT: i32 = 18;
const SIGSTOP: i32 = 19;

/// How soon a node has to answer again: on a real machine, and on an emulated one of a busy host.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
const EMULATED_ANSWER_TIME_MAX: Duration = Duration::from_secs(40);

/// All services that have a process of their own, and how that is called.
const COMPONENTS: &[(&str, &str)] = &[
    ("apid", "apid"),
    ("networkd", "networkd"),
    ("storaged", "storaged"),
    ("udevd", "systemd-udevd"),
];

fn node() -> MutexGuard<'static, Probed> {
    let mut node = shared_with_probe(|| Probed::start(NodeSpec::default())).unwrap();
    for (service, _) in COMPONENTS {
        wait_until_up(&mut node, service);
    }
    node.wait_for_network(PATIENCE).unwrap();
    node
}

#[test]
fn vm_a_component_that_is_killed_comes_back_and_no_other_restarts() {
    let mut node = node();
    for (service, name) in COMPONENTS {
        let before = processes(&mut node);
        let victim = find(&before, name);
        let killed = Instant::now();
        kill(&mut node, &victim);
        let took = answers(&mut node);
        let back = wait_until_back(&mut node, &victim);
        wait_until_up(&mut node, service);
        let up = killed.elapsed();
        println!("{service} was killed; Version answers after {took:?}, it is up after {up:?}");
        let mut after = processes(&mut node);
        after.retain(|process| *process != back);
        let mut others = before.clone();
        others.retain(|process| *process != victim);
        assert_eq!(after, others, "after {service} was killed");
        assert_state_is_rebuilt(&mut node);
        assert_history_tells(&mut node, service);
    }
    assert_events_tell(&mut node);
}

/// One of ours, and one that is not.
#[test]
fn vm_services_that_stand_still_are_unhealthy_until_they_go_on() {
    let mut node = node();
    let before = processes(&mut node);
    let stopped = [("storaged", "storaged"), ("udevd", "systemd-udevd")];
    let signal_all = |node: &mut Probed, signal| {
        for (_, name) in stopped {
            let pid = find(&before, name).pid;
            node.probe.signal(pid, signal).unwrap();
        }
    };
    signal_all(&mut node, SIGSTOP);
    for (service, _) in stopped {
        let text = format!(
            "Health check failed: no sign of life for {} s",
            silence(service)
        );
        wait_until_told(&mut node, service, &text);
    }
    signal_all(&mut node, SIGCONT);
    for (service, _) in stopped {
        let is_healthy = |text: &str| {
            // The newest event is the first.
            let (newer, _) = text.split_once("no sign of life").unwrap_or_default();
            newer.contains("Health check successful")
        };
        let asked = node
            .booted
            .wait_for(PATIENCE, &["service", service], is_healthy);
        asked.unwrap();
    }
    assert_eq!(processes(&mut node), before, "none was restarted");
}

fn silence(service: &str) -> u64 {
    match ichor_rights::service(service).unwrap().health {
        ichor_rights::Health::Told { silence_max } => silence_max.as_secs(),
        ichor_rights::Health::Assumed => panic!("{service} tells nothing"),
    }
}

fn wait_until_told(node: &mut Probed, service: &str, text: &str) {
    let is_told = |found: &str| found.contains(text);
    let patience = PATIENCE + Duration::from_secs(silence(service));
    node.booted
        .wait_for(patience, &["service", service], is_told)
        .unwrap();
}

#[test]
fn vm_processes_have_the_oom_scores_of_their_rows() {
    let mut node = node();
    let processes = processes(&mut node);
    let rows = ichor_rights::SERVICES.iter();
    let rows = rows.map(|row| (row.id, row.oom_score));
    for (id, score) in rows.chain([("machined", ichor_rights::PID_1_OOM_SCORE)]) {
        let known = COMPONENTS.iter().find(|(service, _)| *service == id);
        let process = find(&processes, known.map_or(id, |(_, name)| name));
        let path = format!("/proc/{}/oom_score_adj", process.pid);
        let found = node.probe.read_text(path).unwrap();
        assert_eq!(found.trim_end(), score.to_string(), "{id}");
    }
}

#[test]
fn vm_all_components_that_are_killed_at_once_come_back() {
    let mut node = node();
    let before = processes(&mut node);
    let victims: Vec<_> = COMPONENTS
        .iter()
        .map(|(_, name)| find(&before, name))
        .collect();
    for victim in &victims {
        kill(&mut node, victim);
    }
    let took = answers(&mut node);
    println!("all were killed; Version answers after {took:?}");
    for victim in &victims {
        wait_until_back(&mut node, victim);
    }
    for (service, _) in COMPONENTS {
        wait_until_up(&mut node, service);
    }
    let after = processes(&mut node);
    assert_eq!(find(&after, "machined"), find(&before, "machined"));
    assert_state_is_rebuilt(&mut node);
    assert_fingerprint_is_the_first(&mut node);
}

/// People have compared it with the console once.
fn assert_fingerprint_is_the_first(node: &mut Probed) {
    let shown = node.booted.shown_fingerprint().unwrap();
    let arguments = ["--cert-fingerprint", &shown, "version"];
    node.booted.ichor(&arguments).unwrap();
}

#[test]
fn vm_the_power_button_turns_the_machine_off_in_order() {
    let mut node = node();
    let pressed = Instant::now();
    let machine = node.booted.node().unwrap();
    machine.press_power_button().unwrap();
    while machine.is_running() {
        assert!(pressed.elapsed() < PATIENCE, "{}", machine.last_words());
        std::thread::sleep(Duration::from_millis(100));
    }
    println!("off after {:?}", pressed.elapsed());
    let text = machine.console().text().unwrap();
    let (_, down) = text.rsplit_once("going down power=Off").unwrap();
    for (service, _) in COMPONENTS {
        let line = format!("service[{service}](Finished)");
        assert!(down.contains(&line), "{line} is not in:\n{down}");
    }
    let last = [
        "everything is written to the disks",
        "end of the machine: Off",
    ];
    for line in last {
        assert!(down.contains(line), "{line} is not in:\n{down}");
    }
    assert!(!down.contains("killing it"), "{down}");
}

/// Those of the node; the probe is none of it.
fn processes(node: &mut Probed) -> Vec<Process> {
    let mut processes = node.probe.processes().unwrap();
    processes.retain(|process| {
        let name = process.name.as_str();
        name == "machined" || COMPONENTS.iter().any(|(_, known)| *known == name)
    });
    // Workers of udevd have its name, and come and go.
    let mut udevds = 0;
    processes.retain(|process| {
        let is_udevd = process.name == "systemd-udevd";
        udevds += usize::from(is_udevd);
        !is_udevd || udevds == 1
    });
    processes
}

fn find(processes: &[Process], name: &str) -> Process {
    let found = processes.iter().find(|process| process.name == name);
    found
        .unwrap_or_else(|| panic!("no {name} among {processes:?}"))
        .clone()
}

fn kill(node: &mut Probed, victim: &Process) {
    node.probe.signal(victim.pid, SIGKILL).unwrap();
}

/// How long the node takes to answer; limited.
fn answers(node: &mut Probed) -> Duration {
    let asked = Instant::now();
    node.booted.wait_for_answer(PATIENCE).unwrap();
    let took = asked.elapsed();
    let limit = match node.booted.is_emulated() {
        true => EMULATED_ANSWER_TIME_MAX,
        false => ANSWER_TIME_MAX,
    };
    assert!(took < limit, "Version took {took:?}");
    took
}

/// The process that took the place of another.
fn wait_until_back(node: &mut Probed, victim: &Process) -> Process {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let processes = processes(node);
        let new = processes
            .iter()
            .find(|process| process.name == victim.name && *process != victim);
        if let Some(new) = new {
            return new.clone();
        }
        assert!(Instant::now() < deadline, "{} stays away", victim.name);
        std::thread::sleep(Duration::from_millis(50));
    }
}

fn wait_until_up(node: &mut Probed, service: &str) {
    let is_up = |text: &str| {
        let line = text
            .lines()
            .find(|line| line.contains(&format!(" {service} ")));
        // udevd has no health check.
        let healthy = |line: &str| line.contains("OK") || service == "udevd";
        line.is_some_and(|line| line.contains("Running") && healthy(line))
    };
    node.booted
        .wait_for(PATIENCE, &["services"], is_up)
        .unwrap();
}

/// Addresses and links are there.
fn assert_state_is_rebuilt(node: &mut Probed) {
    let machine = node.booted.node().unwrap().plan();
    let address = machine.address.to_string();
    let mac = machine.mac.map(|byte| format!("{byte:02x}")).join(":");
    for (what, expected) in [("addresses", address), ("links", mac)] {
        node.booted
            .wait_for(PATIENCE, &["get", what], |text| text.contains(&expected))
            .unwrap();
    }
    node.wait_for_network(PATIENCE).unwrap();
}

/// What `ichor service` tells people.
fn assert_history_tells(node: &mut Probed, service: &str) {
    let text = node.booted.ichor(&["service", service]).unwrap();
    for part in [
        "[Failed]: Process was killed by signal 9",
        "[Running]: Process",
    ] {
        assert!(text.contains(part), "{part} is not in:\n{text}");
    }
}

fn assert_events_tell(node: &mut Probed) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let arguments = ["events", "--tail", "-1"];
        let text = node
            .booted
            .ichor_for(Duration::from_secs(3), &arguments)
            .unwrap();
        let told = |service: &str| {
            text.lines().any(|line| {
                line.contains("ServiceStateEvent")
                    && line.contains(service)
                    && line.contains("FAILED: Process was killed by signal 9")
            })
        };
        if COMPONENTS.iter().all(|(service, _)| told(service)) {
            return;
        }
        // A busy host may have cut the answer short.
        assert!(Instant::now() < deadline, "{text}");
    }
}
