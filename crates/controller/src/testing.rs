//! For tests of controllers: a state that fails on purpose.
//!
//! Tests run on a paused clock (`#[tokio::test(start_paused = true)]`): [`settle`] then returns as
//! soon as nothing is left to do within a day of the test's time, back-off included.

mod faulty;

use std::time::Duration;

pub use faulty::{Faults, FaultyState};

/// Lets everything run that is due within a day of a paused clock.
pub async fn settle() {
    tokio::time::sleep(Duration::from_secs(24 * 60 * 60)).await;
}

/// Lets everything run that is due now: a paused clock moves by one millisecond.
pub async fn tick() {
    tokio::time::sleep(Duration::from_millis(1)).await;
}
