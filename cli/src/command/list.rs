//! `ichor list`.

use std::process::ExitCode;

use anyhow::{Result, anyhow};
use clap::Args;
use ichor_api::machine::list_request::Type;
use ichor_api::machine::{FileInfo, ListRequest};

use crate::connect::{Connected, NodeFlags, called, read};
use crate::human;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// The directory.
    #[arg(default_value = "/")]
    path: String,
    /// Show mode, owner, size, time and links.
    #[arg(short, long)]
    long: bool,
    /// Show what is below directories.
    #[arg(short, long)]
    recurse: bool,
    /// How deep; all the way with --recurse and without this.
    #[arg(short, long, value_parser = clap::value_parser!(i32).range(1..))]
    depth: Option<i32>,
    /// Show sizes and times for people.
    #[arg(short = 'H', long)]
    humanize: bool,
    /// Show only these types: f for files, d for directories, l for symbolic links.
    #[arg(short, long = "type", value_delimiter = ',', value_parser = parse_types)]
    types: Vec<Types>,
}

const EXAMPLES: &str = "\
Times are in UTC.

Examples:
  ichor -i -n 10.5.0.2 list /etc
  ichor -i -n 10.5.0.2 ls -lH /var
  ichor -i -n 10.5.0.2,10.5.0.3 list /usr --depth 2 --type d,l
  ichor -i -n 10.5.0.2 ls /run -r -tf";

/// Some types: letters may be written together.
type Types = Vec<Type>;

fn parse_types(text: &str) -> Result<Types, String> {
    let kind = |letter| match letter {
        'f' => Ok(Type::Regular),
        'd' => Ok(Type::Directory),
        'l' | 'L' => Ok(Type::Symlink),
        _ => Err("the types are f, d and l".to_owned()),
    };
    text.chars().map(kind).collect()
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let answers = flags.ask(async |node| arguments.list(node).await).await?;
    let with_node = flags.are_several() || arguments.long;
    let mut table = Table::new(arguments.header(with_node));
    for (node, info) in answers.messages() {
        let row = arguments.row(info, human::now());
        table.row(with_node.then(|| node.to_owned()).into_iter().chain(row));
    }
    answers.finish(table)
}

impl Arguments {
    fn request(&self) -> ListRequest {
        let depth = match (self.recurse, self.depth) {
            (_, Some(depth)) => depth,
            // No limit.
            (true, None) => 0,
            (false, None) => 1,
        };
        ListRequest {
            root: self.path.clone(),
            recurse: self.recurse || depth > 1,
            recursion_depth: depth,
            types: self
                .types
                .iter()
                .flatten()
                .map(|&kind| kind.into())
                .collect(),
            report_xattrs: self.long,
        }
    }

    async fn list(&self, node: &Connected) -> Result<Vec<FileInfo>> {
        let reply = node.client.machine().list(self.request()).await;
        let stream = reply.map_err(called("List"))?.into_inner();
        let mut found = Vec::new();
        let listed = read("List", stream, |info| {
            match info.error.as_str() {
                "" => found.push(info),
                error => node.complain(&anyhow!("List: {}: {error}", info.name)),
            }
            Ok(())
        });
        listed.await?;
        Ok(found)
    }

    fn header(&self, with_node: bool) -> Vec<&'static str> {
        let mut header = Vec::new();
        if with_node {
            header.push("NODE");
        }
        if self.long {
            header.extend(["MODE", "UID", "GID", "SIZE(B)", "LASTMOD", "LABEL"]);
        }
        header.push("NAME");
        header
    }

    fn row(&self, info: &FileInfo, now: i64) -> Vec<String> {
        if !self.long {
            return vec![info.relative_name.clone()];
        }
        vec![
            mode(info.mode),
            info.uid.to_string(),
            info.gid.to_string(),
            human::size(u64::try_from(info.size).unwrap_or_default(), self.humanize),
            match self.humanize {
                true => human::ago(info.modified, now),
                false => human::date(info.modified),
            },
            label(info),
            match info.link.as_str() {
                "" => info.relative_name.clone(),
                target => format!("{} -> {target}", info.relative_name),
            },
        ]
    }
}

/// The label of SELinux, which ends with a zero.
fn label(info: &FileInfo) -> String {
    let mut attributes = info.xattrs.iter();
    let label = attributes.find(|each| each.name == "security.selinux");
    let text = label.map(|each| String::from_utf8_lossy(&each.data));
    text.unwrap_or_default().trim_end_matches('\0').to_owned()
}

/// The mode as people write it; the bits above the permissions are those of Go's `io/fs`.
fn mode(mode: u32) -> String {
    const KINDS: &[(u32, char)] = &[
        (31, 'd'),
        (27, 'L'),
        (26, 'D'),
        (25, 'p'),
        (24, 'S'),
        (23, 'u'),
        (22, 'g'),
        (21, 'c'),
        (20, 't'),
    ];
    let kinds = KINDS.iter().filter(|(bit, _)| mode >> bit & 1 == 1);
    let mut text: String = kinds.map(|(_, letter)| *letter).collect();
    if text.is_empty() {
        text.push('-');
    }
    for (position, letter) in "rwxrwxrwx".chars().enumerate() {
        let is_set = mode >> (8 - position) & 1 == 1;
        text.push(if is_set { letter } else { '-' });
    }
    text
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ichor_api::machine::Xattr;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn arguments(words: &[&str]) -> Arguments {
        let words = [&["list"], words].concat();
        Line::try_parse_from(words).unwrap().arguments
    }

    #[test]
    fn modes_are_written_as_people_know_them() {
        assert_eq!(mode(0o644), "-rw-r--r--");
        assert_eq!(mode(1 << 31 | 0o755), "drwxr-xr-x");
        assert_eq!(mode(1 << 27 | 0o777), "Lrwxrwxrwx");
        assert_eq!(mode(1 << 26 | 1 << 21 | 0o600), "Dcrw-------");
        assert_eq!(mode(1 << 31 | 1 << 20 | 0o777), "dtrwxrwxrwx");
    }

    #[test]
    fn flags_say_how_deep_and_what() {
        let request = |words: &[&str]| {
            let request = arguments(words).request();
            (request.recurse, request.recursion_depth, request.types)
        };
        assert_eq!(request(&[]), (false, 1, vec![]));
        assert_eq!(request(&["-r"]), (true, 0, vec![]));
        assert_eq!(request(&["-d", "3"]), (true, 3, vec![]));
        assert_eq!(request(&["-r", "-d1"]), (true, 1, vec![]));
        let both = [Type::Regular, Type::Symlink].map(i32::from).to_vec();
        for words in [&["-tfl"][..], &["-t", "f,L"], &["--type=f", "-tl"]] {
            assert_eq!(request(words), (false, 1, both.clone()), "{words:?}");
        }
        assert!(Line::try_parse_from(["list", "-tx"]).is_err());
        assert!(Line::try_parse_from(["list", "-d0"]).is_err());
    }

    #[test]
    fn a_long_row_has_a_cell_for_each_column() {
        let info = FileInfo {
            mode: 1 << 27 | 0o777,
            size: 1_500_000,
            modified: 1_795_901_413,
            relative_name: "init".into(),
            link: "ichor-os".into(),
            xattrs: vec![Xattr {
                name: "security.selinux".into(),
                data: b"system_u:object_r:bin_t\0".to_vec(),
            }],
            ..FileInfo::default()
        };
        let long = arguments(&["-l"]);
        let row = long.row(&info, 0);
        assert_eq!(row.len(), long.header(false).len());
        assert_eq!(
            row.join("|"),
            "Lrwxrwxrwx|0|0|1500000|Nov 28 2026 21:30:13|system_u:object_r:bin_t|init -> ichor-os"
        );
        let row = arguments(&["-lH"]).row(&info, 1_795_901_413 + 7200);
        assert_eq!(row[3..5], ["1.5 MB", "2 hours ago"]);
        assert_eq!(arguments(&[]).row(&info, 0), ["init"]);
        assert_eq!(arguments(&[]).header(true), ["NODE", "NAME"]);
    }
}
