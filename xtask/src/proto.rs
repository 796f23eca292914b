//! `cargo xtask proto`: the Rust of the contract, generated from `proto/`.

mod comments;
mod docs;
mod release;
mod stubs;

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use prost::Message;
use prost_types::FileDescriptorSet;

/// The table of all methods.
const PAGE: &str = "docs/api.md";

/// Fields whose content is passed on without a copy.
const BYTES: &[&str] = &[
    ".common.Data.bytes",
    ".cosi.resource.Spec.proto_spec",
    ".cosi.resource.Event.bookmark",
    ".cosi.resource.WatchOptions.start_from_bookmark",
];

/// Generates `crates/api/src/gen` of the workspace at `root`.
///
/// # Errors
/// A proto that does not compile, with its position, or a file that cannot be written.
pub(crate) fn run(root: &Path) -> Result<()> {
    let descriptors = generate(&root.join("proto"), &root.join("crates/api/src/gen"))?;
    let page = root.join(PAGE);
    fs::write(&page, docs::page(&descriptors, &implemented(root)?)?)
        .with_context(|| format!("write {}", page.display()))
}

/// Keeps the contract as that of the workspace's version, which is about to be released.
///
/// # Errors
/// A proto that does not compile, or a file that cannot be written.
pub(crate) fn release(root: &Path) -> Result<()> {
    let contract = encode(&compile(&root.join("proto"))?);
    let directory = root.join("crates/api/testdata/released");
    release::keep(&directory, env!("CARGO_PKG_VERSION"), &contract)
}

/// Methods that are implemented, one path per line.
fn implemented(root: &Path) -> Result<String> {
    let path = root.join("crates/api/implemented.txt");
    fs::read_to_string(&path).with_context(|| format!("read {}", path.display()))
}

/// Whether `crates/api/src/gen` is what `proto/` says.
///
/// # Errors
/// The first file that differs.
pub(crate) fn check(root: &Path) -> Result<()> {
    let fresh = tempfile::tempdir().context("make a directory")?;
    let out = fresh.path().join("gen");
    let descriptors = generate(&root.join("proto"), &out)?;
    let page = root.join(PAGE);
    if fs::read_to_string(&page).unwrap_or_default()
        != docs::page(&descriptors, &implemented(root)?)?
    {
        bail!("{} differs: run `./x proto`", page.display());
    }
    let committed = root.join("crates/api/src/gen");
    let (new, old) = (load(&out)?, load(&committed)?);
    let names = new.keys().chain(old.keys());
    match names
        .into_iter()
        .find(|name| new.get(*name) != old.get(*name))
    {
        Some(name) => bail!(
            "{} differs: run `./x proto`",
            committed.join(name).display()
        ),
        None => Ok(()),
    }
}

/// Whether everything in `proto/` has a comment.
///
/// # Errors
/// What has none, each with its file.
pub(crate) fn check_comments(root: &Path) -> Result<()> {
    let missing = comments::missing(&compile(&root.join("proto"))?);
    if !missing.is_empty() {
        bail!("without a comment: {}", missing.join(", "));
    }
    Ok(())
}

/// The files of a directory, by name.
fn load(directory: &Path) -> Result<BTreeMap<OsString, Vec<u8>>> {
    fs::read_dir(directory)
        .with_context(|| format!("read {}", directory.display()))?
        .map(|entry| {
            let entry = entry?;
            Ok((entry.file_name(), fs::read(entry.path())?))
        })
        .collect()
}

/// All protos below a directory, with positions and comments.
fn compile(protos: &Path) -> Result<FileDescriptorSet> {
    let files = find(protos)?;
    protox::compile(&files, [protos]).context("compile the protos")
}

fn generate(protos: &Path, out: &Path) -> Result<FileDescriptorSet> {
    let descriptors = compile(protos)?;
    if out.exists() {
        fs::remove_dir_all(out).with_context(|| format!("empty {}", out.display()))?;
    }
    fs::create_dir_all(out).with_context(|| format!("make {}", out.display()))?;
    fs::write(out.join("descriptors.bin"), encode(&descriptors))?;
    let mut config = tonic_prost_build::Config::new();
    config.bytes(BYTES);
    tonic_prost_build::configure()
        .build_transport(false)
        .generate_default_stubs(true)
        .out_dir(out)
        .include_file("mod.rs")
        .emit_rerun_if_changed(false)
        .compile_fds_with_config(descriptors.clone(), config)
        .context("generate Rust")?;
    for (name, content) in load(out)? {
        if let Ok(generated) = std::str::from_utf8(&content) {
            let path = out.join(name);
            fs::write(&path, stubs::name_methods(generated, &descriptors))
                .with_context(|| format!("write {}", path.display()))?;
        }
    }
    Ok(descriptors)
}

/// The contract alone. Comments and positions are in `proto/`; here they would only make each
/// change of a comment a change of the file.
fn encode(descriptors: &FileDescriptorSet) -> Vec<u8> {
    let mut contract = descriptors.clone();
    for file in &mut contract.file {
        file.source_code_info = None;
    }
    contract.encode_to_vec()
}

/// All protos below a directory, sorted, so that the output does not depend on the disk.
fn find(directory: &Path) -> Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).with_context(|| format!("read {}", directory.display()))? {
        let path = entry?.path();
        if path.is_dir() {
            found.extend(find(&path)?);
        } else if path
            .extension()
            .is_some_and(|extension| extension == "proto")
        {
            found.push(path);
        }
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_in_the_contract_says_what_it_is() {
        check_comments(&crate::root().unwrap()).unwrap();
    }

    #[test]
    fn what_is_generated_is_what_the_contract_says() {
        check(&crate::root().unwrap()).unwrap();
    }
}
