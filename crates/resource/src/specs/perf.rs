//! Counters of the kernel.

use ichor_api::talos::resource::definitions::perf as wire;
use serde::Serialize;

/// CPU counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuStat {
    /// Times of each CPU.
    pub cpu: Vec<CpuTimes>,
    /// Times of all CPUs.
    pub cpu_total: CpuTimes,
    /// Interrupts since boot.
    pub irq_total: u64,
    /// Context switches since boot.
    pub context_switches: u64,
    /// Processes made since boot.
    pub process_created: u64,
    /// Processes that run.
    pub process_running: u64,
    /// Processes waiting for I/O.
    pub process_blocked: u64,
    /// Soft interrupts since boot.
    pub soft_irq_total: u64,
}

message!(
    CpuStat,
    wire::CpuSpec {
        cpu,
        cpu_total,
        irq_total,
        context_switches,
        process_created,
        process_running,
        process_blocked,
        soft_irq_total
    }
);
spec!(CpuStat, wire::CpuSpec, "CPUStats.perf.talos.dev", "perf");

/// Times of one CPU or of all, since boot.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct CpuTimes {
    /// Seconds in user mode.
    pub user: f64,
    /// Seconds in user mode with low priority.
    pub nice: f64,
    /// Seconds in the kernel.
    pub system: f64,
    /// Seconds without work.
    pub idle: f64,
    /// Seconds waiting for I/O.
    pub iowait: f64,
    /// Seconds in interrupts.
    pub irq: f64,
    /// Seconds in soft interrupts.
    pub soft_irq: f64,
    /// Seconds taken by other guests.
    pub steal: f64,
    /// Seconds running guests.
    pub guest: f64,
    /// Seconds running guests with low priority.
    pub guest_nice: f64,
}

message!(
    CpuTimes,
    wire::CpuStat {
        user,
        nice,
        system,
        idle,
        iowait,
        irq,
        soft_irq,
        steal,
        guest,
        guest_nice
    }
);

/// Memory counters.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct MemoryStat {
    /// `MemTotal` of /proc/meminfo, in KiB.
    pub total: u64,
    /// `MemTotal - MemFree - Buffers - Cached` of /proc/meminfo, in KiB.
    pub used: u64,
    /// `MemAvailable` of /proc/meminfo, in KiB.
    pub available: u64,
    /// `Buffers` of /proc/meminfo, in KiB.
    pub buffers: u64,
    /// `Cached` of /proc/meminfo, in KiB.
    pub cached: u64,
    /// `SwapCached` of /proc/meminfo, in KiB.
    pub swap_cached: u64,
    /// `Active` of /proc/meminfo, in KiB.
    pub active: u64,
    /// `Inactive` of /proc/meminfo, in KiB.
    pub inactive: u64,
    /// `ActiveAnon` of /proc/meminfo, in KiB.
    pub active_anon: u64,
    /// `InactiveAnon` of /proc/meminfo, in KiB.
    pub inactive_anon: u64,
    /// `ActiveFile` of /proc/meminfo, in KiB.
    pub active_file: u64,
    /// `InactiveFile` of /proc/meminfo, in KiB.
    pub inactive_file: u64,
    /// `Unevictable` of /proc/meminfo, in KiB.
    pub unevictable: u64,
    /// `Mlocked` of /proc/meminfo, in KiB.
    pub mlocked: u64,
    /// `SwapTotal` of /proc/meminfo, in KiB.
    pub swap_total: u64,
    /// `SwapFree` of /proc/meminfo, in KiB.
    pub swap_free: u64,
    /// `Dirty` of /proc/meminfo, in KiB.
    pub dirty: u64,
    /// `Writeback` of /proc/meminfo, in KiB.
    pub writeback: u64,
    /// `AnonPages` of /proc/meminfo, in KiB.
    pub anon_pages: u64,
    /// `Mapped` of /proc/meminfo, in KiB.
    pub mapped: u64,
    /// `Shmem` of /proc/meminfo, in KiB.
    pub shmem: u64,
    /// `Slab` of /proc/meminfo, in KiB.
    pub slab: u64,
    /// `SReclaimable` of /proc/meminfo, in KiB.
    pub sreclaimable: u64,
    /// `SUnreclaim` of /proc/meminfo, in KiB.
    pub sunreclaim: u64,
    /// `KernelStack` of /proc/meminfo, in KiB.
    pub kernel_stack: u64,
    /// `PageTables` of /proc/meminfo, in KiB.
    pub page_tables: u64,
    /// `NFS_Unstable` of /proc/meminfo, in KiB.
    pub nfsunstable: u64,
    /// `Bounce` of /proc/meminfo, in KiB.
    pub bounce: u64,
    /// `WritebackTmp` of /proc/meminfo, in KiB.
    pub write_backtmp: u64,
    /// `CommitLimit` of /proc/meminfo, in KiB.
    pub commit_limit: u64,
    /// `Committed_AS` of /proc/meminfo, in KiB.
    pub commit_tedas: u64,
    /// `VmallocTotal` of /proc/meminfo, in KiB.
    pub vmalloc_total: u64,
    /// `VmallocUsed` of /proc/meminfo, in KiB.
    pub vmalloc_used: u64,
    /// `VmallocChunk` of /proc/meminfo, in KiB.
    pub vmalloc_chunk: u64,
    /// `HardwareCorrupted` of /proc/meminfo, in KiB.
    pub hardware_corrupted: u64,
    /// `AnonHugePages` of /proc/meminfo, in KiB.
    pub anon_huge_pages: u64,
    /// `ShmemHugePages` of /proc/meminfo, in KiB.
    pub shmem_huge_pages: u64,
    /// `ShmemPmdMapped` of /proc/meminfo, in KiB.
    pub shmem_pmd_mapped: u64,
    /// `CmaTotal` of /proc/meminfo, in KiB.
    pub cma_total: u64,
    /// `CmaFree` of /proc/meminfo, in KiB.
    pub cma_free: u64,
    /// `HugePages_Total` of /proc/meminfo, in pages.
    pub huge_pages_total: u64,
    /// `HugePages_Free` of /proc/meminfo, in pages.
    pub huge_pages_free: u64,
    /// `HugePages_Rsvd` of /proc/meminfo, in pages.
    pub huge_pages_rsvd: u64,
    /// `HugePages_Surp` of /proc/meminfo, in pages.
    pub huge_pages_surp: u64,
    /// `Hugepagesize` of /proc/meminfo, in KiB.
    pub hugepagesize: u64,
    /// `DirectMap4k` of /proc/meminfo, in KiB.
    pub direct_map_4k: u64,
    /// `DirectMap2M` of /proc/meminfo, in KiB.
    pub direct_map_2m: u64,
    /// `DirectMap1G` of /proc/meminfo, in KiB.
    pub direct_map_1g: u64,
}

message!(MemoryStat, wire::MemorySpec {
    total as mem_total, used as mem_used, available as mem_available, buffers, cached, swap_cached, active, inactive, active_anon, inactive_anon, active_file, inactive_file, unevictable, mlocked, swap_total, swap_free, dirty, writeback, anon_pages, mapped, shmem, slab, sreclaimable as s_reclaimable, sunreclaim as s_unreclaim, kernel_stack, page_tables, nfsunstable as nf_sunstable, bounce, write_backtmp as writeback_tmp, commit_limit, commit_tedas as committed_as, vmalloc_total, vmalloc_used, vmalloc_chunk, hardware_corrupted, anon_huge_pages, shmem_huge_pages, shmem_pmd_mapped, cma_total, cma_free, huge_pages_total, huge_pages_free, huge_pages_rsvd, huge_pages_surp, hugepagesize, direct_map_4k as direct_map4k, direct_map_2m as direct_map2m, direct_map_1g as direct_map1g
});
spec!(
    MemoryStat,
    wire::MemorySpec,
    "MemoryStats.perf.talos.dev",
    "perf"
);
