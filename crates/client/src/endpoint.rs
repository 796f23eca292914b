//! How people name a node.

use std::fmt;
use std::net::Ipv6Addr;
use std::str::FromStr;

/// The port of the API.
const DEFAULT_PORT: u16 = 50000;

/// A host name or address, with the port of the API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NodeAddress {
    host: String,
    port: u16,
}

/// What was given does not name a node.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{given:?} is not a node: write HOST, HOST:PORT, or [IPV6]:PORT")]
pub struct EndpointError {
    given: String,
}

impl NodeAddress {
    /// Host name or address, without brackets.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Port of the API.
    pub fn port(&self) -> u16 {
        self.port
    }

    /// Host and port, also when it is the usual one.
    pub fn authority(&self) -> String {
        match self.host.contains(':') {
            true => format!("[{}]:{}", self.host, self.port),
            false => format!("{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for NodeAddress {
    type Err = EndpointError;

    fn from_str(given: &str) -> Result<Self, EndpointError> {
        let error = || EndpointError {
            given: given.to_owned(),
        };
        let (host, port) = match given.strip_prefix('[') {
            Some(rest) => {
                let (host, after) = rest.split_once(']').ok_or_else(error)?;
                match after.strip_prefix(':') {
                    None if !after.is_empty() => return Err(error()),
                    port => (host, port),
                }
            }
            // More than one colon without brackets is an IPv6 address.
            None if given.matches(':').count() > 1 => (given, None),
            None => match given.split_once(':') {
                Some((host, port)) => (host, Some(port)),
                None => (given, None),
            },
        };
        let port = match port {
            Some(port) => port.parse().map_err(|_not_a_port| error())?,
            None => DEFAULT_PORT,
        };
        // A zone such as `%eth0` may follow an address.
        let is_address = || {
            let address = host.split('%').next().unwrap_or_default();
            address.parse::<Ipv6Addr>().is_ok()
        };
        let is_name = !host.is_empty() && !host.contains([':', '[', ']']);
        if host.contains(char::is_whitespace) || !(is_name || is_address()) {
            return Err(error());
        }
        Ok(Self {
            host: host.to_owned(),
            port,
        })
    }
}

impl fmt::Display for NodeAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            DEFAULT_PORT => f.write_str(&self.host),
            _ => f.write_str(&self.authority()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_all_the_ways_to_name_a_node() {
        let cases = [
            ("10.0.0.1", "10.0.0.1", 50000),
            ("node.example:50001", "node.example", 50001),
            ("fe80::1", "fe80::1", 50000),
            ("[fe80::1]:7", "fe80::1", 7),
            ("[::1]", "::1", 50000),
            ("fe80::1%eth0", "fe80::1%eth0", 50000),
        ];
        for (given, host, port) in cases {
            let node: NodeAddress = given.parse().unwrap();
            assert_eq!((node.host(), node.port()), (host, port), "{given}");
            assert_eq!(node.authority().parse(), Ok(node.clone()));
            assert_eq!(node.to_string().parse(), Ok(node));
        }
    }

    #[test]
    fn refuses_what_names_nothing() {
        for given in [
            "", ":1", "a:b", "[::1", "a b", "a:99999", "[::1]x", "::x", "[:8]", "[a:b]", "[]",
        ] {
            assert!(given.parse::<NodeAddress>().is_err(), "{given}");
        }
    }
}
