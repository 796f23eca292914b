//! Specs as the public Go library writes them, with every field set.
//!
//! Each line of the golden file is a type, its binary form in hexadecimal, and its YAML form. The
//! library was one release older than the specs here: its `primary` of a bond by index is now
//! `primaryIndex`, in this file too.

use crate::{Spec, specs};

const GOLDEN: &str = include_str!("../../testdata/specs.jsonl");

/// Fields that the Go library leaves out of YAML although they are set: it takes addresses for
/// empty where they may be left out. Here they are written.
const NOT_WRITTEN_THERE: &[&str] = &["local: ", "broadcast: ", "anycast: ", "multicast: 10"];

fn check<S: Spec>(bytes: &[u8], yaml: &str) -> Result<(), String> {
    let spec = S::decode(bytes).map_err(|error| error.source.to_string())?;
    let again = S::decode(&spec.encode()).map_err(|error| error.source.to_string())?;
    let ours = ichor_yaml::to_string(&spec).unwrap();
    let same = |line: &&str| {
        !NOT_WRITTEN_THERE
            .iter()
            .any(|field| line.starts_with(field))
    };
    let ours: Vec<&str> = ours.lines().filter(same).collect();
    let theirs: Vec<&str> = yaml.lines().collect();
    if ours != theirs {
        return Err(format!("ours\n{}\ntheirs\n{yaml}", ours.join("\n")));
    }
    (spec == again)
        .then_some(())
        .ok_or("changed by a round trip".into())
}

macro_rules! checks {
    ($type_name:expr, $bytes:expr, $yaml:expr, $($module:ident: $($name:ident)*;)*) => {
        match $type_name {
            $($(specs::$module::$name::TYPE => check::<specs::$module::$name>($bytes, $yaml),)*)*
            _ => Err("no typed spec".to_owned()),
        }
    };
}

#[test]
fn specs_are_read_and_written_as_go_does() {
    let mut wrong = Vec::new();
    for line in GOLDEN.lines() {
        let row: Vec<String> = serde_json::from_str(line).unwrap();
        let hex = row[1].as_bytes();
        let digit = |byte: u8| u8::try_from(char::from(byte).to_digit(16).unwrap()).unwrap();
        let bytes: Vec<u8> = hex
            .chunks(2)
            .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
            .collect();
        let outcome = checks!(
            row[0].as_str(), &bytes, &row[2],
            network: AddressSpec AddressStatus LinkSpec LinkStatus LinkRefresh RouteSpec RouteStatus
                HostnameSpec HostnameStatus ResolverSpec ResolverStatus TimeServerSpec
                TimeServerStatus OperatorSpec NodeAddress NodeAddressSortAlgorithm NetworkStatus
                HardwareAddress;
            files: EtcFileSpec EtcFileStatus;
            runtime: ApiServiceConfig BootId DevicesStatus Diagnostic Environment KernelCmdline
                KernelModuleStatus LoadedKernelModule KernelParamSpec KernelParamDefaultSpec
                KernelParamStatus MachineStatus MaintenanceServiceConfig MaintenanceServiceRequest
                MountStatus SecurityState ServicePid Version MetaLoad PlatformMetadata BootedEntry
                SbomItem;
            v1alpha1: Service AcquireConfigSpec AcquireConfigStatus;
            block: BlockDevice Disk DiscoveredVolume BlockSymlink SystemDisk
                DiscoveryRefreshRequest DiscoveryRefreshStatus;
            hardware: CpuCore Processor MemoryModule SystemInformation PciDevice;
            perf: CpuStat MemoryStat;
            time: TimeStatus;
            cluster: Identity Member;
            secrets: ApiCertificate CertSan MaintenanceRootSecret;
        );
        if let Err(text) = outcome {
            wrong.push(format!("{}: {text}", row[0]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(GOLDEN.lines().count() > 60);
}
