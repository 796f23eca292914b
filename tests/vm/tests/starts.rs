//! Machines that start again and again.
#![cfg(test)]

use std::time::Duration;

use ichor_vm::NodeSpec;
use ichor_vm_tests::{Booted, image};

/// Before PID 1 waited with its second thread, a third of the starts ended badly under QEMU 7.2.
const STARTS: usize = 8;
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn vm_the_kernel_bears_what_pid_1_does_first() {
    for start in 1..=STARTS {
        let mut booted = Booted::power_on(image().unwrap(), NodeSpec::default()).unwrap();
        let console = booted.node().unwrap().console();
        // Both come at last: a kernel that gives up restarts the machine.
        console
            .wait_for("service[networkd](Running)", PATIENCE)
            .unwrap();
        let text = console.text().unwrap();
        // What comes before is between the kernel and the emulator.
        let (_kernel, ours) = text.split_once("Run /init").unwrap();
        assert!(!ours.contains("Kernel panic"), "start {start}:\n{text}");
    }
}
