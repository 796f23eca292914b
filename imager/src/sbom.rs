//! What is in an image, as SPDX 2.3 in JSON.
//!
//! It is a section of the unified kernel image, so it is signed with it, and `inspect` finds it in
//! any image.

use serde::{Deserialize, Serialize};

use crate::lock::Lock;

/// Name of the section.
pub(crate) const SECTION: &str = ".sbom";
const NOTHING: &str = "NOASSERTION";

/// An SPDX document.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Document {
    spdx_version: String,
    data_license: String,
    #[serde(rename = "SPDXID")]
    id: String,
    name: String,
    document_namespace: String,
    creation_info: Creation,
    /// The OS itself first, then the packages.
    pub packages: Vec<Package>,
    relationships: Vec<Relationship>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Creation {
    created: String,
    creators: Vec<String>,
}

/// A component with its version.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    #[serde(rename = "SPDXID")]
    id: String,
    /// Name of the component.
    pub name: String,
    /// Its version.
    pub version_info: String,
    download_location: String,
    files_analyzed: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    checksums: Vec<Checksum>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    external_refs: Vec<Reference>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Checksum {
    algorithm: String,
    checksum_value: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Reference {
    reference_category: String,
    reference_type: String,
    reference_locator: String,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Relationship {
    spdx_element_id: String,
    relationship_type: String,
    related_spdx_element: String,
}

impl Document {
    /// Describes an image: our components, all of one version, and the packages of the lock file.
    /// `root_hash` makes the name of the document unique.
    pub(crate) fn new(version: &str, components: &[&str], lock: &Lock, root_hash: &str) -> Self {
        let own = components.iter().map(|name| component(name, version));
        let packages: Vec<_> = own.chain(lock.packages.iter().map(debian)).collect();
        let describes = packages.iter().map(|package| Relationship {
            spdx_element_id: "SPDXRef-DOCUMENT".into(),
            relationship_type: "DESCRIBES".into(),
            related_spdx_element: package.id.clone(),
        });
        Self {
            spdx_version: "SPDX-2.3".into(),
            data_license: "CC0-1.0".into(),
            id: "SPDXRef-DOCUMENT".into(),
            name: format!("ichor-{version}"),
            document_namespace: format!("urn:ichor:image:{version}:{root_hash}"),
            creation_info: Creation {
                // A real time would differ from build to build.
                created: "1970-01-01T00:00:00Z".into(),
                creators: vec![format!("Tool: ichor-imager-{version}")],
            },
            relationships: describes.collect(),
            packages,
        }
    }
}

fn component(name: &str, version: &str) -> Package {
    Package {
        id: format!("SPDXRef-ichor-{name}"),
        name: format!("ichor-{name}"),
        version_info: version.into(),
        download_location: NOTHING.into(),
        files_analyzed: false,
        checksums: Vec::new(),
        external_refs: Vec::new(),
    }
}

fn debian(package: &crate::lock::Package) -> Package {
    let version = package.version.replace('+', "%2B").replace(':', "%3A");
    Package {
        // Identifiers have letters, digits, dots and hyphens.
        id: format!("SPDXRef-deb-{}", package.name.replace('+', "-")),
        name: package.name.clone(),
        version_info: package.version.clone(),
        download_location: NOTHING.into(),
        files_analyzed: false,
        checksums: vec![Checksum {
            algorithm: "SHA256".into(),
            checksum_value: package.sha256.clone(),
        }],
        external_refs: vec![Reference {
            reference_category: "PACKAGE-MANAGER".into(),
            reference_type: "purl".into(),
            reference_locator: format!("pkg:deb/debian/{}@{version}?arch=amd64", package.name),
        }],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_comes_back_and_names_every_package() {
        let lock = Lock {
            suite: "trixie".into(),
            packages: vec![crate::lock::Package {
                name: "libstdc++6".into(),
                version: "1:2+b1".into(),
                sha256: "ab".into(),
            }],
        };
        let document = Document::new("0.1.0", &["init"], &lock, "ff");
        let text = serde_json::to_string(&document).unwrap();
        assert_eq!(serde_json::from_str::<Document>(&text).unwrap(), document);
        for part in [
            "\"SPDXID\":\"SPDXRef-deb-libstdc--6\"",
            "\"versionInfo\":\"1:2+b1\"",
            "pkg:deb/debian/libstdc++6@1%3A2%2Bb1?arch=amd64",
            "\"name\":\"ichor-init\"",
            "\"relatedSpdxElement\":\"SPDXRef-ichor-init\"",
        ] {
            assert!(text.contains(part), "{part} in {text}");
        }
    }
}
