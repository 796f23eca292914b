//! `ichor list`.

use anyhow::Result;
use clap::{Args, ValueEnum};
use ichor_api::machine::{FileInfo, ListRequest, list_request};

use crate::connect::{NodeFlags, checked, explain};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {
    /// The directory.
    #[arg(default_value = "/")]
    path: String,
    /// Show mode, owner, size and links.
    #[arg(short, long)]
    long: bool,
    /// Show what is below directories.
    #[arg(short, long)]
    recurse: bool,
    /// How deep, with --recurse.
    #[arg(short, long, default_value_t = 0)]
    depth: i32,
    /// Show only these types.
    #[arg(short, long = "type", value_enum)]
    types: Vec<Type>,
}

#[derive(Clone, Copy, Debug, ValueEnum)]
enum Type {
    /// Regular files.
    F,
    /// Directories.
    D,
    /// Symbolic links.
    L,
}

impl From<Type> for i32 {
    fn from(kind: Type) -> Self {
        let kind = match kind {
            Type::F => list_request::Type::Regular,
            Type::D => list_request::Type::Directory,
            Type::L => list_request::Type::Symlink,
        };
        kind.into()
    }
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    let mut connections = flags.connect().await?;
    let mut table = match arguments.long {
        true => Table::new(["NODE", "MODE", "UID", "GID", "SIZE(B)", "NAME"]),
        false => Table::new(["NODE", "NAME"]),
    };
    for node in std::mem::take(&mut connections.nodes) {
        let request = ListRequest {
            root: arguments.path.clone(),
            recurse: arguments.recurse,
            recursion_depth: arguments.depth,
            types: arguments
                .types
                .iter()
                .map(|kind| i32::from(*kind))
                .collect(),
            report_xattrs: false,
        };
        let reply = node.client.machine().list(request).await;
        let Some(mut stream) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        loop {
            match stream.message().await {
                Ok(Some(info)) if info.error.is_empty() => {
                    table.row(row(&node.name, &info, arguments.long));
                }
                Ok(Some(info)) => {
                    let error = anyhow::anyhow!("{}: {}", info.name, info.error);
                    connections.failed(&node.name, &error);
                }
                Ok(None) => break,
                Err(status) => {
                    connections.failed(&node.name, &explain(&status));
                    break;
                }
            }
        }
    }
    print!("{}", table.render());
    connections.finish()
}

fn row(node: &str, info: &FileInfo, long: bool) -> Vec<String> {
    let name = match info.link.as_str() {
        "" => info.relative_name.clone(),
        target => format!("{} -> {target}", info.relative_name),
    };
    if !long {
        return vec![node.to_owned(), info.relative_name.clone()];
    }
    vec![
        node.to_owned(),
        mode(info.mode),
        info.uid.to_string(),
        info.gid.to_string(),
        info.size.to_string(),
        name,
    ]
}

/// The mode as people write it; the bits above the permissions are those of Go's `io/fs`.
fn mode(mode: u32) -> String {
    let kinds = [
        (31, 'd'),
        (27, 'L'),
        (26, 'D'),
        (25, 'p'),
        (24, 'S'),
        (21, 'c'),
    ];
    let mut text: String = kinds
        .iter()
        .filter(|(bit, _)| mode >> bit & 1 == 1)
        .map(|(_, letter)| *letter)
        .collect();
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
    use super::mode;

    #[test]
    fn modes_are_written_as_people_know_them() {
        assert_eq!(mode(0o644), "-rw-r--r--");
        assert_eq!(mode(1 << 31 | 0o755), "drwxr-xr-x");
        assert_eq!(mode(1 << 27 | 0o777), "Lrwxrwxrwx");
        assert_eq!(mode(1 << 26 | 1 << 21 | 0o600), "Dcrw-------");
    }
}
