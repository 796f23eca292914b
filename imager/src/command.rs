//! What people do with images on the command line: look into them, check them, and prepare firmware
//! to demand our key.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Subcommand, ValueEnum};
use ichor_authenticode::variables;

use crate::{inspect, keys};

/// Something to do with an image.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Tell what is in a kernel image, disk (raw or qcow2) or ISO.
    #[command(after_help = INSPECT_EXAMPLES)]
    Inspect {
        /// The image.
        file: PathBuf,
        /// How to tell it.
        #[arg(long, short, value_enum, default_value = "text")]
        output: Output,
    },
    /// Check the signature of every program in an image; fails when one is not to be trusted.
    #[command(after_help = VERIFY_EXAMPLES)]
    Verify {
        /// The image.
        file: PathBuf,
        /// Certificate of the key that must have signed, in PEM form.
        #[arg(long, value_name = "CERTIFICATE")]
        key: PathBuf,
    },
    /// Make a variable store for OVMF that trusts one key only, with Secure Boot on.
    #[command(after_help = ENROL_EXAMPLES)]
    Enrol {
        /// The empty store that comes with OVMF.
        #[arg(long, default_value = "/usr/share/OVMF/OVMF_VARS_4M.fd")]
        store: PathBuf,
        /// Certificate of the key to trust, in PEM form.
        #[arg(long, value_name = "CERTIFICATE")]
        key: PathBuf,
        /// Where to put the new store.
        out: PathBuf,
    },
}

const INSPECT_EXAMPLES: &str = "\
Examples:
  ichor image inspect disk.raw
  ichor image inspect ichor.iso --output spdx > packages.spdx.json";

const VERIFY_EXAMPLES: &str = "\
Examples:
  ichor image verify disk.qcow2 --key signing.pem";

const ENROL_EXAMPLES: &str = "\
Examples:
  ichor image enrol --key signing.pem vars.fd
  ichor cluster create --image disk.raw --secure-boot-vars vars.fd";

/// How to tell what is in an image.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Output {
    /// For people.
    Text,
    /// Everything, as JSON.
    Json,
    /// Components and packages, as SPDX in JSON.
    Spdx,
}

/// Does it, and tells the outcome on the standard output.
///
/// # Errors
/// A file that cannot be read or written, or a program that is not to be trusted.
pub fn run(command: Command) -> Result<()> {
    match command {
        Command::Inspect { file, output } => show(&file, output),
        Command::Verify { file, key } => verify(&file, &key),
        Command::Enrol { store, key, out } => enrol(&store, &key, &out),
    }
}

fn show(file: &Path, output: Output) -> Result<()> {
    let found = inspect::load(file)?;
    match output {
        Output::Text => print(format_args!("{found}")),
        Output::Json => print(format_args!("{}\n", serde_json::to_string_pretty(&found)?)),
        Output::Spdx => {
            for system in &found.systems {
                let document = system.sbom.as_ref();
                let document = document.context("the image does not say what is in it")?;
                print(format_args!(
                    "{}\n",
                    serde_json::to_string_pretty(document)?
                ))?;
            }
            Ok(())
        }
    }
}

fn verify(file: &Path, key: &Path) -> Result<()> {
    let mut refused = 0;
    for verdict in inspect::verify(file, &keys::load_certificate(key)?)? {
        let name = match verdict.path.as_str() {
            "" => file.display().to_string(),
            path => path.to_owned(),
        };
        match verdict.outcome {
            Ok(()) => print(format_args!("{name}: good\n"))?,
            Err(error) => {
                print(format_args!("{name}: {error}\n"))?;
                refused += 1;
            }
        }
    }
    if refused > 0 {
        bail!(
            "{refused} of the programs in {} are not to be trusted",
            file.display()
        );
    }
    Ok(())
}

fn enrol(store: &Path, key: &Path, out: &Path) -> Result<()> {
    let empty = fs::read(store).with_context(|| format!("read {}", store.display()))?;
    let certificate = keys::load_certificate(key)?;
    let enrolled = variables::enrol(&empty, &certificate)
        .with_context(|| format!("enrol in {}", store.display()))?;
    fs::write(out, enrolled).with_context(|| format!("write {}", out.display()))
}

/// Unlike the macro, it does not panic when the text cannot be written.
fn print(text: fmt::Arguments<'_>) -> Result<()> {
    let mut output = io::stdout().lock();
    output
        .write_fmt(text)
        .and_then(|()| output.flush())
        .context("write to the standard output")
}
