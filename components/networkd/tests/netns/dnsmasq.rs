//! A real server for DHCP and router advertisements (Debian's dnsmasq-base).

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};

use crate::support::Namespace;

/// Serves `server0` of a namespace; ends when dropped.
pub(crate) struct Dnsmasq(Child);

impl Dnsmasq {
    /// Starts it, and waits for a line of its log with the text `ready`.
    pub(crate) fn start(namespace: &Namespace, arguments: &[&str], ready: &str) -> Self {
        let common = [
            "--keep-in-foreground",
            "--conf-file=/dev/null",
            "--log-facility=-",
            "--port=0",
            "--interface=server0",
            "--bind-interfaces",
            "--leasefile-ro",
            "--pid-file",
            "--user=root",
        ];
        let child = Command::new("ip")
            .args(["netns", "exec", &namespace.name, "dnsmasq"])
            .args(common)
            .args(arguments)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("start dnsmasq");
        let mut server = Self(child);
        server.wait_for(ready);
        server
    }

    fn wait_for(&mut self, ready: &str) {
        let errors = self.0.stderr.take().expect("it is piped");
        let mut lines = BufReader::new(errors).lines();
        let found = lines.by_ref().find(|line| {
            let line = line.as_deref().unwrap_or_default();
            eprintln!("{line}");
            line.contains(ready)
        });
        assert!(found.is_some(), "dnsmasq ended");
        // It must not find its output closed.
        std::thread::spawn(move || lines.for_each(drop));
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        // It may have ended by itself, and then there is nothing to end.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}
