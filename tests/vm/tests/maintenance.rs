//! A node without configuration, on real firmware, seen through its API.

use std::time::Duration;

use ichor_vm_tests::shared;

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn vm_answers_version() {
    let text = shared().unwrap().ichor(&["version"]).unwrap();
    let server = text.split("Server:").nth(1).unwrap_or_default();
    assert!(server.contains("Tag:"), "{text}");
    assert!(server.contains("linux/amd64"), "{text}");
}

#[test]
fn vm_has_its_address_by_dhcp() {
    let mut booted = shared().unwrap();
    let address = booted.node().unwrap().plan().address.to_string();
    booted
        .wait_for(PATIENCE, &["get", "addresses"], |text| {
            text.contains(&address)
        })
        .unwrap();
}

#[test]
fn vm_runs_its_services() {
    let mut booted = shared().unwrap();
    for service in ["machined", "apid"] {
        let runs = |text: &str| {
            text.lines()
                .any(|line| line.contains(service) && line.contains("Running"))
        };
        booted.wait_for(PATIENCE, &["services"], runs).unwrap();
    }
}

#[test]
fn vm_the_console_vouches_for_the_api() {
    let mut booted = shared().unwrap();
    let shown = &*booted.shown_fingerprint().unwrap();
    let with = |fingerprint: &str| ["--cert-fingerprint", fingerprint, "version"].map(String::from);
    let (right, wrong) = (
        with(shown),
        with(&format!("{}=", "A".repeat(shown.len() - 1))),
    );
    booted.ichor(&right.each_ref().map(|word| &**word)).unwrap();
    let wrong = booted.ichor(&wrong.each_ref().map(|word| &**word));
    assert!(wrong.is_err(), "any fingerprint is accepted");
    let node = booted.node().unwrap();
    let address = node.plan().address;
    let command = format!("ichor --insecure --cert-fingerprint {shown} --nodes {address} version");
    node.console().wait_for(&command, PATIENCE).unwrap();
}

/// What tests use to look inside is in no image that ships.
#[test]
fn vm_has_no_probe() {
    let mut booted = shared().unwrap();
    let programs = booted.ichor(&["list", "/usr/bin"]).unwrap();
    assert!(programs.contains("ichor-os") && !programs.contains("ichor-probe"));
    let programs = booted.ichor(&["list", "--long", "/usr/sbin"]).unwrap();
    let init = programs.lines().find(|line| line.contains(" init"));
    assert!(init.unwrap().contains("/usr/bin/ichor-os"), "{programs}");
    let processes = booted.ichor(&["processes"]).unwrap();
    assert!(processes.contains("machined") && !processes.contains("ichor-probe"));
}

#[test]
fn vm_devices_have_names() {
    let mut booted = shared().unwrap();
    let named = |text: &str| text.contains("Ethernet controller") && text.contains("Red Hat");
    booted
        .wait_for(PATIENCE, &["get", "pcidevices"], named)
        .unwrap();
}

#[test]
fn vm_kernel_log_is_readable() {
    let text = shared().unwrap().ichor(&["dmesg"]).unwrap();
    assert!(text.contains("Linux version 6."), "{text}");
    assert!(text.contains("verity"), "{text}");
}

/// A refusal shows a fault in a component's row, or an attack: nothing else may look like one.
#[test]
fn vm_no_component_is_refused_a_system_call() {
    const REFUSED: &str = "type=1326";
    let mut booted = shared().unwrap();
    let last = |text: &str| {
        let mut lines = text.lines().filter(|line| line.contains("udevd"));
        lines.any(|line| line.contains("Running"))
    };
    booted.wait_for(PATIENCE, &["services"], last).unwrap();
    let log = booted.ichor(&["dmesg"]).unwrap();
    let refused: Vec<_> = log.lines().filter(|line| line.contains(REFUSED)).collect();
    assert!(refused.is_empty(), "{refused:#?}");
}

#[test]
fn vm_survives_a_pulled_cable() {
    let mut booted = shared().unwrap();
    booted.node().unwrap().set_link(false).unwrap();
    let down = booted.ichor(&["version"]);
    booted.node().unwrap().set_link(true).unwrap();
    assert!(down.is_err(), "{down:?}");
    booted.wait_for_answer(PATIENCE).unwrap();
}

#[test]
fn vm_sees_a_nic_that_is_plugged_in() {
    let mut booted = shared().unwrap();
    let links = |text: &str| text.matches("52:54:00:05:").count();
    assert_eq!(links(&booted.ichor(&["get", "links"]).unwrap()), 1);
    let nic = booted.node().unwrap().plug_nic().unwrap();
    booted
        .wait_for(PATIENCE, &["get", "links"], |text| links(text) == 2)
        .unwrap();
    booted.node().unwrap().unplug(nic).unwrap();
    booted
        .wait_for(PATIENCE, &["get", "links"], |text| links(text) == 1)
        .unwrap();
}
