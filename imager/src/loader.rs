//! What an entry of the boot loader starts, and with what.
//!
//! Source: UAPI Group, Boot Loader Specification, type 1; systemd-boot(7).

/// A line of an entry that matters for trust.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Line {
    /// It starts a program of its partition: the path, with slashes and none at the beginning.
    Starts(String),
    /// It gives the program something that no signature covers: the key.
    Adds(String),
}

/// Reads an entry.
pub(crate) fn parse_entry(text: &str) -> Vec<Line> {
    let words = |line: &str| {
        let (key, value) = line.trim().split_once([' ', '\t'])?;
        match key {
            "linux" | "efi" | "uki" => {
                let path = value.trim().replace('\\', "/");
                Some(Line::Starts(path.trim_start_matches('/').to_owned()))
            }
            "initrd" | "options" | "devicetree" | "devicetree-overlay" | "uki-url" => {
                Some(Line::Adds(key.to_owned()))
            }
            _ => None,
        }
    };
    text.lines().filter_map(words).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_tells_what_it_starts_and_adds() {
        let text = "# options quiet\ntitle A linux\nlinux\t/EFI/Linux/a.efi\n efi \\b\\c.efi \n\
            options init=/bin/sh\ninitrd /d\n";
        let starts = |path: &str| Line::Starts(path.to_owned());
        let adds = |key: &str| Line::Adds(key.to_owned());
        let expected = [
            starts("EFI/Linux/a.efi"),
            starts("b/c.efi"),
            adds("options"),
            adds("initrd"),
        ];
        assert_eq!(parse_entry(text), expected);
    }
}
