//! Processor cores, from `/proc/cpuinfo`.
//!
//! Source: arch/x86/kernel/cpu/proc.c: one paragraph for each logical processor.

use std::collections::BTreeMap;

use ichor_resource::specs::hardware::CpuCore;

/// Cores with their ids, `SOCKET-CORE`, sorted.
pub(crate) fn parse(text: &str) -> Vec<(String, CpuCore)> {
    let mut cores: BTreeMap<(u32, u32), CpuCore> = BTreeMap::new();
    for paragraph in text.split("\n\n") {
        let fields: BTreeMap<&str, &str> = paragraph.lines().filter_map(field).collect();
        let text = |name: &str| fields.get(name).copied().unwrap_or_default();
        let number = |name: &str| text(name).parse::<u32>().unwrap_or_default();
        let Ok(processor) = text("processor").parse::<u32>() else {
            continue;
        };
        let key = (number("physical id"), number("core id"));
        let core = cores.entry(key).or_insert_with(|| CpuCore {
            socket: text("physical id").to_owned(),
            core_id: text("core id").to_owned(),
            logical_cpus: Vec::new(),
            vendor_id: text("vendor_id").to_owned(),
            cpu_family: text("cpu family").to_owned(),
            model: text("model").to_owned(),
            model_name: text("model name").to_owned(),
            stepping: text("stepping").to_owned(),
            microcode: text("microcode").to_owned(),
            cache_size: text("cache size").to_owned(),
            cores_per_socket: number("cpu cores"),
            threads_per_socket: number("siblings"),
            flags: words(text("flags")),
            bugs: words(text("bugs")),
            bogo_mips: text("bogomips").parse().unwrap_or_default(),
            address_sizes: text("address sizes").to_owned(),
        });
        core.logical_cpus.push(processor);
    }
    let named = cores.into_iter().map(|((socket, id), core)| {
        let id = format!("{socket}-{id}");
        (id, core)
    });
    named.collect()
}

fn field(line: &str) -> Option<(&str, &str)> {
    let (name, value) = line.split_once(':')?;
    Some((name.trim(), value.trim()))
}

fn words(text: &str) -> Vec<String> {
    text.split_whitespace().map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_of_one_core_are_put_together() {
        let text = "\
processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Some CPU\nphysical id\t: 0\n\
siblings\t: 2\ncore id\t\t: 3\ncpu cores\t: 1\nflags\t\t: fpu vme\nbogomips\t: 4200.50\n\n\
processor\t: 1\nphysical id\t: 0\ncore id\t\t: 3\n\n\
processor\t: 2\nphysical id\t: 1\ncore id\t\t: 0\n\n";
        let cores = parse(text);
        let ids: Vec<_> = cores.iter().map(|(id, _)| id.as_str()).collect();
        assert_eq!(ids, ["0-3", "1-0"]);
        let core = &cores[0].1;
        assert_eq!(core.logical_cpus, [0, 1]);
        assert_eq!(core.flags, ["fpu", "vme"]);
        assert_eq!((core.cores_per_socket, core.bogo_mips), (1, 4200.5));
        assert!(parse("").is_empty());
        assert!(parse("nothing\n\n:::\n").is_empty());
    }
}
