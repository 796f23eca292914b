//! Kernel modules: which go into the image, and the indices that loading them needs.
//!
//! The package's modules are compressed one by one; in the image they are plain, because the
//! squashfs compresses them better, and stage 1 needs no decompressor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

use crate::ImageError;
use crate::elf::Elf;
use crate::error::at;

/// Modules that the image may hold.
const ALLOWED: &str = include_str!("../modules.txt");

/// One module.
#[derive(Debug)]
pub(crate) struct Module {
    /// Below the directory of the kernel's version, such as `kernel/fs/xfs/xfs.ko`.
    pub(crate) path: String,
    /// The file, not compressed.
    pub(crate) content: Vec<u8>,
    /// Modules that must be loaded before, by name.
    depends: Vec<String>,
    /// The same, but by choice of the module's author.
    softdeps: Vec<String>,
    aliases: Vec<String>,
}

/// The modules of an image, by name with underscores.
#[derive(Debug)]
pub(crate) struct Modules {
    modules: BTreeMap<String, Module>,
}

impl Modules {
    /// Reads the allowed modules, and what they depend on, of an unpacked kernel package.
    ///
    /// # Errors
    /// [`ImageError`], for example when an allowed module has another name in this kernel.
    pub(crate) fn load(directory: &Path) -> Result<Self, ImageError> {
        let mut files = BTreeMap::new();
        find(directory, directory, &mut files)?;
        let builtin = builtin(directory)?;
        let lines = ALLOWED.lines().filter(|line| !line.starts_with('#'));
        let mut wanted: Vec<String> = lines
            .flat_map(str::split_whitespace)
            .map(canonical)
            .collect();
        let mut modules = BTreeMap::new();
        while let Some(name) = wanted.pop() {
            if modules.contains_key(&name) || builtin.contains(&name) {
                continue;
            }
            let Some(path) = files.get(&name) else {
                return Err(ImageError::Missing {
                    what: format!("kernel module {name}"),
                });
            };
            let module = read(&directory.join(path), path)?;
            wanted.extend(module.depends.iter().cloned());
            let soft = module
                .softdeps
                .iter()
                .filter(|name| files.contains_key(*name));
            wanted.extend(soft.cloned());
            modules.insert(name, module);
        }
        Ok(Self { modules })
    }

    /// All modules.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Module> {
        self.modules.values()
    }

    /// Modules and what must be loaded before them, in steps: those of one step need only those of
    /// earlier ones, so they can be loaded at the same time.
    pub(crate) fn in_steps<'a>(&'a self, names: &[&str]) -> Vec<Vec<&'a Module>> {
        let mut steps = Vec::new();
        let mut known = BTreeMap::new();
        for name in names {
            self.visit(&canonical(name), &mut known, &mut steps);
        }
        steps
    }

    /// The number of the step after which a module is there.
    fn visit<'a>(
        &'a self,
        name: &str,
        known: &mut BTreeMap<String, usize>,
        steps: &mut Vec<Vec<&'a Module>>,
    ) -> usize {
        // A name that is not there is built in.
        let Some(module) = self.modules.get(name) else {
            return 0;
        };
        if let Some(done) = known.get(name) {
            return *done;
        }
        // A circle ends here.
        known.insert(name.to_owned(), 0);
        let needed = module.softdeps.iter().chain(&module.depends);
        let needed = needed.map(|needed| self.visit(needed, known, steps));
        let step = needed.max().unwrap_or(0);
        if steps.len() == step {
            steps.push(Vec::new());
        }
        if let Some(modules) = steps.get_mut(step) {
            modules.push(module);
        }
        known.insert(name.to_owned(), step + 1);
        step + 1
    }

    /// The text of `modules.dep`: each module with all that it needs, nearest last needed first.
    pub(crate) fn dependencies(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            let mut seen = BTreeSet::from([name.clone()]);
            let mut needed = Vec::new();
            for dependency in &module.depends {
                self.visit_hard(dependency, &mut seen, &mut needed);
            }
            needed.reverse();
            let needed: Vec<_> = needed.iter().map(|module| module.path.as_str()).collect();
            let blank = if needed.is_empty() { "" } else { " " };
            text.push_str(&format!("{}:{blank}{}\n", module.path, needed.join(" ")));
        }
        text
    }

    fn visit_hard<'a>(
        &'a self,
        name: &str,
        seen: &mut BTreeSet<String>,
        order: &mut Vec<&'a Module>,
    ) {
        let Some(module) = self.modules.get(name) else {
            return;
        };
        if !seen.insert(name.to_owned()) {
            return;
        }
        for dependency in &module.depends {
            self.visit_hard(dependency, seen, order);
        }
        order.push(module);
    }

    /// The text of `modules.softdep`.
    pub(crate) fn soft_dependencies(&self) -> String {
        let lines = self.modules.iter().filter_map(|(name, module)| {
            let present: Vec<_> = module.softdeps.iter().map(String::as_str).collect();
            (!present.is_empty()).then(|| format!("softdep {name} pre: {}\n", present.join(" ")))
        });
        lines.collect()
    }

    /// The text of `modules.alias`.
    pub(crate) fn aliases(&self) -> String {
        let mut text = String::new();
        for (name, module) in &self.modules {
            for alias in &module.aliases {
                text.push_str(&format!("alias {alias} {name}\n"));
            }
        }
        text
    }
}

/// Replaces the allowed modules of each kernel below `directory` by what they are when they are
/// not compressed, because that takes longer than the rest of an image.
pub(crate) fn decompress(directory: &Path) -> Result<(), ImageError> {
    for kernel in crate::rootfs::sorted(directory)? {
        for module in Modules::load(&kernel)?.iter() {
            let plain = kernel.join(&module.path);
            let packed = kernel.join(format!("{}.xz", module.path));
            fs::write(&plain, &module.content).map_err(at("write", &plain))?;
            if packed.exists() {
                fs::remove_file(&packed).map_err(at("remove", &packed))?;
            }
        }
    }
    Ok(())
}

/// Module names do not distinguish dashes from underscores.
fn canonical(name: &str) -> String {
    name.replace('-', "_")
}

fn find(
    root: &Path,
    directory: &Path,
    files: &mut BTreeMap<String, PathBuf>,
) -> Result<(), ImageError> {
    for entry in fs::read_dir(directory).map_err(at("read", directory))? {
        let path = entry.map_err(at("read", directory))?.path();
        if path.is_dir() {
            find(root, &path, files)?;
            continue;
        }
        let file_name = path.file_name().and_then(|name| name.to_str());
        let stem = file_name.and_then(|name| name.split_once(".ko").map(|(stem, _)| stem));
        if let (Some(stem), Ok(relative)) = (stem, path.strip_prefix(root)) {
            files.insert(canonical(stem), relative.to_owned());
        }
    }
    Ok(())
}

fn builtin(directory: &Path) -> Result<BTreeSet<String>, ImageError> {
    let path = directory.join("modules.builtin");
    let text = fs::read_to_string(&path).map_err(at("read", &path))?;
    let stems = text.lines().filter_map(|line| {
        let name = line.rsplit('/').next()?;
        Some(canonical(name.strip_suffix(".ko")?))
    });
    Ok(stems.collect())
}

fn read(file: &Path, relative: &Path) -> Result<Module, ImageError> {
    let packed = fs::read(file).map_err(at("read", file))?;
    let format = |problem: String| ImageError::Format {
        path: file.to_owned(),
        problem,
    };
    let is_packed = file.extension().is_some_and(|extension| extension == "xz");
    let content = if is_packed {
        let mut plain = Vec::new();
        lzma_rs::xz_decompress(&mut packed.as_slice(), &mut plain)
            .map_err(|error| format(format!("{error:?}")))?;
        plain
    } else {
        packed
    };
    let elf = Elf::parse(&content).ok_or_else(|| format("not an ELF file".into()))?;
    let info = elf
        .section(".modinfo")
        .ok_or_else(|| format("no .modinfo section".into()))?;
    let fields: Vec<(String, String)> = info
        .split(|byte| *byte == 0)
        .filter_map(|field| String::from_utf8(field.to_vec()).ok())
        .filter_map(|field| {
            let (key, value) = field.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        })
        .collect();
    let all = |key: &str| -> Vec<String> {
        let same = fields.iter().filter(|(name, _)| name == key);
        same.map(|(_, value)| value.clone()).collect()
    };
    let depends = all("depends");
    let depends = depends.iter().flat_map(|list| list.split(','));
    let softdeps = all("softdep");
    let relative = relative.display().to_string();
    Ok(Module {
        path: relative.strip_suffix(".xz").unwrap_or(&relative).to_owned(),
        depends: depends
            .filter(|name| !name.is_empty())
            .map(canonical)
            .collect(),
        softdeps: softdeps.iter().flat_map(|text| before(text)).collect(),
        aliases: all("alias"),
        content,
    })
}

/// The names after `pre:` of a soft dependency.
pub(crate) fn before(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    let mut is_before = false;
    for word in text.split_whitespace() {
        match word {
            "pre:" => is_before = true,
            "post:" => is_before = false,
            name if is_before => names.push(canonical(name)),
            _ => {}
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn module(path: &str, depends: &[&str], softdeps: &[&str]) -> Module {
        Module {
            path: path.into(),
            content: Vec::new(),
            depends: depends.iter().map(|name| canonical(name)).collect(),
            softdeps: softdeps.iter().map(|name| canonical(name)).collect(),
            aliases: vec![format!("{path}:*")],
        }
    }

    fn modules() -> Modules {
        let list = [
            (
                "dm_verity",
                module("md/dm-verity.ko", &["dm-bufio", "dm-mod"], &["sha256"]),
            ),
            ("dm_bufio", module("md/dm-bufio.ko", &["dm-mod"], &[])),
            ("dm_mod", module("md/dm-mod.ko", &[], &[])),
            ("sha256", module("crypto/sha256.ko", &[], &[])),
        ];
        Modules {
            modules: list
                .into_iter()
                .map(|(name, each)| (name.into(), each))
                .collect(),
        }
    }

    #[test]
    fn loads_what_is_needed_first() {
        let modules = modules();
        let paths = |modules: &Vec<&Module>| -> Vec<String> {
            modules.iter().map(|module| module.path.clone()).collect()
        };
        let steps: Vec<_> = modules.in_steps(&["dm-verity"]).iter().map(paths).collect();
        let expected = [
            vec!["crypto/sha256.ko", "md/dm-mod.ko"],
            vec!["md/dm-bufio.ko"],
            vec!["md/dm-verity.ko"],
        ];
        assert_eq!(steps, expected);
    }

    #[test]
    fn writes_the_indices() {
        let modules = modules();
        let text = modules.dependencies();
        assert!(
            text.contains("md/dm-verity.ko: md/dm-bufio.ko md/dm-mod.ko\n"),
            "{text}"
        );
        assert!(text.contains("md/dm-mod.ko:\n"));
        assert_eq!(
            modules.soft_dependencies(),
            "softdep dm_verity pre: sha256\n"
        );
        assert!(modules.aliases().contains("alias md/dm-mod.ko:* dm_mod\n"));
    }

    #[test]
    fn reads_soft_dependencies() {
        assert_eq!(before("pre: crc32c a-b post: c"), ["crc32c", "a_b"]);
    }
}
