//! One call while it lasts: what it holds, why it ends, and whether its client takes the answer.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use hyper::rt::Executor;
use tokio::time::sleep;
use tokio_util::sync::CancellationToken;

use crate::limits;
use crate::places::{Place, Places};
use crate::source::Source;

tokio::task_local! {
    /// The call that a task serves.
    static CURRENT: Arc<Call>;
}

/// Why a call is not served to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Problem {
    /// It sent a message above the limit.
    TooLarge,
    /// It sent a large message while others do.
    TooManyLarge,
    /// It did not come to the end of what it began to send.
    Unfinished,
}

/// What calls are counted by.
#[derive(Debug)]
pub(crate) struct Counters {
    calls: Arc<Places>,
    large: Arc<Places>,
}

impl Counters {
    pub(crate) fn new() -> Self {
        use crate::places::WhenFull::Refuse;
        Self {
            calls: Places::new(limits::CALLS_MAX, limits::CALLS_EACH_MAX, Refuse),
            large: Places::new(limits::LARGE_MAX, limits::LARGE_EACH_MAX, Refuse),
        }
    }
}

/// The state of one call.
#[derive(Debug, Default)]
pub(crate) struct Call {
    /// Cancelled when others need its place more.
    ended: CancellationToken,
    places: Mutex<Vec<Place>>,
    problem: OnceLock<Problem>,
    /// Whether the client's side has asked for more of the answer since it got the last of it.
    asked: AtomicBool,
    /// Parts of the answer that the client's side got.
    given: AtomicU64,
}

impl Call {
    /// The call that this task serves; a new one where nobody watches.
    pub(crate) fn current() -> Arc<Self> {
        CURRENT.try_with(Arc::clone).unwrap_or_default()
    }

    /// Counts it for a source. `false` says that the source has too many.
    pub(crate) fn admit(&self, source: Source, counters: &Counters) -> bool {
        self.hold(counters.calls.take(source, self.ended.clone()))
    }

    /// Decides on a message of this size.
    ///
    /// # Errors
    /// The problem, which is the call's from now on.
    pub(crate) fn admit_large(
        &self,
        bytes: u32,
        source: Source,
        counters: &Counters,
    ) -> Result<(), Problem> {
        let problem = if bytes > limits::MESSAGE_MAX {
            Problem::TooLarge
        } else if self.holds_large() || self.hold(counters.large.take(source, self.ended.clone())) {
            return Ok(());
        } else {
            Problem::TooManyLarge
        };
        Err(self.fail(problem))
    }

    /// Notes why it is not served to its end. The first reason stays.
    pub(crate) fn fail(&self, problem: Problem) -> Problem {
        *self.problem.get_or_init(|| problem)
    }

    pub(crate) fn problem(&self) -> Option<Problem> {
        self.problem.get().copied()
    }

    /// What ends it from outside.
    pub(crate) fn ended(&self) -> &CancellationToken {
        &self.ended
    }

    /// The client's side asks for more of the answer.
    pub(crate) fn ask(&self) {
        self.asked.store(true, Ordering::Relaxed);
    }

    /// The client's side got a part of the answer.
    pub(crate) fn give(&self) {
        self.given.fetch_add(1, Ordering::Relaxed);
        self.asked.store(false, Ordering::Relaxed);
    }

    /// Returns when the client has left a part of the answer where it is for too long.
    async fn stalled(&self) {
        loop {
            let before = self.given.load(Ordering::Relaxed);
            sleep(limits::STALLED_MAX).await;
            let is_same = before == self.given.load(Ordering::Relaxed);
            if is_same && before > 0 && !self.asked.load(Ordering::Relaxed) {
                return;
            }
        }
    }

    fn holds_large(&self) -> bool {
        self.lock().len() > 1
    }

    fn hold(&self, place: Option<Place>) -> bool {
        let found = place.is_some();
        self.lock().extend(place);
        found
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Runs the tasks of a connection: each has a [`Call`], and is dropped when the call has to end,
/// which resets its stream.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Calls;

impl<F> Executor<F> for Calls
where
    F: Future<Output = ()> + Send + 'static,
{
    fn execute(&self, serve: F) {
        let call = Arc::new(Call::default());
        let watched = Arc::clone(&call);
        tokio::spawn(CURRENT.scope(call, async move {
            tokio::select! {
                () = serve => {}
                () = watched.stalled() => {}
                () = watched.ended.cancelled() => {}
            }
        }));
    }
}

#[cfg(test)]
mod tests {
    use std::net::IpAddr;
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::Instant;

    use super::*;

    /// Seconds to wait, and what to do then.
    type Step = (u64, fn(&Call));

    /// A task that does with its call what it is told to; the receiver ends with it.
    fn run(steps: Vec<Step>) -> mpsc::Receiver<()> {
        let (alive, gone) = mpsc::channel(1);
        Calls.execute(async move {
            let call = Call::current();
            for (seconds, step) in steps {
                sleep(Duration::from_secs(seconds)).await;
                step(&call);
            }
            std::future::pending::<()>().await;
            drop(alive);
        });
        gone
    }

    #[tokio::test(start_paused = true)]
    async fn an_answer_that_is_not_taken_ends_the_call() {
        let begun = Instant::now();
        run(vec![(0, Call::ask), (400, Call::give)]).recv().await;
        let waited = begun.elapsed() - Duration::from_secs(400);
        assert!(waited >= limits::STALLED_MAX && waited <= 2 * limits::STALLED_MAX);
    }

    #[tokio::test(start_paused = true)]
    async fn waiting_for_a_component_does_not() {
        for steps in [vec![], vec![(0, Call::give as fn(&Call)), (1, Call::ask)]] {
            let mut gone = run(steps);
            let day = Duration::from_secs(86_400);
            assert!(tokio::time::timeout(day, gone.recv()).await.is_err());
        }
    }

    #[test]
    fn large_messages_are_few() {
        let source = Source::from(IpAddr::from([10, 0, 0, 1]));
        let counters = Counters::new();
        let calls: Vec<_> = (0..3).map(|_| Call::default()).collect();
        let admit = |call: &Call, bytes| call.admit_large(bytes, source, &counters);
        for call in &calls {
            assert!(call.admit(source, &counters));
        }
        assert_eq!(admit(&calls[0], 100_000), Ok(()));
        assert_eq!(admit(&calls[0], 100_000), Ok(()), "it counts already");
        assert_eq!(admit(&calls[1], limits::MESSAGE_MAX), Ok(()));
        assert_eq!(admit(&calls[2], 100_000), Err(Problem::TooManyLarge));
        assert_eq!(calls[2].problem(), Some(Problem::TooManyLarge));
        let over = limits::MESSAGE_MAX + 1;
        assert_eq!(admit(&calls[1], over), Err(Problem::TooLarge));
    }
}
