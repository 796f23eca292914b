//! `/proc/stat`.
//!
//! Source: proc_stat(5). Times are ticks of 10 ms there, and seconds in the API.

use ichor_api::machine::{CpuStat, SoftIrqStat, SystemStat};

/// USER_HZ is 100 on every architecture that matters here.
const TICKS_PER_SECOND: f64 = 100.0;

/// Reads the text; lines that are not known are passed over.
pub(crate) fn parse(text: &str) -> SystemStat {
    let mut stat = SystemStat::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        let key = words.next().unwrap_or_default();
        let numbers: Vec<u64> = words.map_while(|word| word.parse().ok()).collect();
        let first = numbers.first().copied().unwrap_or_default();
        match key {
            "cpu" => stat.cpu_total = Some(cpu(&numbers)),
            "intr" => {
                stat.irq_total = first;
                stat.irq = numbers.get(1..).unwrap_or_default().to_vec();
            }
            "ctxt" => stat.context_switches = first,
            "btime" => stat.boot_time = first,
            "processes" => stat.process_created = first,
            "procs_running" => stat.process_running = first,
            "procs_blocked" => stat.process_blocked = first,
            "softirq" => {
                stat.soft_irq_total = first;
                stat.soft_irq = Some(soft_irq(numbers.get(1..).unwrap_or_default()));
            }
            _ if key.starts_with("cpu") => stat.cpu.push(cpu(&numbers)),
            _ => {}
        }
    }
    stat
}

fn cpu(ticks: &[u64]) -> CpuStat {
    let seconds = |index: usize| {
        // Exact up to 2^53 ticks, which are millions of years.
        let ticks = ticks.get(index).copied().unwrap_or_default() as f64;
        ticks / TICKS_PER_SECOND
    };
    CpuStat {
        user: seconds(0),
        nice: seconds(1),
        system: seconds(2),
        idle: seconds(3),
        iowait: seconds(4),
        irq: seconds(5),
        soft_irq: seconds(6),
        steal: seconds(7),
        guest: seconds(8),
        guest_nice: seconds(9),
    }
}

fn soft_irq(counts: &[u64]) -> SoftIrqStat {
    let count = |index: usize| counts.get(index).copied().unwrap_or_default();
    SoftIrqStat {
        hi: count(0),
        timer: count(1),
        net_tx: count(2),
        net_rx: count(3),
        block: count(4),
        block_io_poll: count(5),
        tasklet: count(6),
        sched: count(7),
        hrtimer: count(8),
        rcu: count(9),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_the_kernel_writes() {
        let text = "cpu  100 0 50 1000 0 0 1 0 0 0\ncpu0 100 0 50 1000 0 0 1 0 0 0\nintr 12 3 0 9\n\
                    ctxt 77\nbtime 1700000000\nprocesses 55\nprocs_running 2\nprocs_blocked 0\n\
                    softirq 10 1 2 3 4 0 0 0 0 0 0\nnew line\n\n";
        let stat = parse(text);
        assert_eq!(stat.cpu_total.unwrap().user, 1.0);
        assert_eq!(stat.cpu.len(), 1);
        assert_eq!((stat.irq_total, stat.irq), (12, vec![3, 0, 9]));
        assert_eq!(stat.boot_time, 1_700_000_000);
        assert_eq!(stat.soft_irq.unwrap().net_rx, 4);
    }
}
