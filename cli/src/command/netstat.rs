//! `ichor netstat`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use ichor_api::machine::netstat_request::{Feature, Filter, L4proto, NetNs};
use ichor_api::machine::{ConnectRecord, NetstatRequest};

use crate::connect::{NodeFlags, called};
use crate::table::Table;

#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
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

const EXAMPLES: &str = "\
Examples:
  ichor -i -n 10.5.0.2 netstat
  ichor -i -n 10.5.0.2 netstat --listening --tcp --programs
  ichor -i -n 10.5.0.2 ss -at4";

pub(crate) async fn run(flags: &NodeFlags, arguments: &Arguments) -> Result<ExitCode> {
    let asked = flags.ask(async |node| {
        let reply = node.client.machine().netstat(arguments.request()).await;
        Ok(reply.map_err(called("Netstat"))?.into_inner().messages)
    });
    let answers = asked.await?;
    let mut table = Table::new(arguments.header());
    for (node, message) in answers.messages() {
        for record in &message.connectrecord {
            table.row(arguments.row(node, record));
        }
    }
    answers.finish(table)
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

/// Which timer runs, the seconds until it ends, how often was sent again, and how often was probed.
fn timer(record: &ConnectRecord) -> String {
    let name = record.tr().as_str_name().to_lowercase();
    // The kernel counts hundredths.
    let (seconds, hundredths) = (record.timerwhen / 100, record.timerwhen % 100);
    let (retransmits, timeout) = (record.retrnsmt, record.timeout);
    format!("{name} ({seconds}.{hundredths:02}/{retransmits}/{timeout})")
}

#[cfg(test)]
mod tests {
    use clap::Parser;
    use ichor_api::machine::connect_record::TimerActive;

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
    fn timers_are_in_seconds() {
        let mut record = ConnectRecord::default();
        assert_eq!(timer(&record), "off (0.00/0/0)");
        record.set_tr(TimerActive::Keepalive);
        record.timerwhen = 4305;
        record.retrnsmt = 1;
        assert_eq!(timer(&record), "keepalive (43.05/1/0)");
    }

    #[test]
    fn addresses_are_readable() {
        assert_eq!(endpoint("127.0.0.1", 50000), "127.0.0.1:50000");
        assert_eq!(endpoint("::", 0), "[::]:*");
    }
}
