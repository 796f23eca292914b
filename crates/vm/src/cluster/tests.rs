use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::json;

use super::*;
use crate::NodeSpec;
use crate::network::NODES_MAX;

/// Machines with an empty disk: the firmware finds nothing to boot.
fn spec(nodes: usize) -> (tempfile::NamedTempFile, ClusterSpec) {
    let image = tempfile::NamedTempFile::new().unwrap();
    image.as_file().set_len(1 << 20).unwrap();
    let node = NodeSpec {
        cpus: 1,
        memory_mib: 256,
        disk_bytes: 64 << 20,
        extra_disks_bytes: vec![32 << 20],
        hot_plug_ports: 2,
        ..NodeSpec::default()
    };
    let spec = ClusterSpec {
        name: "test".to_owned(),
        image: image.path().to_owned(),
        nodes,
        node,
    };
    (image, spec)
}

#[test]
fn names_fit_into_paths_and_host_names() {
    for good in ["a", "local", "my-cluster-2"] {
        check_name(good).unwrap();
    }
    for bad in ["", "../x", "A", "a/b", "a b", &"x".repeat(33)] {
        assert!(check_name(bad).is_err(), "{bad:?}");
    }
}

#[test]
fn each_node_has_its_own_forwards() {
    let (_image, mut spec) = spec(3);
    spec.node.forwards = vec![50000, 6443];
    let plan = plan(&spec, Lifetime::Caller).unwrap();
    let mut hosts = Vec::new();
    for node in &plan.nodes {
        let guests: Vec<_> = node.forwards.iter().map(|forward| forward.guest).collect();
        assert_eq!(guests, [50000, 6443]);
        hosts.extend(node.forwards.iter().map(|forward| forward.host));
    }
    hosts.sort_unstable();
    hosts.dedup();
    assert_eq!(hosts.len(), 6);
}

#[test]
fn a_failed_start_leaves_nothing() {
    let (_image, mut spec) = spec(1);
    spec.image = PathBuf::from("/nonexistent/image");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster");
    Cluster::start(&spec, &path, Lifetime::Caller).unwrap_err();
    assert!(!path.exists());
}

#[test]
fn what_a_killed_start_left_is_in_nobodys_way() {
    let (_image, mut spec) = spec(1);
    spec.image = PathBuf::from("/nonexistent/image");
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster");
    fs::create_dir(&path).unwrap();
    fs::write(path.join(DRAFT), "half a pl").unwrap();
    let error = Cluster::start(&spec, &path, Lifetime::Caller).unwrap_err();
    assert!(matches!(error, ClusterError::Node(_)), "{error}");
    assert!(!path.exists());
    fs::create_dir(&path).unwrap();
    fs::write(path.join("mine"), "").unwrap();
    let error = Cluster::start(&spec, &path, Lifetime::Caller).unwrap_err();
    assert!(matches!(error, ClusterError::Exists(_)), "{error}");
}

#[test]
fn who_wants_to_stop_is_left_with_nothing() {
    let (_image, spec) = spec(2);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster");
    let mut steps = Vec::new();
    let started = Cluster::start_watched(&spec, &path, Lifetime::Caller, |step| {
        steps.push(format!("{step:?}"));
        match step {
            Step::Network => Then::Stop,
            _ => Then::GoOn,
        }
    });
    assert!(matches!(started, Err(ClusterError::Interrupted)));
    let expected = ["Disks(\"node-1\")", "Disks(\"node-2\")", "Network"];
    assert_eq!(steps, expected);
    assert!(!path.exists());
}

#[test]
fn destroying_keeps_what_others_made() {
    let (_image, spec) = spec(1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("cluster");
    let mut cluster = Cluster {
        plan: plan(&spec, Lifetime::Background).unwrap(),
        directory: path.clone(),
        lifetime: Lifetime::Background,
        hub: None,
        nodes: Vec::new(),
    };
    cluster.save_plan().unwrap();
    fs::create_dir(path.join("node-1")).unwrap();
    fs::write(path.join("notes"), "mine").unwrap();
    assert_eq!(Cluster::names_in(directory.path()), ["cluster"]);
    let error = cluster.remove().unwrap_err();
    let expected = format!(
        "{} is kept, as there are other files in it: notes",
        path.display()
    );
    assert_eq!(error.to_string(), expected);
    let left: Vec<_> = others(&path, &[]);
    assert_eq!(left, ["notes"]);
    assert!(Cluster::names_in(directory.path()).is_empty());
}

#[test]
fn vm_firmware_runs_and_its_machine_obeys() {
    let (_image, spec) = spec(2);
    let mut cluster = Cluster::start_temporary(&spec).unwrap();
    let directory = cluster.directory().to_owned();
    let patience = Duration::from_secs(90);
    let boots = |cluster: &Cluster, nth| {
        let console = cluster.nodes()[0].console();
        console
            .wait_for_nth("BdsDxe: failed to load Boot0001", nth, patience)
            .unwrap();
    };
    boots(&cluster, 1);

    let node = &mut cluster.nodes_mut()[0];
    let status = node
        .qmp()
        .unwrap()
        .execute("query-status", &json!({}))
        .unwrap();
    assert_eq!(status["running"], true);
    node.set_link(false).unwrap();
    node.set_link(true).unwrap();
    let disk = node.plug_disk(1 << 20).unwrap();
    let nic = node.plug_nic().unwrap();
    assert!(matches!(node.plug_nic(), Err(NodeError::Full { .. })));
    assert_ne!(disk.id, nic.id);
    node.reset().unwrap();
    boots(&cluster, 2);

    let node = &mut cluster.nodes_mut()[0];
    node.cut_power().unwrap();
    assert!(!node.is_running());
    assert!(node.qmp().is_err());
    assert!(cluster.nodes_mut()[1].is_running());
    assert!(cluster.has_network());
    cluster.start_node(0).unwrap();
    boots(&cluster, 3);
    drop(cluster);
    assert!(!directory.exists());
}

/// What a process has used of the processors, in ticks of 10 ms.
fn ticks_used(pid: &str) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let (_, after_name) = stat.rsplit_once(") ").unwrap();
    let fields = after_name.split(' ').skip(11).take(2);
    fields.map(|ticks| ticks.parse::<u64>().unwrap()).sum()
}

#[test]
fn vm_the_hub_sleeps_while_a_guest_takes_no_frames() {
    let (_image, spec) = spec(1);
    let cluster = Cluster::start_temporary(&spec).unwrap();
    let hub = fs::read_to_string(cluster.directory().join("hub/pid")).unwrap();
    let port = cluster.nodes()[0].plan().port(50000).unwrap();
    // The firmware does not drive the NIC yet, and the hub has something for it.
    let callers: Vec<_> = (0..64)
        .map(|_| std::net::TcpStream::connect(("127.0.0.1", port)).unwrap())
        .collect();
    std::thread::sleep(Duration::from_millis(500));
    let before = ticks_used(hub.trim());
    std::thread::sleep(Duration::from_secs(1));
    let used = ticks_used(hub.trim()) - before;
    assert!(used < 10, "{used} ticks of the 100 in a second");
    drop(callers);
}

/// The hub opens its ports while its control socket answers already; a busy host shows it.
#[test]
fn vm_a_hub_that_has_just_started_takes_frames() {
    const TIMES: usize = 4;
    let (_image, spec) = spec(NODES_MAX);
    let plan = plan(&spec, Lifetime::Caller).unwrap();
    let nodes: Vec<_> = plan.nodes.iter().collect();
    let idle = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for _ in 0..2 * std::thread::available_parallelism().unwrap().get() {
            scope.spawn(|| {
                while !idle.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let failures = (0..TIMES).filter_map(|_| {
            let directory = tempfile::tempdir().unwrap();
            let hub = directory.path();
            let arguments = network::hub_arguments(hub, &nodes);
            let mut process = Process::start(hub, &arguments, Lifetime::Caller).unwrap();
            let result = network::wait_for_ports(hub, &nodes).and_then(|()| {
                nodes
                    .iter()
                    .try_for_each(|node| network::reserve(node, hub))
            });
            process.kill().unwrap();
            result.err()
        });
        let failures: Vec<_> = failures.collect();
        idle.store(true, Ordering::Relaxed);
        assert!(failures.is_empty(), "{failures:#?}");
    });
}

#[test]
fn vm_background_cluster_is_found_again_and_destroyed() {
    let (_image, spec) = spec(1);
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("c");
    drop(Cluster::start(&spec, &path, Lifetime::Background).unwrap());
    assert!(matches!(
        Cluster::start(&spec, &path, Lifetime::Background),
        Err(ClusterError::Exists(_))
    ));
    let mut cluster = Cluster::open(&path).unwrap();
    assert!(cluster.has_network());
    assert!(cluster.nodes_mut()[0].is_running());
    let start = Instant::now();
    cluster.destroy().unwrap();
    assert!(start.elapsed() < Duration::from_secs(5));
    assert!(matches!(
        Cluster::open(&path),
        Err(ClusterError::Missing(_))
    ));
}

/// Paths to a directory as people write them: as it is, relative, with `..`, and through a link.
fn spellings(directory: &Path) -> [PathBuf; 4] {
    let here = std::env::current_dir().unwrap().canonicalize().unwrap();
    let up: PathBuf = here.ancestors().skip(1).map(|_| "..").collect();
    let link = directory.parent().unwrap().join("link");
    std::os::unix::fs::symlink(directory, &link).unwrap();
    [
        directory.to_owned(),
        up.join(directory.strip_prefix("/").unwrap()),
        directory.join("..").join(directory.file_name().unwrap()),
        link,
    ]
}

#[test]
fn vm_a_cluster_is_the_same_however_its_directory_is_spelled() {
    let (_image, spec) = spec(1);
    let directory = tempfile::tempdir().unwrap();
    let base = directory.path().canonicalize().unwrap().join("clusters");
    fs::create_dir(&base).unwrap();
    let spellings = spellings(&base);
    for (started, opened) in spellings.iter().zip(spellings.iter().rev()) {
        let cluster = Cluster::start(&spec, &started.join("c"), Lifetime::Background).unwrap();
        assert_eq!(cluster.directory(), base.join("c"));
        let pids = ["hub", "node-1"]
            .map(|name| fs::read_to_string(base.join("c").join(name).join("pid")).unwrap());
        drop(cluster);
        let mut cluster = Cluster::open(&opened.join("c")).unwrap();
        let is_seen = cluster.has_network() && cluster.nodes_mut()[0].is_running();
        cluster.destroy().unwrap();
        let left = pids.iter().find(|pid| {
            let path = Path::new("/proc").join(pid.trim()).join("cmdline");
            fs::read(path).is_ok_and(|words| !words.is_empty())
        });
        assert!(
            is_seen && left.is_none(),
            "{} and {}: process {left:?} goes on",
            started.display(),
            opened.display()
        );
    }
}

#[test]
fn a_directory_that_is_missing_is_no_cluster() {
    let directory = tempfile::tempdir().unwrap();
    let error = Cluster::open(&directory.path().join("no/where")).unwrap_err();
    assert!(matches!(error, ClusterError::Missing(_)), "{error}");
}
