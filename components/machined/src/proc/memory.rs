//! `/proc/meminfo`.
//!
//! Source: proc_meminfo(5). Values are in KiB, those of `HugePages_*` in pages.

use ichor_api::machine::MemInfo;

/// Reads the text; lines that are not known are passed over.
pub(crate) fn parse(text: &str) -> MemInfo {
    let mut info = MemInfo::default();
    for line in text.lines() {
        let Some((key, value)) = line.split_once(':') else {
            continue;
        };
        let number = value
            .split_whitespace()
            .next()
            .and_then(|word| word.parse().ok());
        if let (Some(field), Some(number)) = (field(&mut info, key), number) {
            *field = number;
        }
    }
    info
}

/// The field of a key: the same name without case and punctuation.
fn field<'a>(info: &'a mut MemInfo, key: &str) -> Option<&'a mut u64> {
    let letters = key.chars().filter(char::is_ascii_alphanumeric);
    let name: String = letters.map(|letter| letter.to_ascii_lowercase()).collect();
    Some(match name.as_str() {
        "memtotal" => &mut info.memtotal,
        "memfree" => &mut info.memfree,
        "memavailable" => &mut info.memavailable,
        "buffers" => &mut info.buffers,
        "cached" => &mut info.cached,
        "swapcached" => &mut info.swapcached,
        "active" => &mut info.active,
        "inactive" => &mut info.inactive,
        "activeanon" => &mut info.activeanon,
        "inactiveanon" => &mut info.inactiveanon,
        "activefile" => &mut info.activefile,
        "inactivefile" => &mut info.inactivefile,
        "unevictable" => &mut info.unevictable,
        "mlocked" => &mut info.mlocked,
        "swaptotal" => &mut info.swaptotal,
        "swapfree" => &mut info.swapfree,
        "dirty" => &mut info.dirty,
        "writeback" => &mut info.writeback,
        "anonpages" => &mut info.anonpages,
        "mapped" => &mut info.mapped,
        "shmem" => &mut info.shmem,
        "slab" => &mut info.slab,
        "sreclaimable" => &mut info.sreclaimable,
        "sunreclaim" => &mut info.sunreclaim,
        "kernelstack" => &mut info.kernelstack,
        "pagetables" => &mut info.pagetables,
        "nfsunstable" => &mut info.nfsunstable,
        "bounce" => &mut info.bounce,
        "writebacktmp" => &mut info.writebacktmp,
        "commitlimit" => &mut info.commitlimit,
        "committedas" => &mut info.committedas,
        "vmalloctotal" => &mut info.vmalloctotal,
        "vmallocused" => &mut info.vmallocused,
        "vmallocchunk" => &mut info.vmallocchunk,
        "hardwarecorrupted" => &mut info.hardwarecorrupted,
        "anonhugepages" => &mut info.anonhugepages,
        "shmemhugepages" => &mut info.shmemhugepages,
        "shmempmdmapped" => &mut info.shmempmdmapped,
        "cmatotal" => &mut info.cmatotal,
        "cmafree" => &mut info.cmafree,
        "hugepagestotal" => &mut info.hugepagestotal,
        "hugepagesfree" => &mut info.hugepagesfree,
        "hugepagesrsvd" => &mut info.hugepagesrsvd,
        "hugepagessurp" => &mut info.hugepagessurp,
        "hugepagesize" => &mut info.hugepagesize,
        "directmap4k" => &mut info.directmap4k,
        "directmap2m" => &mut info.directmap2m,
        "directmap1g" => &mut info.directmap1g,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = "MemTotal:        2009876 kB\nActive(anon):      1234 kB\nNFS_Unstable:   5 kB\n\
                    HugePages_Total:       3\nDirectMap1G:    77 kB\nNew: 1 kB\n:\n";
        let info = parse(text);
        assert_eq!(info.memtotal, 2_009_876);
        assert_eq!(info.activeanon, 1234);
        assert_eq!(info.nfsunstable, 5);
        assert_eq!(info.hugepagestotal, 3);
        assert_eq!(info.directmap1g, 77);
    }
}
