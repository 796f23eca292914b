//! Clock rates of processors.
//!
//! Source: Documentation/admin-guide/pm/cpufreq.rst: files below
//! `/sys/devices/system/cpu/cpuN/cpufreq`, rates in kHz.

use std::fs;
use std::path::Path;

use ichor_api::machine::CpuFreqStats;

/// Rates of all processors in their order. A machine whose rates cannot be seen, such as most
/// virtual ones, has none.
pub(crate) fn list(directory: &Path) -> Vec<CpuFreqStats> {
    let Ok(entries) = fs::read_dir(directory) else {
        return Vec::new();
    };
    let numbered = entries.filter_map(|entry| {
        let entry = entry.ok()?;
        let name = entry.file_name().into_string().ok()?;
        let number: u32 = name.strip_prefix("cpu")?.parse().ok()?;
        Some((number, entry.path().join("cpufreq")))
    });
    let mut numbered: Vec<_> = numbered.collect();
    numbered.sort();
    numbered
        .iter()
        .filter(|(_, directory)| directory.is_dir())
        .map(|(_, directory)| read(directory))
        .collect()
}

/// A file that is missing leaves its field unset: drivers differ in what they tell.
fn read(directory: &Path) -> CpuFreqStats {
    let text = |name: &str| {
        let text = fs::read_to_string(directory.join(name)).unwrap_or_default();
        text.trim_end().to_owned()
    };
    let number = |name: &str| text(name).parse().unwrap_or_default();
    CpuFreqStats {
        current_frequency: number("scaling_cur_freq"),
        minimum_frequency: number("cpuinfo_min_freq"),
        maximum_frequency: number("cpuinfo_max_freq"),
        governor: text("scaling_governor"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_rates_in_the_order_of_numbers() {
        let root = std::env::temp_dir().join(format!("ichor-cpufreq-{}", std::process::id()));
        for (number, rate) in [(10, "3000"), (2, "2000")] {
            let directory = root.join(format!("cpu{number}/cpufreq"));
            fs::create_dir_all(&directory).unwrap();
            fs::write(directory.join("scaling_cur_freq"), format!("{rate}\n")).unwrap();
            fs::write(directory.join("scaling_governor"), "powersave\n").unwrap();
        }
        fs::create_dir_all(root.join("cpufreq")).unwrap();
        fs::create_dir_all(root.join("cpu0")).unwrap();
        let found = list(&root);
        let rates: Vec<_> = found.iter().map(|each| each.current_frequency).collect();
        assert_eq!(rates, [2000, 3000]);
        assert_eq!(found[0].governor, "powersave");
        assert!(list(&root.join("nowhere")).is_empty());
    }
}
