//! `/proc/cpuinfo`.
//!
//! Source: proc_cpuinfo(5), on x86.

use ichor_api::machine::CpuInfo;

/// One entry for each logical processor.
pub(crate) fn parse(text: &str) -> Vec<CpuInfo> {
    let blocks = text.split("\n\n").filter(|block| !block.trim().is_empty());
    blocks.map(parse_block).collect()
}

fn parse_block(block: &str) -> CpuInfo {
    let mut info = CpuInfo::default();
    for line in block.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        set(&mut info, key.trim_end(), value.trim());
    }
    info
}

fn set(info: &mut CpuInfo, key: &str, value: &str) {
    let text = || value.to_owned();
    let number = || value.parse().unwrap_or_default();
    let words = || value.split_whitespace().map(str::to_owned).collect();
    match key {
        "processor" => info.processor = number(),
        "vendor_id" => info.vendor_id = text(),
        "cpu family" => info.cpu_family = text(),
        "model" => info.model = text(),
        "model name" => info.model_name = text(),
        "stepping" => info.stepping = text(),
        "microcode" => info.microcode = text(),
        "cpu MHz" => info.cpu_mhz = value.parse().unwrap_or_default(),
        "cache size" => info.cache_size = text(),
        "physical id" => info.physical_id = text(),
        "siblings" => info.siblings = number(),
        "core id" => info.core_id = text(),
        "cpu cores" => info.cpu_cores = number(),
        "apicid" => info.apic_id = text(),
        "initial apicid" => info.initial_apic_id = text(),
        "fpu" => info.fpu = text(),
        "fpu_exception" => info.fpu_exception = text(),
        "cpuid level" => info.cpu_id_level = number(),
        "wp" => info.wp = text(),
        "flags" => info.flags = words(),
        "bugs" => info.bugs = words(),
        "bogomips" => info.bogo_mips = value.parse().unwrap_or_default(),
        "clflush size" => info.cl_flush_size = number(),
        "cache_alignment" => info.cache_alignment = number(),
        "address sizes" => info.address_sizes = text(),
        "power management" => info.power_management = text(),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_each_processor() {
        let text = "processor\t: 0\nmodel name\t: QEMU TCG\ncpu MHz\t\t: 2596.114\nflags\t\t: fpu sse\n\n\
                    processor\t: 1\npower management:\n\n";
        let cpus = parse(text);
        assert_eq!(cpus.len(), 2);
        assert_eq!(cpus[0].model_name, "QEMU TCG");
        assert_eq!(cpus[0].flags, ["fpu", "sse"]);
        assert_eq!(cpus[1].processor, 1);
    }
}
