//! `/proc/modules`.
//!
//! Source: kernel/module/procfs.c: `NAME SIZE USERS DEPENDENCIES STATE ADDRESS [TAINTS]`.

use ichor_resource::specs::runtime::{KernelModuleState, KernelModuleStatus, KernelModuleType};

/// Loaded modules with their names.
pub(crate) fn parse(text: &str) -> Vec<(String, KernelModuleStatus)> {
    text.lines().filter_map(parse_line).collect()
}

fn parse_line(line: &str) -> Option<(String, KernelModuleStatus)> {
    let mut words = line.split_whitespace();
    let name = words.next()?.to_owned();
    let size = words.next()?.parse().ok()?;
    let reference_count = words.next()?.parse().ok()?;
    let users = words.next()?;
    let state = match words.next()? {
        "Live" => KernelModuleState::Live,
        "Loading" => KernelModuleState::Loading,
        "Unloading" => KernelModuleState::Unloading,
        _ => return None,
    };
    // The kernel lists who uses the module, with a comma behind each, or a dash.
    let dependencies = users.split(',').filter(|user| !matches!(*user, "" | "-"));
    let status = KernelModuleStatus {
        module_type: KernelModuleType::Dynamic,
        size,
        reference_count,
        dependencies: dependencies.map(str::to_owned).collect(),
        state,
        address: words.next()?.to_owned(),
    };
    Some((name, status))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_modules_and_passes_over_the_rest() {
        let text = "\
virtio_net 110592 0 - Live 0x0000000000000000\n\
net_failover 24576 1 virtio_net, Live 0x0000000000000000\n\
short 1 0\n\nodd x 0 - Live 0x0\nother 1 0 - Dead 0x0\n";
        let found = parse(text);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, ["virtio_net", "net_failover"]);
        assert!(found[0].1.dependencies.is_empty());
        assert_eq!(found[1].1.dependencies, ["virtio_net"]);
        assert_eq!((found[1].1.size, found[1].1.reference_count), (24576, 1));
    }
}
