//! What a process leaves to the one that takes its place.
//!
//! PID 1 keeps some memory for it, which no file system shows, and which ends with the machine. It never
//! looks into it.

use std::io;
use std::os::fd::OwnedFd;

use ichor_rights::Service;
use ichor_sys::memory;

/// Of each.
const BYTES: u64 = 4096;

/// The memories of all services.
#[derive(Debug)]
pub(crate) struct Memories {
    made: Vec<Memory>,
}

#[derive(Debug)]
struct Memory {
    service: &'static str,
    name: &'static str,
    file: OwnedFd,
}

impl Memories {
    /// Makes those that `services` have.
    ///
    /// # Errors
    /// When the kernel has no memory.
    pub(crate) fn make(services: impl IntoIterator<Item = &'static Service>) -> io::Result<Self> {
        let mut made = Vec::new();
        for service in services {
            for name in service.rights.memories {
                made.push(Memory {
                    service: service.id,
                    name,
                    file: memory::fixed(name, BYTES)?,
                });
            }
        }
        Ok(Self { made })
    }

    /// What a process of a service is given, with the names.
    ///
    /// # Errors
    /// When one cannot be shared.
    pub(crate) fn of(&self, service: &str) -> io::Result<Vec<(&'static str, OwnedFd)>> {
        let given = self.made.iter().filter(|made| made.service == service);
        given
            .map(|made| Ok((made.name, made.file.try_clone()?)))
            .collect()
    }
}
