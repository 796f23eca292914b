//! The command line, as a library: the program calls [`main`], and [`page`] is its reference.
//!
//! Nothing is done before the arguments are understood, and a runtime for calls is only made by
//! commands that make calls.

mod arguments;
mod command;
mod connect;
mod explain;
mod human;
mod later;
mod lines;
mod output;
mod page;
mod plain;
mod table;

use std::ffi::OsString;
use std::process::ExitCode;
use std::thread;

use anyhow::{Context, Result};
use tokio::sync::oneshot;

use arguments::{Arguments, Command, Offline, Online};
use command::{
    boot, cluster, completion, controllers, diskfree, disks, dmesg, events, get, image, inspect,
    list, logs, memory, mounts, netstat, processes, service, usage, version,
};
use connect::NodeFlags;

pub use page::page;

/// Runs the command that the arguments of this process name. The exit code is 0 when everything
/// was done, and 1 otherwise. `commit` is that of the sources.
pub fn main(commit: &'static str) -> ExitCode {
    let words: Vec<OsString> = std::env::args_os().collect();
    let arguments = match arguments::parse(&words) {
        Ok(arguments) => arguments,
        Err(refusal) => return refusal.tell(),
    };
    match run(arguments, commit) {
        Ok(code) => code,
        Err(error) => {
            output::tell(format_args!("{}", explain::one_line(&error)));
            ExitCode::FAILURE
        }
    }
}

fn run(Arguments { nodes, command }: Arguments, commit: &str) -> Result<ExitCode> {
    match command {
        Command::Offline(command) => run_offline(command),
        Command::Version(arguments) if arguments.is_offline() => {
            version::print_own(&arguments, commit)?;
            Ok(ExitCode::SUCCESS)
        }
        Command::Version(arguments) => {
            block_on(version::run(&nodes.or_environment()?, &arguments, commit))
        }
        Command::Online(command) => block_on(run_online(&nodes.or_environment()?, &command)),
    }
}

fn run_offline(command: Offline) -> Result<ExitCode> {
    match command {
        Offline::Cluster(arguments) => cluster::run(&arguments),
        Offline::Completion(arguments) => completion::run(&arguments),
        Offline::Image { command } => image::run(command),
    }
}

/// Connections have a thread of their own: nodes end those that do not answer pings, and printing
/// waits for as long as a pager or Ctrl-S has it wait.
fn block_on<T>(work: impl Future<Output = Result<T>>) -> Result<T> {
    // The runtime of several threads would be compiled into the OS, too: cargo gives what it builds
    // together the same features.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("make a runtime for calls")?;
    let handle = runtime.handle().clone();
    let (working, done) = oneshot::channel::<()>();
    let connections = thread::Builder::new()
        .spawn(move || runtime.block_on(done).is_ok())
        .context("make a thread for connections")?;
    let outcome = handle.block_on(work);
    drop(working);
    match connections.join() {
        Ok(_done) => outcome,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

async fn run_online(nodes: &NodeFlags, command: &Online) -> Result<ExitCode> {
    match command {
        Online::Boot(arguments) => boot::run(nodes, arguments).await,
        Online::Controllers(arguments) => controllers::run(nodes, arguments).await,
        Online::Diskfree(arguments) => diskfree::run(nodes, arguments).await,
        Online::Disks(arguments) => disks::run(nodes, arguments).await,
        Online::Dmesg(arguments) => dmesg::run(nodes, arguments).await,
        Online::Events(arguments) => events::run(nodes, arguments).await,
        Online::Get(arguments) => get::run(nodes, arguments).await,
        Online::Inspect { command } => inspect::run(nodes, command).await,
        Online::List(arguments) => list::run(nodes, arguments).await,
        Online::Logs(arguments) => logs::run(nodes, arguments).await,
        Online::Memory(arguments) => memory::run(nodes, arguments).await,
        Online::Mounts(arguments) => mounts::run(nodes, arguments).await,
        Online::Netstat(arguments) => netstat::run(nodes, arguments).await,
        Online::Processes(arguments) => processes::run(nodes, arguments).await,
        Online::Service(arguments) => service::run(nodes, arguments).await,
        Online::Usage(arguments) => usage::run(nodes, arguments).await,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn connections_go_on_while_output_waits() {
        let (answer, answered) = mpsc::channel();
        let outcome = block_on(async {
            let connection = tokio::spawn(async move { answer.send("pong") });
            // As a write to a pager that nobody scrolls.
            let answer = answered.recv_timeout(Duration::from_secs(10))?;
            connection.await??;
            Ok(answer)
        });
        assert_eq!(outcome.unwrap(), "pong");
    }
}
