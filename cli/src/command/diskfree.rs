//! `ichor diskfree`.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use ichor_api::cosi::resource::{ListRequest, Resource};
use ichor_api::machine::{StorageServiceStatfsRequest, StorageServiceStatfsResponse};
use serde_json::Value;

use crate::connect::{Connected, NodeFlags, called, read};
use crate::human;
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub(crate) struct Arguments {
    /// A volume, or where it is mounted; without it, all are shown.
    volume: Option<String>,
    /// Show sizes in bytes.
    #[arg(short, long)]
    bytes: bool,
    /// Count files in place of bytes.
    #[arg(short, long, conflicts_with = "bytes")]
    inodes: bool,
    /// Connect to nodes in maintenance mode; the short form of this flag counts files here.
    #[arg(long, help_heading = "Nodes")]
    insecure: bool,
}

const EXAMPLES: &str = "\
A node without volumes shows all mounts that have a size.

Examples:
  ichor --insecure -n 10.5.0.2 diskfree
  ichor --insecure -n 10.5.0.2 df /var --bytes
  ichor --insecure -n 10.5.0.2,10.5.0.3 df -i";

/// A file system that is mounted.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Place {
    /// Absent where it is no volume.
    volume: Option<String>,
    filesystem: String,
    target: String,
}

type Sizes = StorageServiceStatfsResponse;

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let wanted = arguments.volume.as_deref();
    let answers = flags.ask(async |node| measure(node, wanted).await).await?;
    let mut table = Table::new(header(arguments));
    for (node, (place, sizes)) in answers.messages() {
        table.row(row(arguments, node, place, sizes));
    }
    answers.finish(table)
}

async fn measure(node: &Connected, wanted: Option<&str>) -> Result<Vec<(Place, Sizes)>> {
    let mut places = volumes(node).await?;
    if places.is_empty() {
        places = mounts(node).await?;
    }
    let mut measured = Vec::new();
    for place in choose(places, wanted)? {
        let path = place.target.clone();
        let request = StorageServiceStatfsRequest { path };
        match node.client.file_systems().statfs(request).await {
            Ok(reply) => measured.push((place, reply.into_inner())),
            Err(status) => node.complain(&called("Statfs")(status)),
        }
    }
    Ok(measured)
}

fn choose(places: Vec<Place>, wanted: Option<&str>) -> Result<Vec<Place>> {
    let Some(wanted) = wanted else {
        return Ok(places);
    };
    let names: Vec<_> = places.iter().map(|place| place.name().to_owned()).collect();
    let is_wanted = |place: &Place| {
        place.target == wanted || place.volume.as_deref().is_some_and(|id| id == wanted)
    };
    let chosen: Vec<_> = places.into_iter().filter(is_wanted).collect();
    if chosen.is_empty() {
        bail!("{wanted:?} is not mounted; there are: {}", names.join(", "));
    }
    Ok(chosen)
}

impl Place {
    fn name(&self) -> &str {
        self.volume.as_deref().unwrap_or(&self.target)
    }
}

async fn volumes(node: &Connected) -> Result<Vec<Place>> {
    let request = ListRequest {
        namespace: "runtime".into(),
        r#type: "MountStatuses.block.talos.dev".into(),
        options: None,
    };
    let reply = node.client.state().list(request).await;
    let stream = reply.map_err(called("List"))?.into_inner();
    let mut places = Vec::new();
    let listed = read("List", stream, |reply| {
        places.extend(reply.resource.as_ref().map(volume));
        Ok(())
    });
    listed.await?;
    Ok(places)
}

fn volume(resource: &Resource) -> Place {
    let yaml = resource.spec.as_ref().map(|spec| spec.yaml_spec.as_str());
    // What cannot be read has no target, which the node then says.
    let spec: Value = serde_saphyr::from_str(yaml.unwrap_or_default()).unwrap_or_default();
    let text = |value: Option<&Value>| {
        let text = value.and_then(Value::as_str);
        text.unwrap_or_default().to_owned()
    };
    let request = spec.get("spec");
    Place {
        volume: Some(text(request.and_then(|request| request.get("volumeID")))),
        filesystem: text(spec.get("filesystem")),
        target: text(spec.get("target")),
    }
}

async fn mounts(node: &Connected) -> Result<Vec<Place>> {
    let reply = node.client.machine().mounts(()).await;
    let messages = reply.map_err(called("Mounts"))?.into_inner().messages;
    let mounts = messages.into_iter().flat_map(|message| message.stats);
    let places = mounts.filter(|mount| mount.size > 0).map(|mount| Place {
        volume: None,
        filesystem: mount.filesystem,
        target: mount.mounted_on,
    });
    Ok(places.collect())
}

fn header(arguments: &Arguments) -> Vec<&'static str> {
    let middle = match arguments.inodes {
        true => ["INODES", "IUSED", "IFREE", "%IUSED"],
        false => ["SIZE", "USED", "AVAILABLE", "USAGE"],
    };
    [
        &["NODE", "VOLUME", "FILESYSTEM"],
        middle.as_slice(),
        &["MOUNT POINT"],
    ]
    .concat()
}

fn row(arguments: &Arguments, node: &str, place: &Place, sizes: &Sizes) -> Vec<String> {
    let (all, used, free) = match arguments.inodes {
        true => (sizes.inodes, sizes.inodes_used, sizes.inodes_free),
        false => (sizes.size, sizes.used, sizes.available),
    };
    let number = |number| human::size(number, !arguments.bytes && !arguments.inodes);
    vec![
        node.to_owned(),
        place.volume.clone().unwrap_or_else(|| "-".to_owned()),
        place.filesystem.clone(),
        number(all),
        number(used),
        number(free),
        percent(used, free),
        place.target.clone(),
    ]
}

/// What is used, of all that users without privileges may use, rounded up as df(1) does.
fn percent(used: u64, free: u64) -> String {
    match used.saturating_add(free) {
        0 => "-".to_owned(),
        all => format!("{}%", (u128::from(used) * 100).div_ceil(all.into())),
    }
}

#[cfg(test)]
mod tests {
    use ichor_api::cosi::resource::Spec;

    use super::*;

    fn arguments(bytes: bool, inodes: bool) -> Arguments {
        Arguments {
            volume: None,
            bytes,
            inodes,
            insecure: true,
        }
    }

    fn place() -> Place {
        volume(&Resource {
            spec: Some(Spec {
                yaml_spec: "spec:\n    volumeID: EPHEMERAL\nsource: /dev/vda6\ntarget: /var\n\
                            filesystem: xfs\n"
                    .into(),
                ..Spec::default()
            }),
            ..Resource::default()
        })
    }

    #[test]
    fn bytes_or_files_are_counted() {
        let sizes = Sizes {
            size: 6_400_000_000,
            used: 1_000_000_001,
            available: 5_000_000_000,
            inodes: 100,
            inodes_used: 10,
            inodes_free: 90,
        };
        let shown = |arguments: &Arguments| {
            let row = row(arguments, "n", &place(), &sizes);
            assert_eq!(row.len(), header(arguments).len());
            row.join("|")
        };
        assert_eq!(
            shown(&arguments(false, false)),
            "n|EPHEMERAL|xfs|6.4 GB|1.0 GB|5.0 GB|17%|/var"
        );
        assert_eq!(
            shown(&arguments(true, false)),
            "n|EPHEMERAL|xfs|6400000000|1000000001|5000000000|17%|/var"
        );
        assert_eq!(
            shown(&arguments(false, true)),
            "n|EPHEMERAL|xfs|100|10|90|10%|/var"
        );
        assert_eq!(percent(0, 0), "-");
        assert_eq!(percent(u64::MAX, 0), "100%");
    }

    #[test]
    fn a_volume_is_chosen_by_name_or_place() {
        for wanted in [None, Some("EPHEMERAL"), Some("/var")] {
            assert_eq!(choose(vec![place()], wanted).unwrap(), [place()]);
        }
        let error = choose(vec![place()], Some("STATE")).unwrap_err();
        let expected = "\"STATE\" is not mounted; there are: EPHEMERAL";
        assert_eq!(error.to_string(), expected);
    }
}
