//! The indices of a kernel's modules.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::glob;

/// An index could not be read.
#[derive(Debug, thiserror::Error)]
#[error("read {}", path.display())]
pub struct IndexError {
    /// The file.
    pub path: PathBuf,
    /// What the kernel said.
    pub source: io::Error,
}

/// Which modules there are, what they need, and what they are for. Names have underscores.
#[derive(Debug, Default)]
pub struct Index {
    /// Path and paths of what is needed, in the order of unloading.
    modules: BTreeMap<String, (String, Vec<String>)>,
    softdeps: BTreeMap<String, Vec<String>>,
    /// Patterns and module names, by what stands before the first colon; those of which that is not
    /// sure have an empty name.
    aliases: BTreeMap<String, Vec<(String, String)>>,
}

impl Index {
    /// Reads `modules.dep`, `modules.softdep` and `modules.alias`.
    pub(crate) fn load(directory: &Path) -> Result<Self, IndexError> {
        let read = |name: &str| {
            let path = directory.join(name);
            fs::read_to_string(&path).map_err(|source| IndexError { path, source })
        };
        Ok(Self::parse(
            &read("modules.dep")?,
            &read("modules.softdep")?,
            &read("modules.alias")?,
        ))
    }

    /// Reads the texts of the three files; lines of another form are passed over.
    pub fn parse(dependencies: &str, softdeps: &str, aliases: &str) -> Self {
        let mut index = Self::default();
        for line in dependencies.lines() {
            if let Some((path, needed)) = line.split_once(':') {
                let needed = needed.split_whitespace().map(str::to_owned).collect();
                index
                    .modules
                    .insert(name_of(path), (path.to_owned(), needed));
            }
        }
        for line in softdeps.lines() {
            let mut words = line.split_whitespace().skip(1);
            if let Some(name) = words.next() {
                let before = words.skip_while(|word| *word != "pre:").skip(1);
                let before = before.take_while(|word| *word != "post:").map(canonical);
                index.softdeps.insert(canonical(name), before.collect());
            }
        }
        for line in aliases.lines() {
            let mut words = line.split_whitespace().skip(1);
            if let (Some(pattern), Some(name)) = (words.next(), words.next()) {
                let entry = (pattern.to_owned(), canonical(name));
                let bus = bus(pattern).to_owned();
                index.aliases.entry(bus).or_default().push(entry);
            }
        }
        index
    }

    /// The modules that a name or alias stands for.
    pub fn resolve(&self, name_or_alias: &str) -> Vec<String> {
        let name = canonical(name_or_alias);
        if self.modules.contains_key(&name) {
            return vec![name];
        }
        let buses = BTreeSet::from([bus(name_or_alias), ""]);
        let candidates = buses.into_iter().filter_map(|bus| self.aliases.get(bus));
        let candidates = candidates.flatten();
        let matching = candidates
            .filter(|(pattern, _)| glob::matches(pattern.as_bytes(), name_or_alias.as_bytes()));
        let names: BTreeSet<_> = matching.map(|(_, name)| name.clone()).collect();
        names.into_iter().collect()
    }

    /// Paths of a module and all that it needs, in the order of loading.
    pub fn plan(&self, name: &str) -> Vec<String> {
        let mut order = Vec::new();
        self.visit(name, &mut BTreeSet::new(), &mut order);
        order
    }

    fn visit(&self, name: &str, seen: &mut BTreeSet<String>, order: &mut Vec<String>) {
        let Some((path, needed)) = self.modules.get(name) else {
            return;
        };
        if !seen.insert(name.to_owned()) {
            return;
        }
        // These may be aliases: of what gives a checksum, for example.
        for before in self.softdeps.get(name).into_iter().flatten() {
            for name in self.resolve(before) {
                self.visit(&name, seen, order);
            }
        }
        for path in needed.iter().rev() {
            self.visit(&name_of(path), seen, order);
        }
        order.push(path.clone());
    }
}

/// What stands before the first colon; nothing when that is a pattern itself, as in `acpi*:PNP0C0C:*`.
fn bus(alias: &str) -> &str {
    let prefix = alias.split_once(':').map_or("", |(prefix, _)| prefix);
    match prefix.contains(['*', '?', '[']) {
        true => "",
        false => prefix,
    }
}

fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

/// `kernel/fs/xfs/xfs.ko` is the module `xfs`.
pub(crate) fn name_of(path: &str) -> String {
    let file = path.rsplit('/').next().unwrap_or(path);
    canonical(file.split_once(".ko").map_or(file, |(stem, _)| stem))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn index() -> Index {
        Index::parse(
            "md/dm-verity.ko: md/dm-bufio.ko md/dm-mod.ko\nmd/dm-bufio.ko: md/dm-mod.ko\n\
             md/dm-mod.ko:\ncrypto/sha256-ssse3.ko:\nnet/virtio_net.ko:\n\
             lib/libcrc32c.ko:\ncrypto/crc32c_generic.ko:\n",
            "softdep dm_verity pre: sha256-ssse3\nsoftdep libcrc32c pre: crc32c\n",
            "alias virtio:d00000001v* virtio_net\nalias devname:mapper/control dm_mod\n\
             alias acpi*:LNXPWRBN:* button\nalias crc32c crc32c_generic\n",
        )
    }

    #[test]
    fn loads_what_is_needed_first() {
        let expected = [
            "crypto/sha256-ssse3.ko",
            "md/dm-mod.ko",
            "md/dm-bufio.ko",
            "md/dm-verity.ko",
        ];
        assert_eq!(index().plan("dm_verity"), expected);
        let expected = ["crypto/crc32c_generic.ko", "lib/libcrc32c.ko"];
        assert_eq!(index().plan("libcrc32c"), expected);
        assert!(index().plan("unknown").is_empty());
    }

    #[test]
    fn finds_modules_by_name_and_by_alias() {
        let index = index();
        assert_eq!(index.resolve("dm-verity"), ["dm_verity"]);
        assert_eq!(index.resolve("virtio:d00000001v00001AF4"), ["virtio_net"]);
        assert_eq!(index.resolve("devname:mapper/control"), ["dm_mod"]);
        assert_eq!(index.resolve("acpi:LNXPWRBN:"), ["button"]);
        assert!(index.resolve("pci:v1").is_empty());
    }

    #[test]
    fn a_circle_of_dependencies_ends() {
        let index = Index::parse("a.ko: b.ko\nb.ko: a.ko\n", "softdep a pre: b\n", "");
        assert_eq!(index.plan("a").len(), 2);
    }
}
