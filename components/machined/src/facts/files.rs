//! Files of /etc that PID 1 itself wants: who the machine is, and what runs on it.

use std::fs;
use std::path::Path;

use ichor_resource::specs::files::EtcFileSpec;

const READABLE: u32 = 0o644;

/// Names and contents.
pub(super) fn load(root: &Path) -> Vec<(&'static str, EtcFileSpec)> {
    let file = |contents: Vec<u8>| EtcFileSpec {
        contents,
        mode: READABLE,
        selinux_label: String::new(),
    };
    let mut files = Vec::new();
    if let Some(id) = machine_id(root) {
        files.push(("machine-id", file(id.into_bytes())));
    }
    // What the image says of itself, at the place where containers get it from.
    if let Ok(contents) = fs::read(root.join("etc/os-release")) {
        files.push(("os-release", file(contents)));
    }
    files
}

/// An identity for this boot only: one that stays needs a place to be kept, which a machine without
/// a configuration does not have.
fn machine_id(root: &Path) -> Option<String> {
    let uuid = fs::read_to_string(root.join("proc/sys/kernel/random/uuid")).ok()?;
    let digits = uuid.trim_end().replace('-', "");
    (digits.len() == 32).then(|| digits + "\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_identity_is_what_machine_id_5_says() {
        let id = machine_id(Path::new("/")).unwrap();
        let (digits, end) = id.split_at(32);
        assert!(
            digits
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
        );
        assert_eq!(end, "\n");
        assert_ne!(machine_id(Path::new("/")).unwrap(), id);
    }

    #[test]
    fn a_file_that_is_not_there_is_left_out() {
        assert!(load(Path::new("/nowhere-at-all")).is_empty());
    }
}
