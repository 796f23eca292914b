use std::time::Duration;

use super::block::{BlockDevice, BlockSymlink, DiscoveredVolume, Disk, SystemDisk};
use super::cluster::{ControlPlane, Identity, Member};
use super::config::{MachineType, Role};
use super::files::{EtcFileSpec, EtcFileStatus};
use super::hardware::{CpuCore, MemoryModule, PciDevice, Processor, SystemInformation};
use super::meta::{Namespace, PrintColumn, ResourceDefinition};
use super::network::*;
use super::perf::{CpuStat, CpuTimes, MemoryStat};
use super::secrets::{
    ApiCertificate, CertSan, Certificate, CertificateAndKey, MaintenanceRootSecret,
};
use super::time::TimeStatus;
use super::v1alpha1::{AcquireConfigSpec, AcquireConfigStatus, Service};
use super::{HardwareAddr, runtime};
use crate::Spec;

/// The spec survives its binary form and has this YAML form.
#[track_caller]
fn check<S: Spec>(spec: &S, yaml: &str) {
    assert_eq!(S::decode(&spec.encode()).unwrap(), *spec);
    assert_eq!(ichor_yaml::to_string(spec).unwrap(), yaml);
}

fn s(text: &str) -> String {
    text.to_owned()
}

#[test]
fn address() {
    let spec = AddressSpec {
        address: "10.5.0.2/24".parse().unwrap(),
        link_name: s("eth0"),
        family: Family::Inet4,
        scope: Scope::GLOBAL,
        flags: AddressFlags::PERMANENT | AddressFlags::NOPREFIXROUTE,
        announce_with_arp: false,
        priority: 1024,
        layer: ConfigLayer::Operator,
    };
    let yaml = "\
address: 10.5.0.2/24
linkName: eth0
family: inet4
scope: global
flags: permanent,noprefixroute
priority: 1024
layer: operator
";
    check(&spec, yaml);
    let status = AddressStatus {
        address: "fe80::1/64".parse().unwrap(),
        local: None,
        broadcast: None,
        anycast: None,
        multicast: Some("ff02::1".parse().unwrap()),
        link_index: 2,
        link_name: s("eth0"),
        family: Family::Inet6,
        scope: Scope(17),
        flags: AddressFlags::default(),
        priority: 0,
    };
    let yaml = "\
address: fe80::1/64
multicast: ff02::1
linkIndex: 2
linkName: eth0
family: inet6
scope: Scope(17)
flags: \"\"
priority: 0
";
    check(&status, yaml);
}

#[test]
fn node_addresses() {
    let list = NodeAddress {
        addresses: vec![
            "10.5.0.2/24".parse().unwrap(),
            "fd00::2/64".parse().unwrap(),
        ],
        sort_algorithm: AddressSortAlgorithm::V1,
    };
    check(
        &list,
        "addresses:\n    - 10.5.0.2/24\n    - fd00::2/64\nsortAlgorithm: v1\n",
    );
    check(
        &NodeAddress::default(),
        "addresses: []\nsortAlgorithm: v1\n",
    );
    let algorithm = NodeAddressSortAlgorithm {
        algorithm: AddressSortAlgorithm::V2,
    };
    check(&algorithm, "algorithm: v2\n");
    let hardware = HardwareAddress {
        name: s("eth0"),
        hardware_addr: "52:54:00:12:34:56".parse().unwrap(),
    };
    check(&hardware, "name: eth0\nhardwareAddr: '52:54:00:12:34:56'\n");
}

#[test]
fn link_status() {
    let status = LinkStatus {
        index: 2,
        link_type: LinkType::ETHER,
        flags: LinkFlags::UP
            | LinkFlags::BROADCAST
            | LinkFlags::RUNNING
            | LinkFlags::MULTICAST
            | LinkFlags::LOWER_UP,
        hardware_addr: "52:54:00:ab:cd:ef".parse().unwrap(),
        permanent_addr: "52:54:00:ab:cd:ef".parse().unwrap(),
        broadcast_addr: "ff:ff:ff:ff:ff:ff".parse().unwrap(),
        mtu: 1500,
        queue_disc: s("fq_codel"),
        operational_state: OperationalState::Up,
        bus_path: s("0000:00:02.0"),
        pci_id: s("1AF4:1000"),
        driver: s("virtio_net"),
        link_state: true,
        port: Port::OTHER,
        duplex: Duplex::UNKNOWN,
        vlan: Some(Vlan {
            vlan_id: 7,
            vlan_protocol: VlanProtocol::Dot1Q,
        }),
        ..LinkStatus::default()
    };
    let yaml = "\
index: 2
type: ether
linkIndex: 0
flags: UP,BROADCAST,RUNNING,MULTICAST,LOWER_UP
hardwareAddr: 52:54:00:ab:cd:ef
permanentAddr: 52:54:00:ab:cd:ef
broadcastAddr: ff:ff:ff:ff:ff:ff
mtu: 1500
queueDisc: fq_codel
operationalState: up
kind: \"\"
slaveKind: \"\"
busPath: '0000:00:02.0'
pciID: 1AF4:1000
driver: virtio_net
linkState: true
port: Other
duplex: Unknown
vlan:
    vlanID: 7
    vlanProtocol: 802.1q
";
    check(&status, yaml);
}

#[test]
fn link_spec() {
    let spec = LinkSpec {
        name: s("bond0"),
        logical: true,
        up: true,
        mtu: 9000,
        kind: s("bond"),
        link_type: LinkType::ETHER,
        bond_slave: Some(BondSlave {
            master_name: s("bond1"),
            slave_index: 1,
        }),
        bond_master: Some(BondMaster {
            mode: BondMode::Lacp,
            miimon: 100,
            ad_lacp_active: Some(AdLacpActive::On),
            arp_ip_targets: vec!["10.0.0.1".parse().unwrap()],
            ..BondMaster::default()
        }),
        wireguard: Some(Wireguard {
            listen_port: 51820,
            peers: vec![WireguardPeer {
                public_key: s("key"),
                persistent_keepalive_interval: Duration::from_secs(25),
                allowed_ips: vec!["10.0.0.0/8".parse().unwrap()],
                ..WireguardPeer::default()
            }],
            ..Wireguard::default()
        }),
        multicast: Some(true),
        layer: ConfigLayer::Configuration,
        ..LinkSpec::default()
    };
    let yaml = "\
name: bond0
logical: true
up: true
mtu: 9000
kind: bond
type: ether
masterName: bond1
slaveIndex: 1
bondMaster:
    mode: 802.3ad
    xmitHashPolicy: layer2
    lacpRate: slow
    arpValidate: none
    arpAllTargets: any
    primaryReselect: always
    failOverMac: none
    miimon: 100
    arpIpTargets:
        - 10.0.0.1
    adLacpActive: 'on'
wireguard:
    listenPort: 51820
    firewallMark: 0
    peers:
        - publicKey: key
          presharedKey: \"\"
          endpoint: \"\"
          persistentKeepaliveInterval: 25s
          allowedIPs:
            - 10.0.0.0/8
layer: configuration
multicast: true
";
    check(&spec, yaml);
    check(&LinkRefresh { generation: 3 }, "generation: 3\n");
}

#[test]
fn route() {
    let status = RouteStatus {
        family: Family::Inet4,
        gateway: Some("10.5.0.1".parse().unwrap()),
        out_link_index: 2,
        out_link_name: s("eth0"),
        table: RoutingTable::MAIN,
        priority: 1024,
        route_type: RouteType::UNICAST,
        protocol: RouteProtocol::DHCP,
        ..RouteStatus::default()
    };
    let yaml = "\
family: inet4
dst: \"\"
src: \"\"
gateway: 10.5.0.1
outLinkIndex: 2
outLinkName: eth0
table: main
priority: 1024
scope: global
type: unicast
flags: \"\"
protocol: dhcp
";
    check(&status, yaml);
    let spec = RouteSpec {
        destination: Some("10.0.0.0/8".parse().unwrap()),
        table: RoutingTable(100),
        mtu: 1400,
        next_hops: vec![RouteNextHop {
            gateway: None,
            out_link_name: s("eth1"),
            weight: 2,
        }],
        ..RouteSpec::default()
    };
    let yaml = "\
family: inet4
dst: 10.0.0.0/8
src: \"\"
gateway: \"\"
table: \"100\"
scope: global
type: unspec
flags: \"\"
protocol: unspec
layer: default
mtu: 1400
nextHops:
    - gateway: \"\"
      outLinkName: eth1
      weight: 2
";
    check(&spec, yaml);
}

#[test]
fn names() {
    let hostname = HostnameSpec {
        hostname: s("node"),
        domainname: s("example.org"),
        layer: ConfigLayer::Cmdline,
    };
    check(
        &hostname,
        "hostname: node\ndomainname: example.org\nlayer: cmdline\n",
    );
    let status = HostnameStatus {
        hostname: s("node"),
        domainname: s(""),
    };
    check(&status, "hostname: node\ndomainname: \"\"\n");
    let server = NameServer {
        addr: "1.1.1.1".parse().unwrap(),
        protocol: DnsProtocol::Dot,
        tls_server_name: s("one.example"),
    };
    let resolver = ResolverSpec {
        dns_servers: vec!["1.1.1.1".parse().unwrap()],
        name_servers: vec![server],
        search_domains: vec![s("example.org")],
        ..ResolverSpec::default()
    };
    let yaml = "\
dnsServers:
    - 1.1.1.1
nameServers:
    - addr: 1.1.1.1
      protocol: DoT
      tlsServerName: one.example
layer: default
searchDomains:
    - example.org
";
    check(&resolver, yaml);
    check(
        &ResolverStatus::default(),
        "dnsServers: []\nsearchDomains: []\n",
    );
    let time = TimeServerSpec {
        time_servers: vec![s("time.cloudflare.com")],
        ..TimeServerSpec::default()
    };
    check(
        &time,
        "timeServers:\n    - time.cloudflare.com\nlayer: default\n",
    );
    check(
        &TimeServerStatus::default(),
        "timeServers: []\nuseNTS: false\n",
    );
    check(
        &NetworkStatus {
            address_ready: true,
            ..NetworkStatus::default()
        },
        "addressReady: true\nconnectivityReady: false\nhostnameReady: false\netcFilesReady: false\n",
    );
}

#[test]
fn operator() {
    let spec = OperatorSpec {
        operator: Operator::Dhcp4,
        link_name: s("eth0"),
        require_up: true,
        dhcp4: Some(Dhcp4Operator {
            route_metric: 1024,
            client_identifier: Some(ClientIdentity {
                client_identifier: ClientIdentifier::Mac,
                duid_raw_hex: s(""),
            }),
            ..Dhcp4Operator::default()
        }),
        ..OperatorSpec::default()
    };
    let yaml = "\
operator: dhcp4
linkName: eth0
requireUp: true
dhcp4:
    routeMetric: 1024
    clientIdentifier:
        clientIdentifier: mac
layer: default
";
    check(&spec, yaml);
}

#[test]
fn files_and_services() {
    let file = EtcFileSpec {
        contents: b"127.0.0.1 localhost\n".to_vec(),
        mode: 0o644,
        selinux_label: s(""),
    };
    let yaml = "contents: |\n    127.0.0.1 localhost\nmode: 420\nselinux_label: \"\"\n";
    check(&file, yaml);
    let status = EtcFileStatus {
        spec_version: s("3"),
    };
    check(&status, "specVersion: \"3\"\n");
    let service = Service {
        running: true,
        healthy: true,
        unknown: false,
    };
    check(&service, "running: true\nhealthy: true\nunknown: false\n");
    check(&AcquireConfigSpec {}, "{}\n");
    check(&AcquireConfigStatus {}, "{}\n");
}

#[test]
fn runtime_specs() {
    use runtime::*;
    let status = MachineStatus {
        stage: MachineStage::ShuttingDown,
        status: MachineReadiness {
            ready: false,
            unmet_conditions: vec![UnmetCondition {
                name: s("services"),
                reason: s("apid not running"),
            }],
        },
    };
    let yaml = "\
stage: shutting down
status:
    ready: false
    unmetConditions:
        - name: services
          reason: apid not running
";
    check(&status, yaml);
    let security = SecurityState {
        secure_boot: true,
        fips_state: FipsState::Strict,
        booted_with_uki: true,
        ..SecurityState::default()
    };
    let yaml = "secureBoot: true\nfipsState: enabled, strict\nbootedWithUKI: true\n";
    check(&security, yaml);
    let version = Version {
        name: s("Ichor"),
        version: s("v1.14.0+ichor.0.1.0"),
    };
    check(&version, "name: Ichor\nversion: v1.14.0+ichor.0.1.0\n");
    let item = SbomItem {
        name: s("linux"),
        version: s("6.12"),
        cpes: vec![s("cpe:2.3:o:linux:linux_kernel:6.12")],
        ..SbomItem::default()
    };
    let yaml = "name: linux\nversion: \"6.12\"\ncpes:\n    - cpe:2.3:o:linux:linux_kernel:6.12\n";
    check(&item, yaml);
    let platform = PlatformMetadata {
        platform: s("metal"),
        tags: [(s("a"), s("b"))].into(),
        ..PlatformMetadata::default()
    };
    check(&platform, "platform: metal\ntags:\n    a: b\n");
    let module = KernelModuleStatus {
        module_type: KernelModuleType::BuiltIn,
        state: KernelModuleState::BuiltIn,
        address: s("0x0"),
        ..KernelModuleStatus::default()
    };
    let yaml = "type: built-in\nsize: 0\nreferenceCount: 0\nstate: built-in\naddress: \"0x0\"\n";
    check(&module, yaml);
    let param = KernelParamSpec {
        value: s("1"),
        ignore_errors: false,
    };
    check(&param, "value: \"1\"\nignoreErrors: false\n");
    check(
        &KernelParamDefaultSpec(param),
        "value: \"1\"\nignoreErrors: false\n",
    );
    check(
        &MaintenanceServiceConfig {
            listen_address: s(":50000"),
            reachable_addresses: vec!["10.5.0.2".parse().unwrap()],
        },
        "listenAddress: :50000\nreachableAddresses:\n    - 10.5.0.2\n",
    );
    check(&BootId::default(), "bootID: \"\"\n");
    check(&BootedEntry::default(), "{}\n");
    check(&DevicesStatus { ready: true }, "ready: true\n");
    check(&Diagnostic::default(), "message: \"\"\ndetails: []\n");
    check(&Environment::default(), "variables: []\n");
    check(&KernelCmdline::default(), "cmdline: \"\"\n");
    check(&MetaLoad { done: true }, "done: true\n");
    check(
        &ServicePid {
            pid: 1,
            mount_namespace: s("mnt:[4026531841]"),
        },
        "pid: 1\nmountNamespace: mnt:[4026531841]\n",
    );
    check(
        &KernelParamStatus::default(),
        "current: \"\"\ndefault: \"\"\nunsupported: false\n",
    );
    check(
        &LoadedKernelModule::default(),
        "size: 0\nreferenceCount: 0\nstate: \"\"\naddress: \"\"\n",
    );
    check(
        &MountStatus::default(),
        "source: \"\"\ntarget: \"\"\nfilesystemType: \"\"\noptions: []\nencrypted: false\n",
    );
    let yaml = "\
listenAddress: \"\"
nodeRoutingDisabled: false
readonlyRoleMode: false
skipVerifyingClientCert: false
";
    check(&ApiServiceConfig::default(), yaml);
    check(&MaintenanceServiceRequest {}, "{}\n");
}

#[test]
fn block_devices() {
    let disk = Disk {
        dev_path: s("/dev/vda"),
        size: 1 << 30,
        pretty_size: s("1.1 GB"),
        io_size: 512,
        sector_size: 512,
        transport: s("virtio"),
        rotational: true,
        symlinks: vec![s("/dev/disk/by-path/x")],
        ..Disk::default()
    };
    let yaml = "\
dev_path: /dev/vda
size: 1073741824
pretty_size: 1.1 GB
io_size: 512
sector_size: 512
readonly: false
cdrom: false
transport: virtio
rotational: true
symlinks:
    - /dev/disk/by-path/x
";
    check(&disk, yaml);
    let device = BlockDevice {
        device_type: s("partition"),
        major: 254,
        minor: 1,
        partition_number: 1,
        device_path: s("/devices/x"),
        generation: 2,
        parent: s("vda"),
        ..BlockDevice::default()
    };
    let yaml = "\
type: partition
major: 254
minor: 1
partitionNumber: 1
devicePath: /devices/x
generation: 2
parent: vda
";
    check(&device, yaml);
    let yaml = "dev_path: \"\"\ntype: \"\"\ndevice_path: \"\"\noffset: 0\nsize: 0\npretty_size: \"\"\nname: \"\"\n";
    check(&DiscoveredVolume::default(), yaml);
    check(&BlockSymlink::default(), "paths: []\n");
    check(&SystemDisk::default(), "diskID: \"\"\ndevPath: \"\"\n");
}

#[test]
fn hardware_and_counters() {
    let core = CpuCore {
        socket: s("0"),
        logical_cpus: vec![0, 1],
        vendor_id: s("GenuineIntel"),
        bogo_mips: 4800.5,
        ..CpuCore::default()
    };
    let yaml = "\
socket: \"0\"
logicalCPUs:
    - 0
    - 1
vendorID: GenuineIntel
bogoMips: 4800.5
";
    check(&core, yaml);
    let pci = PciDevice {
        class: s("Network controller"),
        class_id: s("0x02"),
        ..PciDevice::default()
    };
    let yaml = "\
class: Network controller
class_id: \"0x02\"
subclass_id: \"\"
vendor_id: \"\"
product_id: \"\"
";
    check(&pci, yaml);
    let module = MemoryModule {
        size_mib: 2048,
        ..MemoryModule::default()
    };
    check(&module, "sizeMiB: 2048\n");
    let processor = Processor {
        max_speed_mhz: 2000,
        ..Processor::default()
    };
    check(&processor, "maxSpeedMhz: 2000\n");
    let system = SystemInformation {
        serial_number: s("x"),
        sku_number: s("y"),
        bios_version: s("z"),
        ..SystemInformation::default()
    };
    check(&system, "biosVersion: z\nserialnumber: x\nskuNumber: 'y'\n");
    let cpu = CpuStat {
        cpu: vec![CpuTimes {
            user: 1.25,
            ..CpuTimes::default()
        }],
        ..CpuStat::default()
    };
    let yaml = ichor_yaml::to_string(&cpu).unwrap();
    assert!(
        yaml.starts_with("cpu:\n    - user: 1.25\n      nice: 0\n"),
        "{yaml}"
    );
    check(&cpu, &yaml);
    let memory = MemoryStat {
        total: 2048,
        ..MemoryStat::default()
    };
    let yaml = ichor_yaml::to_string(&memory).unwrap();
    assert!(
        yaml.starts_with("total: 2048\nused: 0\navailable: 0\n"),
        "{yaml}"
    );
    assert!(
        yaml.ends_with("directMap4k: 0\ndirectMap2m: 0\ndirectMap1g: 0\n"),
        "{yaml}"
    );
    check(&memory, &yaml);
    let time = TimeStatus {
        synced: true,
        epoch: 1,
        sync_disabled: false,
    };
    check(&time, "synced: true\nepoch: 1\nsyncDisabled: false\n");
}

#[test]
fn secrets_are_not_in_debug_output() {
    let pair = CertificateAndKey {
        crt: b"C".to_vec(),
        key: b"K".to_vec(),
    };
    let certificate = ApiCertificate {
        accepted_cas: vec![Certificate { crt: b"A".to_vec() }],
        client: pair.clone(),
        server: pair.clone(),
        skip_verifying_client_cert: true,
    };
    let yaml = "\
acceptedCAs:
    - crt: QQ==
client:
    crt: Qw==
    key: Sw==
server:
    crt: Qw==
    key: Sw==
skipVerifyingClientCert: true
";
    check(&certificate, yaml);
    assert!(
        !format!("{certificate:?}").contains("75"),
        "75 is the key's byte"
    );
    check(
        &MaintenanceRootSecret { ca: pair },
        "ca:\n    crt: Qw==\n    key: Sw==\n",
    );
    let names = CertSan {
        ips: vec!["::1".parse().unwrap()],
        dns_names: vec![s("node")],
        fqdn: s("node.example"),
    };
    check(
        &names,
        "ips:\n    - ::1\ndnsNames:\n    - node\nfqdn: node.example\n",
    );
}

#[test]
fn cluster_config_and_meta() {
    let member = Member {
        node_id: s("id"),
        addresses: vec!["10.5.0.2".parse().unwrap()],
        hostname: s("node"),
        machine_type: Role::ControlPlane,
        operating_system: s("Ichor"),
        control_plane: Some(ControlPlane { port: 6443 }),
    };
    let yaml = "\
nodeId: id
addresses:
    - 10.5.0.2
hostname: node
machineType: controlplane
operatingSystem: Ichor
controlPlane:
    port: 6443
";
    check(&member, yaml);
    check(&Identity::default(), "nodeId: \"\"\n");
    let worker = MachineType {
        machine_type: Role::Worker,
    };
    check(&worker, "worker\n");
    check(
        &Namespace {
            description: s("x"),
        },
        "description: x\n",
    );
    let definition = ResourceDefinition {
        resource_type: s("Things.test"),
        aliases: vec![s("thing")],
        print_columns: vec![PrintColumn {
            name: s("A"),
            json_path: s("{.a}"),
        }],
        sensitive: true,
        ..ResourceDefinition::default()
    };
    let yaml = "\
type: Things.test
displayType: \"\"
defaultNamespace: \"\"
aliases:
    - thing
allAliases: []
printColumns:
    - name: A
      jsonPath: '{.a}'
sensitivity: sensitive
";
    check(&definition, yaml);
}

#[test]
fn invalid_fields_are_refused_by_name() {
    use ichor_api::talos::resource::definitions::network as wire;
    use prost::Message;

    let refused = |message: wire::AddressSpecSpec| {
        let error = AddressSpec::decode(&message.encode_to_vec()).unwrap_err();
        error.source.to_string()
    };
    let valid = AddressSpec {
        address: "10.5.0.2/24".parse().unwrap(),
        link_name: s("eth0"),
        family: Family::Inet4,
        scope: Scope::GLOBAL,
        flags: AddressFlags::default(),
        announce_with_arp: false,
        priority: 0,
        layer: ConfigLayer::Default,
    };
    let valid = wire::AddressSpecSpec::decode(valid.encode()).unwrap();
    let mut bad = valid.clone();
    bad.address = None;
    assert!(refused(bad).starts_with("address: "));
    let mut bad = valid.clone();
    bad.address.as_mut().unwrap().prefix_length = 33;
    assert!(refused(bad).starts_with("address: "));
    let mut bad = valid.clone();
    bad.family = 3;
    assert_eq!(refused(bad), "family: Family has no value 3");
    let mut bad = valid;
    bad.scope = 256;
    assert!(refused(bad).starts_with("scope: "));
    assert!(AddressSpec::decode(&[0xff]).is_err());
}

#[test]
fn hardware_addresses_are_read_and_written() {
    for text in ["", "52:54:00:12:34:56", "00"] {
        assert_eq!(text.parse::<HardwareAddr>().unwrap().to_string(), text);
    }
    assert!("52:zz".parse::<HardwareAddr>().is_err());
}
