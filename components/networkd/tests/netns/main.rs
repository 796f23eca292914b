//! Tests in network namespaces; they need root.

#[cfg(test)]
mod dhcp;
