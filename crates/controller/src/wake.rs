//! Wake-ups: many causes, one pass.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::FutureExt;
use tokio::sync::Notify;

/// Wakes one controller. Wake-ups that come before the next pass begins are one.
#[derive(Clone, Debug, Default)]
pub struct Waker(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    notify: Notify,
    count: AtomicU64,
}

impl Waker {
    /// A handle that belongs to no controller yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for a pass; never blocks, and is remembered when a pass runs already.
    pub fn wake(&self) {
        self.0.count.fetch_add(1, Ordering::Relaxed);
        self.0.notify.notify_one();
    }

    /// How often [`Waker::wake`] was called.
    pub fn count(&self) -> u64 {
        self.0.count.load(Ordering::Relaxed)
    }

    /// Waits for the next wake-up, or takes one that is due. Cancel-safe.
    pub(crate) async fn woken(&self) {
        self.0.notify.notified().await;
        // Wake-ups since the first one are served by the same pass, so their permit is taken too.
        let _taken: Option<()> = self.0.notify.notified().now_or_never();
    }
}
