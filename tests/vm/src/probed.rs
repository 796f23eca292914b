//! A node with the probe in it.

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ichor_probe::{Ended, PORT, Probe, Run};
use ichor_vm::NodeSpec;

use crate::booted::{BOOT_TIME_MAX, Booted, given};

/// A node, and the probe in it.
#[derive(Debug)]
pub struct Probed {
    /// The node, as others see it.
    pub booted: Booted,
    /// The node from the inside.
    pub probe: Probe,
    boot_id: String,
}

impl Probed {
    /// Boots a node of the image for tests and waits until API and probe answer.
    ///
    /// # Errors
    /// What could not be started, or the console's end.
    pub fn start(mut node: NodeSpec) -> Result<Self> {
        node.serial_ports.push(PORT.to_owned());
        let image = given("ICHOR_PROBE_IMAGE", Path::new("../../out/probe/disk.raw"))?;
        let mut booted = Booted::power_on(image, node)?;
        let probe = Probe::connect(&booted.node()?.serial_port(PORT))?;
        let mut probed = Self {
            booted,
            probe,
            boot_id: String::new(),
        };
        probed.wait_for_boot()?;
        Ok(probed)
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
