//! What is shipped as a container image is what runs.

use std::os::unix::fs::MetadataExt;

use anyhow::Result;
use ichor_native::Image;
use rustix::process::Signal;

use crate::node::{Node, PATIENCE, given};

const ARCHIVE: &str = concat!("ichor-", env!("CARGO_PKG_VERSION"), ".oci.tar");

#[test]
fn native_image_starts_a_node() -> Result<()> {
    let image = Image::unpack(&given("ICHOR_OCI", ARCHIVE)?)?;
    assert!(image.root().join("usr/etc/in-container").is_file());
    assert!(
        !image.root().join("usr/lib/modules").exists(),
        "it has a kernel of its own"
    );
    let binary = image.root().join("usr/bin/ichor-os").metadata()?;
    assert_eq!(
        (binary.uid(), binary.gid(), binary.mode() & 0o7777),
        (0, 0, 0o755)
    );
    assert_eq!(image.stop_signal(), "SIGTERM");

    // The mark alone has to be enough: an engine may replace the environment.
    let mut setup = image.setup();
    setup.environment.clear();
    let mut node = Node::start(&setup)?;
    let version = node.version()?;
    assert_eq!(version.platform.unwrap_or_default().mode, "container");
    for service in ["machined", "networkd", "apid"] {
        let runs = |node: &Node| node.state_of(service).is_ok_and(|state| state == "Running");
        node.wait_for(service, PATIENCE, runs)?;
    }
    node.native.signal(Signal::TERM)?;
    assert!(node.native.wait(PATIENCE)?.success());
    Ok(())
}
