use std::fs;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr, UnixListener, UnixStream};

use ichor_rights::{Calls, Group, Limits, Namespace, Paths, Rights, Use, confine};
use ichor_sys::process::Command;
use rustix::net::{AddressFamily, SocketType};
use rustix::process::{Gid, Pid, WaitOptions, waitpid};
use rustix::thread::CapabilitySet;

/// What the other process does; it is this very program again.
const ACTION: &str = "ICHOR_TEST_ACTION";

const DISKS: Gid = Gid::from_raw_unchecked(6);

const NONE: Rights = Rights {
    uid: 50,
    groups: &[],
    capabilities: CapabilitySet::empty(),
    namespaces: &[],
    calls: Calls::All,
    paths: Paths::All,
    limits: Limits {
        memory_min_mib: 0,
        memory_max_mib: None,
        tasks_max: None,
        cpu_weight: None,
    },
    sockets: &[],
    memories: &[],
    state: &[],
};

/// Runs in the other process. Ignored, because it does nothing by itself.
#[test]
#[ignore = "started by the other tests"]
fn child() {
    let action = std::env::var(ACTION).unwrap();
    let (action, argument) = action.split_once(' ').unwrap_or((&action, ""));
    match action {
        "read" => drop(fs::read(argument).unwrap()),
        "listen" => drop(std::net::TcpListener::bind("127.0.0.1:0").unwrap()),
        "connect" => drop(std::net::TcpStream::connect(argument).unwrap()),
        "abstract" => {
            let address = SocketAddr::from_abstract_name(argument).unwrap();
            drop(UnixStream::connect_addr(&address).unwrap());
        }
        "signal" => {
            let pid = Pid::from_raw(argument.parse().unwrap()).unwrap();
            rustix::process::test_kill_process(pid).unwrap();
        }
        "datagram" => drop(std::net::UdpSocket::bind("127.0.0.1:0").unwrap()),
        "netlink" => {
            // That of routes is 0, which stands for none here.
            let protocol = argument.parse().ok().map(rustix::net::Protocol::from_raw);
            let (family, kind) = (AddressFamily::NETLINK, SocketType::RAW);
            drop(rustix::net::socket(family, kind, protocol).unwrap());
        }
        "process" => {
            let mut other = std::process::Command::new(std::env::current_exe().unwrap());
            let other = other.arg("--list").stdout(std::process::Stdio::null());
            assert!(other.status().unwrap().success());
        }
        "lists" => drop(fs::read_dir(argument).unwrap()),
        "links" => {
            let links = fs::read_to_string("/proc/self/net/dev").unwrap();
            let names = links.lines().filter_map(|line| line.split_once(':'));
            let names: Vec<_> = names.map(|(name, _)| name.trim()).collect();
            assert_eq!(names.join(","), argument);
        }
        "status" => {
            let status = fs::read_to_string("/proc/self/status").unwrap();
            for line in argument.split(',') {
                let found = status.lines().any(|have| have.replace('\t', " ") == line);
                assert!(found, "no {line:?} in\n{status}");
            }
        }
        _ => panic!("unknown action {action}"),
    }
}

fn succeeds(rights: &Rights, action: &str) -> bool {
    // Its own report would be taken for one of this run.
    let nowhere = fs::File::create("/dev/null").unwrap();
    let command = Command::new(std::env::current_exe().unwrap(), "child")
        .output(nowhere.into())
        .unwrap()
        .env(ACTION, action)
        .arg("--ignored")
        .arg("--exact")
        .arg("processes::child");
    let pid = confine(command, rights).unwrap().spawn().unwrap();
    let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    let (_, status) = waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
    status.exit_status() == Some(0)
}

#[test]
fn confine_drops_user_groups_and_capabilities() {
    let expected = "status Uid: 50 50 50 50,Groups:  ,NoNewPrivs: 1,\
                    CapEff: 0000000000000000,CapBnd: 0000000000000000";
    assert!(succeeds(&NONE, expected));
    let rights = Rights {
        capabilities: CapabilitySet::NET_ADMIN,
        namespaces: &[Namespace::Ipc, Namespace::Uts],
        groups: &[DISKS],
        ..NONE
    };
    let expected = "status Groups: 6 ,CapEff: 0000000000001000,CapBnd: 0000000000001000,\
                    CapAmb: 0000000000001000";
    assert!(succeeds(&rights, expected));
}

#[test]
fn confine_takes_the_network_away() {
    let rights = Rights {
        namespaces: &[Namespace::Net],
        ..NONE
    };
    assert!(succeeds(&rights, "links lo"));
}

#[test]
fn confine_refuses_calls_that_are_not_named() {
    let rights = Rights {
        calls: Calls::Basic(&[Group::Files]),
        ..NONE
    };
    assert!(succeeds(&rights, "read /proc/self/status"));
    assert!(succeeds(&NONE, "datagram"));
    assert!(!succeeds(&rights, "datagram"));
    let rights = Rights {
        calls: Calls::Basic(&[Group::Files, Group::InternetSockets]),
        ..NONE
    };
    assert!(succeeds(&rights, "datagram"));
}

/// Threads are what each of these tests runs on.
#[test]
fn confine_allows_threads_and_no_processes() {
    let rights = Rights {
        calls: Calls::Basic(&[Group::Files, Group::UnixSockets]),
        ..NONE
    };
    assert!(succeeds(&rights, "read /proc/self/status"));
    assert!(succeeds(&NONE, "process"));
    assert!(!succeeds(&rights, "process"));
}

#[test]
fn confine_speaks_of_routes_only_over_netlink() {
    let rights = Rights {
        calls: Calls::Basic(&[Group::Files, Group::NetlinkSockets]),
        ..NONE
    };
    let (route, device_events) = ("netlink 0", "netlink 15");
    assert!(succeeds(&NONE, device_events));
    assert!(succeeds(&rights, route));
    assert!(!succeeds(&rights, device_events));
}

#[test]
fn confine_limits_files_and_ports() {
    assert!(succeeds(&NONE, "read /proc/self/status"));
    assert!(succeeds(&NONE, "read /etc/hosts"));
    assert!(succeeds(&NONE, "listen"));
    let rights = Rights {
        paths: few_paths(),
        ..NONE
    };
    assert!(succeeds(&rights, "read /proc/self/status"));
    assert!(!succeeds(&rights, "read /etc/hosts"));
    assert!(succeeds(&rights, "lists /dev"));
    assert!(!succeeds(&rights, "read /dev/null"));
    assert!(!succeeds(&rights, "listen"));
}

/// Those that this program needs to run, and /proc.
fn few_paths() -> Paths {
    let own = std::env::current_exe().unwrap();
    let rows = [
        (own.to_str().unwrap(), Use::Execute),
        // The libraries of this program, where it is not static.
        ("/usr/lib", Use::Execute),
        ("/lib64", Use::Execute),
        ("/proc", Use::Read),
        ("/dev", Use::List),
    ];
    // Rows live as long as the program; so do those of this test.
    let rows = rows.map(|(path, how)| (&*Box::leak(path.to_owned().into_boxed_str()), how));
    Paths::Below(rows.to_vec().leak())
}

#[test]
fn confine_limits_what_reaches_other_processes() {
    // Otherwise signals would be refused for the user's sake.
    let free = Rights { uid: 0, ..NONE };
    let confined = Rights {
        paths: few_paths(),
        ..free
    };
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let own = std::process::id();
    let name = format!("ichor-test-{own}");
    let address = SocketAddr::from_abstract_name(&name).unwrap();
    let _listens = UnixListener::bind_addr(&address).unwrap();
    for action in [
        format!("connect {}", listener.local_addr().unwrap()),
        format!("abstract {name}"),
        format!("signal {own}"),
    ] {
        assert!(succeeds(&free, &action), "{action}");
        assert!(!succeeds(&confined, &action), "{action}");
    }
}
