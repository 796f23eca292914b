//! Two nodes on one network: each is there for itself, and sees the other.
#![cfg(test)]

use std::time::{Duration, Instant};

use ichor_probe::{Ended, PORT, Probe, Run};
use ichor_vm::NodeSpec;
use ichor_vm_tests::{Several, probe_image};

const PATIENCE: Duration = Duration::from_secs(60);

#[test]
fn vm_two_nodes_see_each_other_and_one_goes_on_when_the_other_is_cut_off() {
    let spec = NodeSpec {
        serial_ports: vec![PORT.to_owned()],
        ..NodeSpec::default()
    };
    let mut nodes = Several::start(probe_image().unwrap(), 2, spec).unwrap();
    let plans = [0, 1].map(|index| nodes.node(index).unwrap().plan().clone());
    let addresses = plans.each_ref().map(|plan| plan.address.to_string());
    for index in [0, 1] {
        let (own, other) = (&addresses[index], &addresses[1 - index]);
        let accept = |text: &str| text.contains(own);
        let arguments = ["get", "addresses"];
        let text = nodes.wait_for(PATIENCE, index, &arguments, accept);
        assert!(!text.unwrap().contains(other));
        let mac = plans[1 - index].mac.map(|byte| format!("{byte:02x}"));
        let mut probe = nodes.probe(index).unwrap();
        assert_is_neighbour(&mut probe, other, &mac.join(":"));
    }
    let both = nodes.ichor(&["version"]).unwrap();
    let text = String::from_utf8_lossy(&both.stdout);
    assert!(both.status.success(), "{both:?}");
    for port in nodes.ports() {
        assert!(text.contains(&format!("127.0.0.1:{port}")), "{text}");
    }

    nodes.node(1).unwrap().cut_power().unwrap();
    nodes
        .wait_for(PATIENCE, 0, &["version"], |text| text.contains("Server:"))
        .unwrap();
    // The answer of the one does not hide that the other is gone, nor the other way round.
    let half = nodes.ichor(&["version"]).unwrap();
    let (text, words) = (
        String::from_utf8_lossy(&half.stdout),
        String::from_utf8_lossy(&half.stderr),
    );
    let [alive, gone] = [0, 1].map(|index| format!("127.0.0.1:{}", nodes.ports()[index]));
    assert_eq!(half.status.code(), Some(1), "{text}{words}");
    assert!(text.contains(&alive) && !text.contains(&gone), "{text}");
    assert!(words.contains(&gone) && !words.contains(&alive), "{words}");
}

/// Asks for the hardware address of a neighbour, which it has to answer itself.
fn assert_is_neighbour(probe: &mut Probe, address: &str, mac: &str) {
    let deadline = Instant::now() + PATIENCE;
    loop {
        let asked = ip(probe, &format!("neigh replace {address} dev eth0 use"));
        let known = ip(probe, &format!("neigh show {address}"));
        if known.contains(mac) && known.contains("REACHABLE") {
            return;
        }
        assert!(
            Instant::now() < deadline,
            "{address} is no neighbour: {asked}{known}"
        );
        std::thread::sleep(Duration::from_millis(200));
    }
}

/// What `ip` writes.
fn ip(probe: &mut Probe, arguments: &str) -> String {
    let run = Run {
        program: "/usr/bin/ip".into(),
        arguments: arguments.split(' ').map(str::to_owned).collect(),
        environment: Vec::new(),
        seconds_max: PATIENCE.as_secs(),
    };
    let mut words = Vec::new();
    let ended = probe.run(&run, |_, piece| words.extend(piece)).unwrap();
    let words = String::from_utf8_lossy(&words).into_owned();
    assert_eq!(ended, Ended::Code(0), "ip {arguments}: {words}");
    words
}
