//! How long what is waited for may take.

use std::pin::Pin;
use std::task::Context;
use std::time::Duration;

use tokio::time::{Sleep, sleep};

/// A time that something may take.
#[derive(Debug, Default)]
pub(crate) struct Deadline {
    sleep: Option<Pin<Box<Sleep>>>,
    mark: Option<u64>,
}

impl Deadline {
    /// Whether what is marked has been waiting for too long. Another mark is another thing, and no
    /// mark says that nothing waits. The task is woken when the time comes.
    pub(crate) fn has_passed(
        &mut self,
        mark: Option<u64>,
        limit: Duration,
        cx: &mut Context<'_>,
    ) -> bool {
        if mark.is_none() {
            self.mark = None;
            self.sleep = None;
            return false;
        }
        if mark != self.mark || self.sleep.is_none() {
            self.mark = mark;
            self.sleep = Some(Box::pin(sleep(limit)));
        }
        let sleep = self.sleep.as_mut();
        sleep.is_some_and(|sleep| sleep.as_mut().poll(cx).is_ready())
    }
}
