use std::thread;

use ichor_sys::process::Command;
use rustix::process::{Pid, WaitOptions, WaitStatus, waitpid};

use super::*;

/// What the other process does; it is this very program again.
const ACTION: &str = "ICHOR_TEST_ACTION";
const MIB: usize = 1 << 20;

#[test]
fn enables_only_what_the_kernel_offers() {
    let root = std::env::temp_dir().join(format!("ichor-cgroups-{}", std::process::id()));
    fs::create_dir_all(&root).unwrap();
    fs::write(root.join("cgroup.controllers"), "cpu memory hugetlb\n").unwrap();
    enable(&root).unwrap();
    let written = fs::read_to_string(root.join("cgroup.subtree_control")).unwrap();
    assert_eq!(written, "+cpu +memory");
    let cgroups = Cgroups::new(&root);
    assert!(!cgroups.is_available(), "pids is missing");
    fs::write(root.join("cgroup.controllers"), "memory pids\n").unwrap();
    assert!(cgroups.is_available());
    fs::remove_dir_all(&root).unwrap();
}

/// Runs in the other process. Ignored, because it does nothing by itself.
#[test]
#[ignore = "started by the other tests"]
fn child() {
    match std::env::var(ACTION).unwrap().as_str() {
        "memory" => {
            let mut taken = vec![0_u8; 256 * MIB];
            // Memory is only taken when it is written.
            for page in taken.chunks_mut(4096) {
                page[0] = 1;
            }
            std::hint::black_box(taken);
        }
        "threads" => {
            let more = || thread::Builder::new().spawn(thread::park);
            let started = (0..100).take_while(|_| more().is_ok()).count();
            // The program has two already.
            assert!((1..=6).contains(&started), "{started} threads");
        }
        action => panic!("unknown action {action}"),
    }
}

/// Runs an action in a group of its own and tells how it ended, and the content of a file of the
/// group.
fn limited(action: &str, limits: &[(&str, String)], file: &str) -> (WaitStatus, String) {
    let cgroups = Cgroups::new(MOUNT);
    let name = format!("ichor-test-{action}-{}", std::process::id());
    let path = cgroups.make_limited(&name, limits).unwrap();
    // Its own report would be taken for one of this run.
    let nowhere = fs::File::create("/dev/null").unwrap();
    let command = Command::new(std::env::current_exe().unwrap(), "child")
        .output(nowhere.into())
        .unwrap()
        .env(ACTION, action)
        .arg("--ignored")
        .arg("--exact")
        .arg("cgroups::tests::child")
        .cgroup(&path);
    let pid = i32::try_from(command.spawn().unwrap()).unwrap();
    let ended = waitpid(Pid::from_raw(pid), WaitOptions::empty()).unwrap();
    let content = fs::read_to_string(path.join(file)).unwrap();
    fs::remove_dir(path).unwrap();
    (ended.unwrap().1, content)
}

#[test]
fn cgroup_kills_what_takes_more_memory_than_it_may() {
    let limit = |mebibytes: usize| [("memory.max", (mebibytes * MIB).to_string())];
    let (ended, events) = limited("memory", &limit(64), "memory.events");
    assert_eq!(ended.terminating_signal(), Some(9));
    assert!(events.lines().any(|line| line == "oom_kill 1"), "{events}");
    let (ended, events) = limited("memory", &limit(512), "memory.events");
    assert_eq!(ended.exit_status(), Some(0), "{events}");
}

#[test]
fn cgroup_refuses_more_threads_than_it_may_have() {
    let limit = [("pids.max", "8".to_owned())];
    let (ended, events) = limited("threads", &limit, "pids.events");
    assert_eq!(ended.exit_status(), Some(0));
    assert!(events.lines().any(|line| line == "max 1"), "{events}");
}
