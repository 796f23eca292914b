//! What makes a node hard to misuse.

use std::time::Duration;

use ichor_vm::{Boot, Kernel, NodeSpec};
use ichor_vm_tests::{Booted, image};

use crate::node;

/// Kernel parameters of every node.
const PARAMETERS: &[(&str, &str)] = &[
    ("dev.tty.ldisc_autoload", "0"),
    ("dev.tty.legacy_tiocsti", "0"),
    ("fs.aio-max-nr", "1048576"),
    ("fs.inotify.max_user_instances", "8192"),
    ("fs.protected_fifos", "2"),
    ("fs.protected_hardlinks", "1"),
    ("fs.protected_regular", "2"),
    ("fs.protected_symlinks", "1"),
    ("fs.suid_dumpable", "0"),
    ("kernel.ctrl-alt-del", "0"),
    ("kernel.dmesg_restrict", "1"),
    ("kernel.kptr_restrict", "2"),
    ("kernel.panic", "10"),
    ("kernel.perf_event_paranoid", "3"),
    ("kernel.pid_max", "262144"),
    ("kernel.randomize_va_space", "2"),
    ("kernel.unprivileged_bpf_disabled", "1"),
    ("kernel.yama.ptrace_scope", "2"),
    ("net.core.bpf_jit_harden", "2"),
    ("net.ipv4.conf.all.send_redirects", "0"),
    ("net.ipv4.conf.default.send_redirects", "0"),
    ("net.ipv4.icmp_echo_ignore_broadcasts", "1"),
    ("net.ipv4.icmp_ignore_bogus_error_responses", "1"),
    ("net.ipv4.ip_forward", "1"),
    // The kernel's way to write 50000,50001.
    ("net.ipv4.ip_local_reserved_ports", "50000-50001"),
    ("net.ipv4.tcp_keepalive_intvl", "60"),
    ("net.ipv4.tcp_keepalive_time", "600"),
    ("net.ipv6.conf.default.accept_ra", "2"),
    ("net.ipv6.conf.default.forwarding", "1"),
    ("user.max_user_namespaces", "0"),
    ("vm.overcommit_memory", "1"),
    ("vm.unprivileged_userfaultfd", "0"),
];

#[test]
fn vm_kernel_parameters_hold() {
    let mut node = node();
    let mut wrong = Vec::new();
    for (name, value) in PARAMETERS {
        let path = format!("/proc/sys/{}", name.replace('.', "/"));
        let found = node.probe.read_text(path);
        if found.as_ref().ok().map(String::as_str) != Some(*value) {
            wrong.push(format!("{name} is {found:?}, not {value}"));
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
}

#[test]
fn vm_pid_1_may_have_many_descriptors() {
    let limits = node().probe.read_text("/proc/1/limits").unwrap();
    let files = limits
        .lines()
        .find(|line| line.starts_with("Max open files"));
    let files: Vec<_> = files.unwrap().split_whitespace().collect();
    assert_eq!(files[3..5], ["1048576", "1048576"], "{limits}");
}

#[test]
fn vm_a_boot_without_its_arguments_stops_and_says_what_to_do() {
    const PATIENCE: Duration = Duration::from_secs(120);
    let image = image().unwrap();
    let mut kernel = Kernel::of_image(image.parent().unwrap()).unwrap();
    let words = kernel.arguments.split_whitespace();
    let left_out = ["talos.platform=", "slab_nomerge", "pti="];
    let words = words.filter(|word| !left_out.iter().any(|start| word.starts_with(start)));
    kernel.arguments = words.collect::<Vec<_>>().join(" ");
    let spec = NodeSpec {
        boot: Boot::Kernel(kernel),
        ..NodeSpec::default()
    };
    let mut booted = Booted::power_on(image, spec).unwrap();
    let console = booted.node().unwrap().console();
    let said = console.wait_for("lacks required arguments", PATIENCE);
    let said = said.unwrap();
    let advice = [
        "add them to the boot entry",
        "talos.platform=metal",
        "slab_nomerge",
        "pti=on",
    ];
    for part in advice {
        assert!(said.contains(part), "{part}: {said}");
    }
    // So that a boot loader that counts starts takes another entry.
    console
        .wait_for("the machine restarts in 10 s", PATIENCE)
        .unwrap();
    assert!(!console.text().unwrap().contains("service[apid]"));
}
