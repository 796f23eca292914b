//! The OS as a container image: the same root without a kernel, which tells PID 1 by a file that
//! it runs in a container.
//!
//! One archive in two forms, sharing their blobs: an OCI image layout, and the older layout that
//! every `docker load` and `ctr image import` takes.
//!
//! Source: OCI Image Format Specification 1.1; Docker Image Specification 1.2.

use std::fs::{self, File};
use std::io::{BufWriter, Write};
use std::path::Path;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tar::{Builder, EntryType, Header};

use crate::ImageError;
use crate::error::at;
use crate::packages::hex;
use crate::tree::{Content, Node, Tree};

/// Name under which the image is loaded, before its version.
const REPOSITORY: &str = "localhost/ichor";
/// A real time would differ from build to build.
const CREATED: &str = "1970-01-01T00:00:00Z";

/// Writes the archive.
pub(crate) fn write(path: &Path, tree: &Tree, version: &str) -> Result<(), ImageError> {
    let layer = layer(tree)?;
    let file = File::create(path).map_err(at("create", path))?;
    archive(BufWriter::new(file), layer, version).map_err(at("write", path))
}

/// The root as an archive, not compressed: what takes the image compresses it as it likes.
fn layer(tree: &Tree) -> Result<Vec<u8>, ImageError> {
    let mut builder = Builder::new(Vec::new());
    for (path, node) in tree.iter() {
        append(&mut builder, path, node)?;
    }
    let refuse = crate::error::encode("container image");
    builder.into_inner().map_err(refuse)
}

fn append(builder: &mut Builder<Vec<u8>>, path: &str, node: &Node) -> Result<(), ImageError> {
    let refuse = || crate::error::encode("container image");
    let mut header = header();
    match node {
        Node::Directory { mode } => {
            header.set_entry_type(EntryType::Directory);
            header.set_mode(u32::from(*mode));
            let path = format!("{path}/");
            let none = std::io::empty();
            builder
                .append_data(&mut header, path, none)
                .map_err(refuse())
        }
        Node::File { mode, content } => {
            let bytes = match content {
                Content::Bytes(bytes) => bytes.clone(),
                Content::Path(source) => fs::read(source).map_err(at("read", source))?,
            };
            header.set_mode(u32::from(*mode));
            header.set_size(bytes.len() as u64);
            let content = bytes.as_slice();
            builder
                .append_data(&mut header, path, content)
                .map_err(refuse())
        }
        Node::Link { target } => {
            header.set_entry_type(EntryType::Symlink);
            header.set_mode(0o777);
            builder
                .append_link(&mut header, path, target)
                .map_err(refuse())
        }
        // Whoever runs the container makes its devices.
        Node::CharacterDevice { .. } => Ok(()),
    }
}

/// Of root, without a time.
fn header() -> Header {
    let mut header = Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_size(0);
    header
}

fn archive(output: impl Write, layer: Vec<u8>, version: &str) -> std::io::Result<()> {
    let name = format!("{REPOSITORY}:{version}");
    let layer_digest = hex(&Sha256::digest(&layer));
    let config = encode(&config(version, &layer_digest));
    let manifest = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": descriptor("application/vnd.oci.image.config.v1+json", &config),
        "layers": [descriptor("application/vnd.oci.image.layer.v1.tar", &layer)],
    });
    let manifest = encode(&manifest);
    let found = json!({
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "digest": digest(&manifest),
        "size": manifest.len(),
        "annotations": {
            "io.containerd.image.name": &name,
            "org.opencontainers.image.ref.name": version,
        },
    });
    let index = json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [found],
    });
    let docker = json!([{
        "Config": blob(&config),
        "RepoTags": [&name],
        "Layers": [format!("blobs/sha256/{layer_digest}")],
    }]);
    let mut builder = Builder::new(output);
    let mut add = |path: &str, content: &[u8]| {
        let mut header = header();
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        builder.append_data(&mut header, path, content)
    };
    add(
        "oci-layout",
        &encode(&json!({"imageLayoutVersion": "1.0.0"})),
    )?;
    add("index.json", &encode(&index))?;
    add("manifest.json", &encode(&docker))?;
    for content in [&config, &manifest, &layer] {
        add(&blob(content), content)?;
    }
    builder.into_inner()?.flush()
}

fn config(version: &str, layer_digest: &str) -> Value {
    json!({
        "created": CREATED,
        "architecture": "amd64",
        "os": "linux",
        "config": {
            "Entrypoint": ["/sbin/init"],
            "Env": ["PLATFORM=container"],
            "StopSignal": "SIGTERM",
            "Labels": {
                "org.opencontainers.image.title": "Ichor",
                "org.opencontainers.image.version": version,
            },
        },
        "rootfs": {"type": "layers", "diff_ids": [format!("sha256:{layer_digest}")]},
        "history": [{"created": CREATED, "created_by": "ichor-imager"}],
    })
}

fn descriptor(media_type: &str, content: &[u8]) -> Value {
    json!({
        "mediaType": media_type,
        "digest": digest(content),
        "size": content.len(),
    })
}

fn digest(content: &[u8]) -> String {
    format!("sha256:{}", hex(&Sha256::digest(content)))
}

fn blob(content: &[u8]) -> String {
    format!("blobs/sha256/{}", hex(&Sha256::digest(content)))
}

fn encode(value: &Value) -> Vec<u8> {
    value.to_string().into_bytes()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::io::Read;

    use super::*;

    fn read(archive: &[u8]) -> BTreeMap<String, (u32, Vec<u8>)> {
        let mut files = BTreeMap::new();
        for entry in tar::Archive::new(archive).entries().unwrap() {
            let mut entry = entry.unwrap();
            let header = entry.header().clone();
            assert_eq!((header.uid().unwrap(), header.mtime().unwrap()), (0, 0));
            let mut content = Vec::new();
            entry.read_to_end(&mut content).unwrap();
            if let Some(target) = entry.link_name().unwrap() {
                content = target.to_str().unwrap().into();
            }
            let path = entry.path().unwrap().to_str().unwrap().to_owned();
            files.insert(path, (header.mode().unwrap(), content));
        }
        files
    }

    #[test]
    fn both_layouts_lead_to_the_root() {
        let mut tree = Tree::default();
        let long = format!("usr/{}", "x".repeat(150));
        tree.file(&long, 0o755, Content::Bytes(b"binary".into()));
        tree.link("sbin", "usr/sbin");
        let layer = layer(&tree).unwrap();
        let mut bytes = Vec::new();
        archive(&mut bytes, layer, "1.2.3").unwrap();
        let files = read(&bytes);
        let parse = |path: &str| -> Value { serde_json::from_slice(&files[path].1).unwrap() };
        let follow = |descriptor: &Value| {
            let digest = descriptor["digest"].as_str().unwrap();
            let path = digest.replace("sha256:", "blobs/sha256/");
            let content = &files[&path].1;
            assert_eq!(hex(&Sha256::digest(content)), digest["sha256:".len()..]);
            assert_eq!(descriptor["size"], content.len());
            path
        };
        let manifest = parse(&follow(&parse("index.json")["manifests"][0]));
        let config = follow(&manifest["config"]);
        let layer = follow(&manifest["layers"][0]);
        let docker = parse("manifest.json");
        assert_eq!(docker[0]["Config"], *config);
        assert_eq!(docker[0]["Layers"][0], *layer);
        assert_eq!(docker[0]["RepoTags"][0], "localhost/ichor:1.2.3");
        let diff_id = layer.replace("blobs/sha256/", "sha256:");
        assert_eq!(parse(&config)["rootfs"]["diff_ids"][0], *diff_id);
        let root = read(&files[&layer].1);
        assert_eq!(root[&long], (0o755, b"binary".to_vec()));
        assert_eq!(root["sbin"], (0o777, b"usr/sbin".to_vec()));
        assert_eq!(root["usr/"].0, 0o755);
    }
}
