//! Controllers: small idempotent passes over the resource state, and what runs them.
//!
//! A [`Controller`] declares what it reads ([`Input`]) and writes ([`Output`]) and has one method that
//! looks at the present state and brings its outputs, and the effect it owns, in line with it. The
//! [`Runtime`] owns everything around that pass: watches, wake-ups, back-off, panics, shutdown, the
//! removal of outputs that a pass did not write, and statistics.
//!
//! ```text
//!            watch of an input ──┐
//!  Waker (netlink, a socket, …) ─┼─> woken ─> pass ─ Ok ─> stale outputs removed ─> idle
//!      Ctx::wake_after, a timer ─┘              └─ Err, panic ─> back-off ─> pass again
//! ```
//!
//! Guarantees: a change of an input leads to a pass that sees it, also after a lost watch; changes
//! that come while a pass runs lead to one more pass, not to one each; a controller that fails or
//! panics delays only itself; without changes nothing runs.
//!
//! Assumptions: nothing but the trait `State` is used, so the state may be in this process or
//! behind a socket; a pass may be dropped at any `.await`.

mod backoff;
mod controller;
mod ctx;
mod declare;
mod error;
mod replica;
mod report;
mod runtime;
mod stats;
mod transform;
mod wake;
mod watch;
mod worker;

#[cfg(feature = "testing")]
pub mod testing;

pub use backoff::Backoff;
pub use controller::Controller;
pub use ctx::Ctx;
pub use declare::{Edge, EdgeKind, Input, Output};
pub use error::{ReconcileError, RegisterError};
pub use runtime::{Observer, Runtime};
pub use stats::ControllerStats;
pub use transform::Transform;
pub use wake::Waker;
