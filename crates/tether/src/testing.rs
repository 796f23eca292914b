//! Whether what a test starts ends with it.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

const MARK: &str = "these should end with me: ";
/// How long a busy computer may take to end processes.
const PATIENCE: Duration = Duration::from_secs(20);

/// For an ignored test that [`survivors`] runs: names its processes, and waits to be killed.
pub fn wait_to_be_killed(pids: &[u32]) {
    let pids: Vec<_> = pids.iter().map(u32::to_string).collect();
    println!("{MARK}{}", pids.join(" "));
    thread::sleep(PATIENCE * 6);
}

/// Runs an ignored test of this program, kills it once it waits for that, and gives the processes it
/// named that go on.
///
/// # Errors
/// When the test cannot be run, or names no process that runs.
pub fn survivors(test: &str) -> std::io::Result<Vec<String>> {
    let mut parent = Command::new(std::env::current_exe()?)
        .args(["--ignored", "--exact", "--nocapture", test])
        .stdout(Stdio::piped())
        .spawn()?;
    let named = parent.stdout.take().and_then(|output| {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let mut named = lines.filter_map(|line| Some(line.split_once(MARK)?.1.to_owned()));
        named.next()
    });
    let pids = named.unwrap_or_default();
    let mut pids: Vec<_> = pids.split_whitespace().map(str::to_owned).collect();
    let is_tied = |pid: &String| runs(pid) && !is_setpriv(pid);
    let deadline = Instant::now() + PATIENCE;
    let mut ran = false;
    while !ran && !pids.is_empty() && Instant::now() < deadline {
        ran = pids.iter().all(is_tied);
        thread::sleep(Duration::from_millis(10));
    }
    parent.kill()?;
    parent.wait()?;
    if !ran {
        let why = format!("{test} does not name processes that run");
        return Err(std::io::Error::other(why));
    }
    let deadline = Instant::now() + PATIENCE;
    while !pids.is_empty() && Instant::now() < deadline {
        thread::sleep(Duration::from_millis(10));
        pids.retain(|pid| runs(pid));
    }
    Ok(pids)
}

/// Whether there is a process of that number, and more of it than a status to be fetched.
fn runs(pid: &str) -> bool {
    let words = std::fs::read(Path::new("/proc").join(pid).join("cmdline"));
    words.is_ok_and(|words| !words.is_empty())
}

/// Whether it is still to become the program: until then nothing ties it.
fn is_setpriv(pid: &str) -> bool {
    let name = std::fs::read_to_string(Path::new("/proc").join(pid).join("comm"));
    name.is_ok_and(|name| name.trim_end() == "setpriv")
}
