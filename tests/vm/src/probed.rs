//! A node with the probe in it.

use std::path::PathBuf;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use ichor_imager::squashfs;
use ichor_probe::{Ended, MountCall, PORT, Probe, Run};
use ichor_vm::NodeSpec;
use rustix::mount::MountFlags;
use tempfile::TempDir;

use crate::booted::{BOOT_TIME_MAX, Booted, probe_image};

/// A node, and the probe in it.
#[derive(Debug)]
pub struct Probed {
    /// The node, as others see it.
    pub booted: Booted,
    /// The node from the inside.
    pub probe: Probe,
    boot_id: String,
    /// Holds the disk with this program.
    _program: Option<TempDir>,
}

/// The serial number of the disk with this program, and what it is called there.
const PROGRAM_DISK: &str = "image-0";
const PROGRAM: &str = "program";
/// Where the machine sees it.
const PROGRAM_PLACE: &str = "/mnt";

impl Probed {
    /// Boots a node of the image for tests and waits until API and probe answer.
    ///
    /// # Errors
    /// What could not be started, or the console's end.
    pub fn start(mut node: NodeSpec) -> Result<Self> {
        node.serial_ports.push(PORT.to_owned());
        let mut booted = Booted::power_on(probe_image()?, node)?;
        let probe = Probe::connect(&booted.node()?.serial_port(PORT))?;
        let mut probed = Self {
            booted,
            probe,
            boot_id: String::new(),
            _program: None,
        };
        probed.wait_for_boot()?;
        Ok(probed)
    }

    /// Like [`start`](Self::start); the test program that runs now can be run in the machine, too.
    ///
    /// # Errors
    /// What could not be started, or the console's end.
    pub fn start_with_program(mut node: NodeSpec) -> Result<Self> {
        let directory = tempfile::tempdir().context("make a directory")?;
        let disk = directory.path().join("disk");
        let program = std::env::current_exe().context("find this program")?;
        squashfs::of_programs(&[(PROGRAM.to_owned(), program)], &disk)?;
        node.images = vec![disk];
        let probed = Self::start(node)?;
        Ok(Self {
            _program: Some(directory),
            ..probed
        })
    }

    /// Runs one of this program's tests in the machine, which must be one that is ignored elsewhere.
    ///
    /// # Errors
    /// What it says when it fails.
    pub fn run_test(&mut self, test: &str) -> Result<()> {
        let source = self.probe.disk(PROGRAM_DISK)?.display().to_string();
        self.probe.mount(MountCall {
            source,
            target: PROGRAM_PLACE.into(),
            fstype: "squashfs".to_owned(),
            flags: MountFlags::RDONLY.bits(),
            data: String::new(),
        })?;
        let program = format!("{PROGRAM_PLACE}/{PROGRAM}");
        let ran = self.run(&program, &["--ignored", "--exact", test]);
        self.probe.unmount(PROGRAM_PLACE)?;
        let words = ran?;
        // A name that is wrong is no failure to the test program.
        if !words.contains("1 passed") {
            bail!("{words}");
        }
        Ok(())
    }

    /// Waits until the node has started once more since this was last called.
    ///
    /// # Errors
    /// The console's end.
    pub fn wait_for_boot(&mut self) -> Result<()> {
        let waited = self.probe.wait_for_boot(&self.boot_id, BOOT_TIME_MAX);
        self.boot_id = match waited {
            Ok(id) => id,
            Err(error) => return Err(error).context(self.booted.node()?.last_words()),
        };
        self.booted.wait_for_answer(BOOT_TIME_MAX)
    }

    /// Turns the node on if it is off.
    ///
    /// # Errors
    /// What could not be started, or the console's end.
    pub fn ensure_on(&mut self) -> Result<()> {
        if self.booted.node()?.is_running() {
            return Ok(());
        }
        self.booted.power_on_again()?;
        self.probe = Probe::connect(&self.booted.node()?.serial_port(PORT))?;
        self.wait_for_boot()
    }

    /// Waits until the node has its address, and all files of `/etc` that follow from it.
    ///
    /// # Errors
    /// The console's end.
    pub fn wait_for_network(&mut self, patience: Duration) -> Result<()> {
        let address = self.booted.node()?.plan().address.to_string();
        let deadline = Instant::now() + patience;
        loop {
            let hosts = self.probe.read_text("/etc/hosts")?;
            let resolvers = self.probe.read_text("/etc/resolv.conf")?;
            if hosts.contains(&address) && resolvers.contains("nameserver") {
                return Ok(());
            }
            if Instant::now() >= deadline {
                let words = self.booted.node()?.last_words();
                bail!("/etc/hosts does not name {address}:\n{hosts}\n{words}");
            }
            thread::sleep(Duration::from_millis(200));
        }
    }

    /// Runs a program of the image and gives what it writes.
    ///
    /// # Errors
    /// What it wrote, when it fails.
    pub fn run(&mut self, program: &str, arguments: &[&str]) -> Result<String> {
        let (ended, words) = self.try_run(program, arguments)?;
        if ended != Ended::Code(0) {
            bail!("{program} {}: {ended:?}\n{words}", arguments.join(" "));
        }
        Ok(words)
    }

    /// Like [`run`](Self::run); how the program ends is told.
    ///
    /// # Errors
    /// When it cannot be started.
    pub fn try_run(&mut self, program: &str, arguments: &[&str]) -> Result<(Ended, String)> {
        let run = Run {
            program: PathBuf::from(program),
            arguments: arguments.iter().map(|&word| word.to_owned()).collect(),
            environment: vec![("PATH".to_owned(), "/usr/sbin:/usr/bin".to_owned())],
            seconds_max: RUN_TIME_MAX.as_secs(),
        };
        let mut words = Vec::new();
        let ended = self.probe.run(&run, |_, piece| words.extend(piece))?;
        Ok((ended, String::from_utf8_lossy(&words).into_owned()))
    }

    /// The number of the process of that name.
    ///
    /// # Errors
    /// When there is not exactly one.
    pub fn pid(&mut self, name: &str) -> Result<u32> {
        let processes = self.probe.processes()?;
        let mut named = processes.iter().filter(|process| process.name == name);
        match (named.next(), named.next()) {
            (Some(process), None) => Ok(process.pid),
            (None, _) => bail!("no process {name} runs"),
            (Some(_), Some(_)) => bail!("several processes {name} run"),
        }
    }
}

/// Making a file system on a busy machine under software emulation.
const RUN_TIME_MAX: Duration = Duration::from_secs(120);
