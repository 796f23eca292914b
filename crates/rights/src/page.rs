//! The table for people.

use std::fmt::Write;

use crate::{Calls, Grant, Health, Paths, Program, SERVICES, Service, Socket, Use};

const HEAD: &str = "\
# What each process of the node may do

Generated from `crates/rights/src/table.rs` by `./x proto`. PID 1 (`machined`) starts these and
applies each row before the program is executed. All of them run with `no_new_privs`, in a control
group `system/NAME`, and inherit no descriptor but those named here.

When memory runs out, the kernel ends the process that takes most of it, in thousandths of all memory
to which its OOM score is added; -1000 is never. PID 1 has -1000. Where PID 1 may not set this, as in
a container without `CAP_SYS_RESOURCE`, all of them have what PID 1 was started with.

System calls that a row does not name answer `EPERM` and are written to the kernel log; clone3(2), whose
flags no filter sees, answers `ENOSYS` without a word, so that threads are made by clone(2). Files are
limited by Landlock, which also refuses TCP connections and ports, abstract unix sockets and signals
to other processes wherever files are limited.
";

/// `docs/components.md`.
#[must_use]
pub fn page() -> String {
    let mut page = String::from(HEAD);
    for service in SERVICES {
        section(&mut page, service);
    }
    page
}

fn section(page: &mut String, service: &Service) {
    let rights = &service.rights;
    let limits = &rights.limits;
    let mut most = format!("at least {} MiB of memory", limits.memory_min_mib);
    if let Some(mebibytes) = limits.memory_max_mib {
        most += &format!(", at most {mebibytes} MiB");
    }
    if let Some(tasks) = limits.tasks_max {
        most += &format!(", at most {tasks} threads");
    }
    if let Some(share) = limits.cpu_weight {
        most += &format!(", {share} shares of the processors where others have 100");
    }
    let namespaces = rights.namespaces.iter();
    let namespaces = namespaces.map(|one| format!("{one:?}").to_lowercase());
    let capabilities = rights.capabilities.iter_names().map(|(name, _)| name);
    let capabilities = match rights.capabilities {
        all if all.bits().count_ones() > 30 => "all but CAP_SYS_BOOT".to_owned(),
        _ => list(capabilities.map(|name| format!("CAP_{name}"))),
    };
    let rows = [
        ("runs", program(service)),
        ("user and group", rights.uid.to_string()),
        (
            "other groups",
            list(rights.groups.iter().map(|group| group.as_raw().to_string())),
        ),
        ("capabilities", capabilities),
        ("own namespaces", list(namespaces)),
        ("system calls", calls(rights.calls)),
        ("files", paths(rights.paths)),
        ("control group", most),
        ("when memory runs out", oom(service.oom_score)),
        (
            "sockets handed over",
            list(rights.sockets.iter().map(socket)),
        ),
        (
            "memories handed over",
            list(rights.memories.iter().map(|name| format!("`{name}`"))),
        ),
        ("state", list(rights.state.iter().map(grant))),
        ("starts", start(service)),
        ("tells that it works", health(service.health)),
    ];
    // Writing to a string cannot fail.
    let _written = writeln!(page, "\n## {}\n\n{}.\n", service.id, service.purpose);
    page.push_str("| right | what |\n|---|---|\n");
    for (name, value) in rows {
        let _written = writeln!(page, "| {name} | {value} |");
    }
}

fn program(service: &Service) -> String {
    let place = match service.machine_only {
        true => ", on machines only",
        false => "",
    };
    match service.program {
        Program::Component => format!("the OS binary as `{}`{place}", service.id),
        Program::Foreign { path, .. } => format!("`{path}`{place}"),
    }
}

fn start(service: &Service) -> String {
    let services = service.requires.iter();
    let services = services.map(|id| format!("service {id:?} to be \"up\""));
    let conditions = service.conditions.iter().map(ToString::to_string);
    match list(services.chain(conditions)).as_str() {
        "none" => "at once".to_owned(),
        needs => format!("waits for {needs}"),
    }
}

fn health(health: Health) -> String {
    match health {
        Health::Assumed => "no".to_owned(),
        Health::Told { silence_max } => format!(
            "each {} s; after {} s of silence it is unhealthy",
            silence_max.as_secs() / 2,
            silence_max.as_secs()
        ),
    }
}

fn oom(score: i16) -> String {
    format!("OOM score {score}")
}

fn calls(calls: Calls) -> String {
    match calls {
        Calls::All => "all".to_owned(),
        Calls::Basic(groups) => {
            let groups = groups.iter().map(|group| format!("{group:?}"));
            list(std::iter::once("Basic".to_owned()).chain(groups))
        }
    }
}

fn paths(paths: Paths) -> String {
    match paths {
        Paths::All => "all".to_owned(),
        Paths::Below(rows) => list(rows.iter().map(|(path, how)| match how {
            Use::List => format!("`{path}` (lists)"),
            Use::Read => format!("`{path}` (reads)"),
            Use::Write => format!("`{path}` (reads, writes)"),
            Use::Execute => format!("`{path}` (executes)"),
        })),
    }
}

fn socket(socket: &Socket) -> String {
    match socket {
        Socket::Tcp { port, .. } => format!("TCP {port}"),
        Socket::Unix { path, .. } => format!("`{path}`"),
        Socket::DeviceEvents { .. } => "device events".to_owned(),
    }
}

fn grant(grant: &Grant) -> String {
    match grant {
        Grant::Read(name) => format!("reads `{name}`"),
        Grant::Write(name) => format!("writes `{name}`"),
        Grant::WriteIds(name, ids) => {
            let ids: Vec<String> = ids.iter().map(|id| format!("`{id}`")).collect();
            format!("writes {} of `{name}`", ids.join(" "))
        }
        Grant::WriteNamespace(name) => format!("writes all of namespace `{name}`"),
    }
}

fn list(items: impl Iterator<Item = String>) -> String {
    let items: Vec<String> = items.collect();
    match items.is_empty() {
        true => "none".to_owned(),
        false => items.join(", "),
    }
}
