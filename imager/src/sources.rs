//! Which mirrors and keyrings the host's apt uses for Debian.
//!
//! Source: sources.list(5), both its forms.

use std::fs;
use std::path::{Path, PathBuf};

use crate::ImageError;
use crate::error::at;

/// Suites of Debian itself; what else is in the host's sources is of no use for an image.
const SUITES: &[&str] = &[
    "bullseye",
    "bookworm",
    "trixie",
    "forky",
    "oldoldstable",
    "oldstable",
    "stable",
    "testing",
    "unstable",
    "sid",
];
const SECURITY: &str = "-security";
/// Where the keyrings of packages are, Debian's among them.
const KEYRINGS: &str = "/usr/share/keyrings/";

/// A place to get packages from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Source {
    pub(crate) uri: String,
    /// Files with the keys that sign it; empty means apt's own.
    pub(crate) keyrings: Vec<String>,
}

impl Source {
    /// Whether apt takes from it what Debian signed, and nothing else. Of another one only its
    /// Release tells whose it is: names of suites are used by others, too.
    pub(crate) fn is_signed_by_debian(&self) -> bool {
        let of_debian = |keyring: &String| {
            let name = keyring.strip_prefix(KEYRINGS);
            name.is_some_and(|name| name.starts_with("debian-archive-"))
        };
        !self.keyrings.is_empty() && self.keyrings.iter().all(of_debian)
    }
}

/// What may be the archive and the security updates that the host's apt uses, the latter when it
/// does. First come those that are signed by Debian, else they are in the order of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Sources {
    pub(crate) archive: Vec<Source>,
    pub(crate) security: Vec<Source>,
}

/// Reads the host's sources below `etc`, which is `/etc/apt`.
pub(crate) fn load(etc: &Path) -> Result<Sources, ImageError> {
    let mut entries = Vec::new();
    for path in candidates(etc)? {
        let text = fs::read_to_string(&path).map_err(at("read", &path))?;
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => entries.extend(text.lines().filter_map(parse_line)),
            Some("sources") => entries.extend(text.split("\n\n").filter_map(parse_stanza)),
            _ => {}
        }
    }
    let sources = choose(&entries);
    match sources.archive.is_empty() {
        true => Err(ImageError::NoMirror(
            "none of its sources has a suite of Debian",
        )),
        false => Ok(sources),
    }
}

fn candidates(etc: &Path) -> Result<Vec<PathBuf>, ImageError> {
    let mut found = vec![etc.join("sources.list")];
    let parts = etc.join("sources.list.d");
    if parts.is_dir() {
        found.extend(crate::rootfs::sorted(&parts)?);
    }
    found.retain(|path| path.is_file());
    Ok(found)
}

/// One source of the host, before it is known what it is.
#[derive(Debug)]
pub(crate) struct Entry {
    source: Source,
    suites: Vec<String>,
    components: Vec<String>,
}

pub(crate) fn choose(entries: &[Entry]) -> Sources {
    let find = |wanted: fn(&str) -> bool| {
        let main = entries
            .iter()
            .filter(|entry| entry.components.iter().any(|name| name == "main"));
        let mut found: Vec<Source> = Vec::new();
        for entry in main.filter(|entry| entry.suites.iter().any(|suite| wanted(suite))) {
            if !found.contains(&entry.source) {
                found.push(entry.source.clone());
            }
        }
        found.sort_by_key(|source| !source.is_signed_by_debian());
        found
    };
    Sources {
        archive: find(|suite| SUITES.contains(&suite)),
        security: find(|suite| {
            let release = suite.strip_suffix(SECURITY);
            release.is_some_and(|release| SUITES.contains(&release))
        }),
    }
}

/// `deb [options] uri suite component...`
pub(crate) fn parse_line(line: &str) -> Option<Entry> {
    let rest = line.trim().strip_prefix("deb")?;
    let rest = rest.strip_prefix([' ', '\t'])?.trim();
    let (options, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let keyrings = options
        .split_whitespace()
        .find_map(|option| option.strip_prefix("signed-by="));
    let rest = rest.split('#').next().unwrap_or_default();
    let mut words = rest.split_whitespace().map(str::to_owned);
    Some(Entry {
        source: Source {
            uri: words.next()?,
            keyrings: files(keyrings.unwrap_or_default()),
        },
        suites: vec![words.next()?],
        components: words.collect(),
    })
}

/// Lines of `Key: value`; a value goes on in lines that begin with a space.
pub(crate) fn parse_stanza(stanza: &str) -> Option<Entry> {
    let mut fields: Vec<(String, String)> = Vec::new();
    for line in stanza.lines().filter(|line| !line.starts_with('#')) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = fields.last_mut() {
                value.push(' ');
                value.push_str(line);
            }
        } else if let Some((key, value)) = line.split_once(':') {
            fields.push((key.to_ascii_lowercase(), value.to_owned()));
        }
    }
    let words = |wanted: &str| -> Vec<String> {
        let field = fields.iter().find(|(key, _)| key == wanted);
        let value = field.map_or("", |(_, value)| value.as_str());
        value.split_whitespace().map(str::to_owned).collect()
    };
    let switched_off = words("enabled").iter().any(|word| word == "no");
    if switched_off || !words("types").iter().any(|word| word == "deb") {
        return None;
    }
    Some(Entry {
        source: Source {
            uri: words("uris").into_iter().next()?,
            keyrings: files(&words("signed-by").join(",")),
        },
        suites: words("suites"),
        components: words("components"),
    })
}

/// Only files: a key that is written out in the source cannot be handed on.
fn files(list: &str) -> Vec<String> {
    let names = list.split(',').filter(|name| name.starts_with('/'));
    names.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load_from(files: &[(&str, &str)]) -> Result<Sources, ImageError> {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("sources.list.d")).unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        load(directory.path())
    }

    fn source(uri: &str, keyrings: &[&str]) -> Source {
        Source {
            uri: uri.to_owned(),
            keyrings: keyrings.iter().map(|&keyring| keyring.to_owned()).collect(),
        }
    }

    #[test]
    fn what_debian_signs_comes_first() {
        let text = "deb https://a.example/apt trixie main\n\
            deb [signed-by=/usr/share/keyrings/other.gpg] https://b.example/apt trixie main\n\
            deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg,/k/c.gpg] https://c.example trixie main\n\
            deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] https://d.example trixie main\n\
            deb https://a.example/apt trixie main\n";
        let found = load_from(&[("sources.list", text)]).unwrap();
        let uris: Vec<_> = found.archive.iter().map(|found| &*found.uri).collect();
        let expected = [
            "https://d.example",
            "https://a.example/apt",
            "https://b.example/apt",
            "https://c.example",
        ];
        assert_eq!(uris, expected);
        let signed = found.archive.iter().map(Source::is_signed_by_debian);
        assert_eq!(signed.collect::<Vec<_>>(), [true, false, false, false]);
    }

    #[test]
    fn reads_one_line_sources() {
        let text = "# deb http://commented.example/debian bookworm main\n\
            deb-src http://source.example/debian bookworm main\n\
            deb https://other.example/apt bookworm-tools main\n\
            deb [arch=amd64 signed-by=/k/a.gpg] https://m.example/d bookworm contrib main # why\n\
            deb http://s.example/debian-security bookworm-security main\n";
        let found = load_from(&[("sources.list", text)]).unwrap();
        assert_eq!(
            found.archive,
            [source("https://m.example/d", &["/k/a.gpg"])]
        );
        assert_eq!(
            found.security,
            [source("http://s.example/debian-security", &[])]
        );
    }

    #[test]
    fn reads_deb822_sources_in_the_order_of_their_files() {
        let off = "Enabled: no\nTypes: deb\nURIs: http://off.example\nSuites: sid\n\
            Components: main\n";
        let on = "# a mirror\nTypes: deb deb-src\nURIs: http://m.example/mirror\n\
            Suites: trixie trixie-updates\nComponents:\n main\n contrib\n\
            Signed-By: /k/a.gpg\n\n\
            Types: deb\nURIs: http://s.example\nSuites: trixie-security\nComponents: main\n\
            Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n";
        let found = load_from(&[
            ("sources.list.d/a.sources", off),
            ("sources.list.d/b.sources", on),
            (
                "sources.list.d/c.list",
                "deb http://last.example trixie main\n",
            ),
            (
                "sources.list.d/d.save",
                "deb http://saved.example trixie main\n",
            ),
        ]);
        let found = found.unwrap();
        assert_eq!(
            found.archive,
            [
                source("http://m.example/mirror", &["/k/a.gpg"]),
                source("http://last.example", &[])
            ]
        );
        assert_eq!(found.security, [source("http://s.example", &[])]);
    }

    #[test]
    fn says_when_there_is_no_debian() {
        let error = load_from(&[("sources.list", "deb http://u.example noble main\n")]);
        assert!(matches!(error, Err(ImageError::NoMirror(_))));
    }
}
