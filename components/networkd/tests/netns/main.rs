//! Tests in network namespaces; they need root.

#[cfg(test)]
mod dhcp;
#[cfg(test)]
mod dnsmasq;
#[cfg(test)]
mod links;
#[cfg(test)]
mod router;
#[cfg(test)]
mod routes;
#[cfg(test)]
mod support;
