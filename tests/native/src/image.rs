//! A container image, unpacked as its own manifest says.
//!
//! Source: OCI Image Format Specification 1.1.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::path::Path;

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

use crate::Setup;

#[derive(Debug, Deserialize)]
struct Layout {
    #[serde(rename = "imageLayoutVersion")]
    version: String,
}

#[derive(Debug, Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Descriptor {
    digest: String,
    size: usize,
}

#[derive(Debug, Deserialize)]
struct Manifest {
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Debug, Deserialize)]
struct Config {
    architecture: String,
    os: String,
    config: Run,
    rootfs: Layers,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Run {
    entrypoint: Vec<String>,
    env: Vec<String>,
    stop_signal: String,
}

#[derive(Debug, Deserialize)]
struct Layers {
    diff_ids: Vec<String>,
}

/// A root file system, and how it wants to be started.
#[derive(Debug)]
pub struct Image {
    root: tempfile::TempDir,
    run: Run,
}

impl Image {
    /// Reads an archive with an OCI image layout.
    ///
    /// # Errors
    /// What is missing, or has another digest than the one it is named by.
    pub fn unpack(archive: &Path) -> Result<Self> {
        let files = load(archive)?;
        let layout: Layout = parse(files.get("oci-layout").context("no oci-layout")?)?;
        ensure!(layout.version == "1.0.0", "{layout:?}");
        let index: Index = parse(files.get("index.json").context("no index.json")?)?;
        let [manifest] = index.manifests.as_slice() else {
            bail!("{} images instead of one", index.manifests.len());
        };
        let manifest: Manifest = parse(blob(&files, manifest)?)?;
        let config: Config = parse(blob(&files, &manifest.config)?)?;
        let platform = (&*config.os, &*config.architecture);
        ensure!(platform == ("linux", "amd64"), "it is for {platform:?}");
        let ids = &config.rootfs.diff_ids;
        ensure!(ids.len() == manifest.layers.len(), "{ids:?}");
        let root = tempfile::Builder::new()
            .prefix("ichor-image-")
            .tempdir()
            .context("make a directory")?;
        for (layer, id) in manifest.layers.iter().zip(ids) {
            let content = blob(&files, layer)?;
            ensure!(*id == digest(content), "a layer is not {id}");
            let mut layer = tar::Archive::new(content);
            layer.set_preserve_permissions(true);
            layer.set_preserve_ownerships(true);
            layer.unpack(root.path()).context("unpack a layer")?;
        }
        Ok(Self {
            root,
            run: config.config,
        })
    }

    /// Its root file system.
    #[must_use]
    pub fn root(&self) -> &Path {
        self.root.path()
    }

    /// The signal that it wants to be ended by.
    #[must_use]
    pub fn stop_signal(&self) -> &str {
        &self.run.stop_signal
    }

    /// How an engine starts it.
    #[must_use]
    pub fn setup(&self) -> Setup {
        Setup {
            entry_point: self.run.entrypoint.clone(),
            environment: self.run.env.clone(),
            ..Setup::of(self.root())
        }
    }
}

fn load(archive: &Path) -> Result<BTreeMap<String, Vec<u8>>> {
    let file = File::open(archive).with_context(|| format!("open {}", archive.display()))?;
    let mut files = BTreeMap::new();
    for entry in tar::Archive::new(file).entries()? {
        let mut entry = entry?;
        let path = entry.path()?.to_string_lossy().into_owned();
        let mut content = Vec::new();
        entry.read_to_end(&mut content)?;
        files.insert(path, content);
    }
    Ok(files)
}

/// The content that a descriptor names.
fn blob<'a>(files: &'a BTreeMap<String, Vec<u8>>, named: &Descriptor) -> Result<&'a [u8]> {
    let path = format!("blobs/{}", named.digest.replacen(':', "/", 1));
    let content = files.get(&path).with_context(|| format!("no {path}"))?;
    let is_named = digest(content) == named.digest && content.len() == named.size;
    ensure!(is_named, "{path} is not what it is named by");
    Ok(content)
}

fn digest(content: &[u8]) -> String {
    let digest = Sha256::digest(content);
    let hex: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
    format!("sha256:{hex}")
}

fn parse<T: DeserializeOwned>(content: &[u8]) -> Result<T> {
    serde_json::from_slice(content).context("parse JSON")
}
