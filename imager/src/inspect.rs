//! Tells what is in an image file, and whether to trust it.

use std::fmt;
use std::path::Path;

use ichor_authenticode::{Certificate, VerifyError, variables, verify as verify_program};
use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::ImageError;
use crate::loader::{self, Line};
use crate::packages::hex;
use crate::sbom::{self, Document};
use crate::source::{self, Found};

pub use crate::source::Form;

/// What is in an image file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Inspection {
    /// The form of the file.
    pub form: Form,
    /// Every OS in it; on a disk there may be two.
    pub systems: Vec<System>,
}

/// One OS: a unified kernel image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct System {
    /// On the EFI partition; empty when the file itself is the kernel image.
    pub path: String,
    /// Version of the OS.
    pub version: String,
    /// Version of the kernel.
    pub kernel: String,
    /// The kernel's arguments.
    pub cmdline: String,
    /// Parts of the kernel image.
    pub sections: Vec<Section>,
    /// Components and packages, as SPDX.
    pub sbom: Option<Document>,
}

/// A part of a kernel image.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Section {
    /// Such as `.linux`.
    pub name: String,
    /// Its size.
    pub bytes: usize,
    /// Hexadecimal.
    pub sha256: String,
}

/// Whether a program or an entry of the boot loader is to be trusted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// On the EFI partition; empty when the file itself is the program.
    pub path: String,
    /// Why not.
    pub outcome: Result<(), Distrust>,
}

/// Why something is not to be trusted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Distrust {
    /// The program is not what the key signed.
    #[error(transparent)]
    Program(#[from] VerifyError),
    /// An entry names what is missing, or not to be trusted either.
    #[error("it starts {0}, which is no program that is to be trusted")]
    Starts(String),
    /// An entry changes how a program starts.
    #[error("its {0} is covered by no signature")]
    Adds(String),
    /// A key would be trusted from then on.
    #[error("it makes a firmware in setup mode trust something else than this key")]
    Enrols,
}

/// Tells what is in a kernel image, disk or ISO.
///
/// # Errors
/// [`ImageError`] when the file is none of these, or holds no OS.
pub fn load(path: &Path) -> Result<Inspection, ImageError> {
    let source::Contents { form, programs, .. } = source::load(path)?;
    let systems: Vec<_> = programs.iter().filter_map(system).collect();
    if systems.is_empty() {
        return Err(ImageError::Format {
            path: path.to_owned(),
            problem: "it holds no unified kernel image".into(),
        });
    }
    Ok(Inspection { form, systems })
}

/// Checks the signature of every program that firmware or boot loader could start, wherever it
/// lies, what the entries of the boot loader start, and which keys it could enrol.
///
/// # Errors
/// [`ImageError`] when the file cannot be read, has ways to start that are not checked, or holds no
/// program.
pub fn verify(path: &Path, certificate: &Certificate) -> Result<Vec<Verdict>, ImageError> {
    let contents = source::load(path)?;
    if contents.programs.is_empty() {
        return Err(ImageError::Format {
            path: path.to_owned(),
            problem: "it holds no program".into(),
        });
    }
    let first = contents.programs.first().map(|found| found.partition);
    let verdict = |found: &Found, outcome| Verdict {
        path: match found.partition {
            Some(number) if Some(found.partition) != first => {
                format!("partition {number}: {}", found.path)
            }
            _ => found.path.clone(),
        },
        outcome,
    };
    let mut verdicts = Vec::new();
    let mut trusted = Vec::new();
    for program in &contents.programs {
        let outcome = verify_program(&program.content, certificate);
        if outcome.is_ok() {
            trusted.push((program.partition, program.path.to_ascii_lowercase()));
        }
        verdicts.push(verdict(program, outcome.map_err(Distrust::from)));
    }
    for entry in &contents.entries {
        let is_trusted =
            |path: &str| trusted.contains(&(entry.partition, path.to_ascii_lowercase()));
        verdicts.push(verdict(entry, verify_entry(entry, is_trusted)));
    }
    for key in &contents.keys {
        let is_ours = variables::enrols_only(&key.content, certificate);
        verdicts.push(verdict(key, is_ours.then_some(()).ok_or(Distrust::Enrols)));
    }
    Ok(verdicts)
}

fn verify_entry(entry: &Found, is_trusted: impl Fn(&str) -> bool) -> Result<(), Distrust> {
    let text = String::from_utf8_lossy(&entry.content);
    for line in loader::parse_entry(&text) {
        match line {
            Line::Starts(path) if !is_trusted(&path) => return Err(Distrust::Starts(path)),
            Line::Starts(_) => {}
            Line::Adds(key) => return Err(Distrust::Adds(key)),
        }
    }
    Ok(())
}

/// None when the program is no unified kernel image.
pub(crate) fn system(program: &Found) -> Option<System> {
    let sections = ichor_uki::sections(&program.content).ok()?;
    let find = |wanted: &str| {
        let found = sections.iter().find(|(name, _)| name == wanted);
        found.map(|(_, content)| *content)
    };
    let text = |wanted: &str| {
        let content = find(wanted).unwrap_or_default();
        let text = String::from_utf8_lossy(content);
        text.trim_end_matches(['\0', '\n']).to_owned()
    };
    find(".linux")?;
    let os_release = text(".osrel");
    let version = os_release
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_ID="))
        .unwrap_or_default();
    Some(System {
        path: program.path.clone(),
        version: version.trim_matches('"').to_owned(),
        kernel: text(".uname"),
        cmdline: text(".cmdline"),
        sbom: find(sbom::SECTION).and_then(|json| serde_json::from_slice(json).ok()),
        sections: sections.iter().map(section).collect(),
    })
}

fn section((name, content): &(String, &[u8])) -> Section {
    Section {
        name: name.clone(),
        bytes: content.len(),
        sha256: hex(&Sha256::digest(content)),
    }
}

impl fmt::Display for Inspection {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = match self.form {
            Form::Program => "unified kernel image",
            Form::Raw => "raw disk",
            Form::Qcow2 => "qcow2 disk",
            Form::Iso => "ISO",
        };
        writeln!(out, "form      {form}")?;
        self.systems.iter().try_for_each(|system| system.fmt(out))
    }
}

impl fmt::Display for System {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            writeln!(out, "path      {}", self.path)?;
        }
        writeln!(out, "version   {}", self.version)?;
        writeln!(out, "kernel    {}", self.kernel)?;
        writeln!(out, "cmdline   {}", self.cmdline)?;
        writeln!(out, "sections")?;
        for section in &self.sections {
            let Section {
                name,
                bytes,
                sha256,
            } = section;
            writeln!(out, "  {name:10} {bytes:9}  {sha256}")?;
        }
        writeln!(out, "components")?;
        for package in self.sbom.iter().flat_map(|document| &document.packages) {
            writeln!(out, "  {:36} {}", package.name, package.version_info)?;
        }
        Ok(())
    }
}
