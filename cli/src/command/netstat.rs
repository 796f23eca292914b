//! `ichor netstat`.

use anyhow::{Result, bail};
use clap::Args;
use ichor_api::machine::connect_record::TimerActive;
use ichor_api::machine::netstat_request::{Feature, Filter, L4proto, NetNs};
use ichor_api::machine::{ConnectRecord, NetstatRequest};

use crate::connect::{NodeFlags, checked};
use crate::table::Table;

#[derive(Args)]
pub(crate) struct Arguments {
    /// All sockets, not only those that are connected.
    #[arg(short, long, conflicts_with = "listening")]
    all: bool,
    /// Only sockets that wait for a peer.
    #[arg(short, long)]
    listening: bool,
    /// Users and inodes too.
    #[arg(short = 'x', long)]
    extend: bool,
    /// Only IPv4.
    #[arg(short = '4', long)]
    ipv4: bool,
    /// Only IPv6.
    #[arg(short = '6', long)]
    ipv6: bool,
    /// Sockets in the network namespaces of pods too.
    #[arg(short = 'k', long)]
    pods: bool,
    /// Processes that have the sockets open too.
    #[arg(short, long)]
    programs: bool,
    /// Only TCP.
    #[arg(short, long)]
    tcp: bool,
    /// Only UDP.
    #[arg(short, long)]
    udp: bool,
    /// Only UDP-Lite.
    #[arg(short = 'U', long)]
    udplite: bool,
    /// Only raw sockets.
    #[arg(short = 'w', long)]
    raw: bool,
    /// Timers too.
    #[arg(short = 'o', long)]
    timers: bool,
    /// All protocols, not only TCP and UDP.
    #[arg(short, long)]
    verbose: bool,
}

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<()> {
    if arguments.pods {
        bail!("--pods: there are no pods on a node without a configuration yet");
    }
    let mut connections = flags.connect().await?;
    let mut table = Table::new(arguments.header());
    for node in std::mem::take(&mut connections.nodes) {
        let reply = node.client.machine().netstat(arguments.request()).await;
        let Some(reply) = checked(&mut connections, &node.name, reply) else {
            continue;
        };
        for record in reply.messages.iter().flat_map(|each| &each.connectrecord) {
            table.row(arguments.row(&node.name, record));
        }
    }
    print!("{}", table.render());
    connections.finish()
}

impl Arguments {
    fn request(&self) -> NetstatRequest {
        let filter = match (self.all, self.listening) {
            (true, _) => Filter::All,
            (_, true) => Filter::Listening,
            _ => Filter::Connected,
        };
        NetstatRequest {
            filter: filter.into(),
            feature: Some(Feature { pid: self.programs }),
            l4proto: Some(self.protocols()),
            netns: Some(NetNs {
                hostnetwork: true,
                ..NetNs::default()
            }),
        }
    }

    fn protocols(&self) -> L4proto {
        let chosen = self.tcp || self.udp || self.udplite || self.raw;
        let (usual, rare) = (!chosen, !chosen && self.verbose);
        let (four, six) = (self.ipv4 || !self.ipv6, self.ipv6 || !self.ipv4);
        let [tcp, udp] = [self.tcp || usual, self.udp || usual];
        let [udplite, raw] = [self.udplite || rare, self.raw || rare];
        L4proto {
            tcp: tcp && four,
            tcp6: tcp && six,
            udp: udp && four,
            udp6: udp && six,
            udplite: udplite && four,
            udplite6: udplite && six,
            raw: raw && four,
            raw6: raw && six,
        }
    }

    fn header(&self) -> Vec<&'static str> {
        let mut header = vec![
            "NODE",
            "Proto",
            "Recv-Q",
            "Send-Q",
            "Local Address",
            "Foreign Address",
            "State",
        ];
        if self.extend {
            header.extend(["Uid", "Inode"]);
        }
        if self.programs {
            header.push("PID/Program name");
        }
        if self.timers {
            header.push("Timer");
        }
        header
    }

    fn row(&self, node: &str, record: &ConnectRecord) -> Vec<String> {
        let mut row = vec![
            node.to_owned(),
            record.l4proto.clone(),
            record.rxqueue.to_string(),
            record.txqueue.to_string(),
            endpoint(&record.localip, record.localport),
            endpoint(&record.remoteip, record.remoteport),
            state(record),
        ];
        if self.extend {
            row.extend([record.uid.to_string(), record.inode.to_string()]);
        }
        if self.programs {
            row.push(match &record.process {
                Some(process) => format!("{}/{}", process.pid, process.name),
                None => "-".to_owned(),
            });
        }
        if self.timers {
            row.push(timer(record));
        }
        row
    }
}

/// Port 0 stands for any.
fn endpoint(address: &str, port: u32) -> String {
    let port = match port {
        0 => "*".to_owned(),
        port => port.to_string(),
    };
    match address.contains(':') {
        true => format!("[{address}]:{port}"),
        false => format!("{address}:{port}"),
    }
}

/// Sockets without connections have no state that would mean anything.
fn state(record: &ConnectRecord) -> String {
    match record.l4proto.starts_with("tcp") {
        true => record.state().as_str_name().to_owned(),
        false => String::new(),
    }
}

fn timer(record: &ConnectRecord) -> String {
    let name = record.tr().as_str_name().to_lowercase();
    match record.tr() {
        TimerActive::Off => name,
        _ => format!("{name} ({}/{})", record.timerwhen, record.retrnsmt),
    }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    fn request(words: &[&str]) -> NetstatRequest {
        let words = [&["netstat"], words].concat();
        Line::parse_from(words).arguments.request()
    }

    #[test]
    fn flags_choose_protocols_and_sockets() {
        let usual = request(&[]);
        assert_eq!(usual.filter(), Filter::Connected);
        let protocols = usual.l4proto.unwrap();
        assert!(protocols.tcp && protocols.udp6 && !protocols.raw);
        assert!(request(&["-v"]).l4proto.unwrap().raw6);
        let only = request(&["-l", "-t", "-4", "-p"]);
        assert_eq!(only.filter(), Filter::Listening);
        let expected = L4proto {
            tcp: true,
            ..L4proto::default()
        };
        assert_eq!(only.l4proto, Some(expected));
        assert_eq!(only.feature, Some(Feature { pid: true }));
    }

    #[test]
    fn addresses_are_readable() {
        assert_eq!(endpoint("127.0.0.1", 50000), "127.0.0.1:50000");
        assert_eq!(endpoint("::", 0), "[::]:*");
    }
}
