//! Nodes that all tests of a program share. They end with the program.
//!
//! A test that changes the node holds the guard meanwhile, and leaves the node as it was.

use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};

use anyhow::{Result, bail};
use ichor_vm::NodeSpec;

use crate::{Booted, Probed};

type Shared<T> = OnceLock<Result<Mutex<T>, String>>;

/// A node of the image that ships.
///
/// # Errors
/// What could not be started, for the first test and all others.
pub fn shared() -> Result<MutexGuard<'static, Booted>> {
    static SHARED: Shared<Booted> = OnceLock::new();
    let node = NodeSpec {
        hot_plug_ports: 2,
        ..NodeSpec::default()
    };
    lock(&SHARED, || Booted::start(node))
}

/// A node with the probe in it, which the first caller starts. It is turned on when an earlier test
/// has left it off.
///
/// # Errors
/// What could not be started, for the first test and all others.
pub fn shared_with_probe(
    start: impl FnOnce() -> Result<Probed>,
) -> Result<MutexGuard<'static, Probed>> {
    static SHARED: Shared<Probed> = OnceLock::new();
    let mut probed = lock(&SHARED, start)?;
    probed.ensure_on()?;
    Ok(probed)
}

fn lock<T>(
    shared: &'static Shared<T>,
    start: impl FnOnce() -> Result<T>,
) -> Result<MutexGuard<'static, T>> {
    let started = shared.get_or_init(|| {
        start()
            .map(Mutex::new)
            .map_err(|error| format!("{error:#}"))
    });
    match started {
        // A test that failed has not broken the node for the others.
        Ok(mutex) => Ok(mutex.lock().unwrap_or_else(PoisonError::into_inner)),
        Err(error) => bail!("{error}"),
    }
}
