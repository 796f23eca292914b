//! The process table.
//!
//! Source: proc_pid_stat(5), proc_pid_statm(5).

use std::fs;
use std::path::Path;

use ichor_api::machine::ProcessInfo;

const TICKS_PER_SECOND: f64 = 100.0;

/// All processes; one that ends while this runs is left out.
pub(crate) fn list(proc: &Path) -> Vec<ProcessInfo> {
    let Ok(entries) = fs::read_dir(proc) else {
        return Vec::new();
    };
    let directories = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let numbered = directories.filter(|path| {
        let name = path.file_name().and_then(|name| name.to_str());
        name.is_some_and(|name| name.bytes().all(|byte| byte.is_ascii_digit()))
    });
    numbered.filter_map(|path| read(&path)).collect()
}

fn read(directory: &Path) -> Option<ProcessInfo> {
    // A process names itself as it likes, and need not do so in UTF-8.
    let text =
        |name| Some(String::from_utf8_lossy(&fs::read(directory.join(name)).ok()?).into_owned());
    let mut info = parse_stat(&text("stat")?)?;
    let arguments = text("cmdline").unwrap_or_default();
    info.args = arguments.trim_end_matches('\0').replace('\0', " ");
    if let Ok(executable) = fs::read_link(directory.join("exe")) {
        info.executable = executable.to_string_lossy().into_owned();
    }
    if let Some(label) = text("attr/current") {
        info.label = label.trim_end_matches(['\0', '\n']).to_owned();
    }
    Some(info)
}

/// Reads one line of `stat`. The command stands in parentheses and may hold some itself.
pub(crate) fn parse_stat(text: &str) -> Option<ProcessInfo> {
    let (pid, rest) = text.split_once(" (")?;
    let (command, rest) = rest.rsplit_once(") ")?;
    let fields: Vec<&str> = rest.split_whitespace().collect();
    // Fields are numbered from 1 in the manual; the state is the third.
    let field = |number: usize| fields.get(number - 3).copied();
    let number = |at: usize| field(at)?.parse::<u64>().ok();
    let ticks = u32::try_from(number(14)?.checked_add(number(15)?)?).ok()?;
    let page = u64::try_from(rustix::param::page_size()).ok()?;
    Some(ProcessInfo {
        pid: pid.parse().ok()?,
        ppid: field(4)?.parse().ok()?,
        state: field(3)?.to_owned(),
        threads: field(20)?.parse().ok()?,
        cpu_time: f64::from(ticks) / TICKS_PER_SECOND,
        virtual_memory: number(23)?,
        resident_memory: number(24)?.saturating_mul(page),
        command: command.to_owned(),
        ..ProcessInfo::default()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_a_command_with_parentheses() {
        let text =
            "42 (a (b) c) S 1 42 42 0 -1 4194560 1 0 0 0 150 50 0 0 20 0 3 0 5 1000 7 1 1 1\n";
        let info = parse_stat(text).unwrap();
        assert_eq!((info.pid, info.ppid, info.threads), (42, 1, 3));
        assert_eq!(info.command, "a (b) c");
        assert_eq!(info.cpu_time, 2.0);
        assert_eq!(info.virtual_memory, 1000);
    }

    #[test]
    fn a_process_cannot_hide_behind_its_name() {
        let proc = std::env::temp_dir().join(format!("ichor-process-{}", std::process::id()));
        fs::create_dir_all(proc.join("42")).unwrap();
        let stat = b"42 (a\xff) S 1 42 42 0 -1 0 1 0 0 0 150 50 0 0 20 0 3 0 5 1000 7 1 1 1\n";
        fs::write(proc.join("42/stat"), stat).unwrap();
        let found = list(&proc);
        fs::remove_dir_all(&proc).unwrap();
        assert_eq!(found[0].command, "a\u{fffd}");
    }

    #[test]
    fn finds_this_very_process() {
        let own = i32::try_from(std::process::id()).unwrap();
        let found = list(Path::new("/proc"));
        assert!(
            found
                .iter()
                .any(|info| info.pid == own && !info.executable.is_empty())
        );
    }

    #[test]
    fn refuses_what_is_cut_off() {
        for text in ["", "1", "1 (x", "1 (x) S", "x (y) S 1"] {
            assert!(parse_stat(text).is_none(), "{text}");
        }
    }
}
