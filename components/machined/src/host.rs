//! Where this node runs: on a machine of its own, or in a container.

use std::path::Path;

use ichor_cmdline::Cmdline;

/// The image marks its container variant with this file.
const CONTAINER_MARK: &str = "/usr/etc/in-container";

/// What the kernel was started with.
pub(crate) const CMDLINE: &str = "/proc/cmdline";

/// What the node runs on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Host {
    /// Name of the platform, such as `metal`.
    pub(crate) platform: String,
    /// The kernel's arguments; empty in a container, whose host's they are.
    pub(crate) cmdline: Cmdline,
}

impl Host {
    /// Reads what the kernel and the image say.
    pub(crate) fn detect() -> Self {
        let in_container = Path::new(CONTAINER_MARK).exists()
            || std::env::var_os("PLATFORM").is_some_and(|platform| platform == "container");
        if in_container {
            return Self {
                platform: "container".into(),
                cmdline: Cmdline::default(),
            };
        }
        Self::of_machine(&std::fs::read(CMDLINE).unwrap_or_default())
    }

    /// The kernel takes any bytes. One argument that is no text must not hide the others.
    fn of_machine(cmdline: &[u8]) -> Self {
        let cmdline = Cmdline::parse(&String::from_utf8_lossy(cmdline));
        Self {
            platform: cmdline.get("talos.platform").unwrap_or("metal").to_owned(),
            cmdline,
        }
    }

    /// Whether the kernel, the disks and the boot loader belong to this node.
    pub(crate) fn is_machine(&self) -> bool {
        self.platform != "container"
    }

    /// The mode, as the API names it.
    pub(crate) fn mode(&self) -> &'static str {
        match self.platform.as_str() {
            "container" => "container",
            "metal" => "metal",
            _ => "cloud",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_that_is_no_text_hides_no_other() {
        let host = Host::of_machine(b"talos.platform=nocloud x=\xff\xfe pti=on\n");
        assert_eq!(host.mode(), "cloud");
        assert_eq!(host.cmdline.get("pti"), Some("on"));
        assert_eq!(host.cmdline.get("x"), Some("\u{fffd}\u{fffd}"));
    }
}
