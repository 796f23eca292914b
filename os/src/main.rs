//! The one static binary of the operating system.
//!
//! The name it is called by chooses a component.

use std::path::Path;
use std::process::ExitCode;

/// Of the sources. Read here, so that another commit compiles nothing but this.
const COMMIT: &str = match option_env!("ICHOR_COMMIT") {
    Some(commit) => commit,
    None => "unknown",
};

fn main() -> ExitCode {
    let called = std::env::args_os().next().unwrap_or_default();
    let name = Path::new(&called)
        .file_name()
        .and_then(|name| name.to_str());
    match name {
        Some("init" | "machined") => ichor_machined::main(COMMIT),
        Some("networkd") => ichor_networkd::main(),
        Some("apid") => ichor_apid::main(),
        Some("storaged") => ichor_storaged::main(),
        Some("modprobe") => ichor_machined::modprobe(),
        Some("poweroff" | "shutdown" | "reboot") => ichor_machined::ask_to_stop(),
        _ => {
            eprintln!(
                "{}: this binary is not called by that name",
                called.display()
            );
            ExitCode::from(2)
        }
    }
}
