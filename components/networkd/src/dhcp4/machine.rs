//! The client's states (RFC 2131, section 4.4), without sockets and clocks.
//!
//! ```text
//!  Selecting ──offer──> Requesting ──ack──> Bound ──T1──> Renewing ──T2──> Rebinding
//!      ^                    │ nak, 4 tries    ^               │ ack            │ ack
//!      ├────────────────────┘                 └───────────────┴────────────────┤
//!      └──────────────────────── nak, or the lease ends <──────────────────────┘
//! ```
//!
//! Time is the duration since any fixed moment.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::packet::{EncodeError, Lease, Question, Reply, Sender};

const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(64);
/// After so many unanswered requests the offer is forgotten.
const REQUESTS_MAX: u32 = 4;
/// While a lease lasts, servers are not asked more often (RFC 2131, section 4.4.5).
const EXTEND_RETRY_MIN: Duration = Duration::from_secs(60);

/// What is to be done.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Action {
    /// Send to everybody on the link, from this address.
    Broadcast(Ipv4Addr, Vec<u8>),
    /// Send from the leased address to the server.
    Unicast(Ipv4Addr, Vec<u8>),
    /// The lease is new, extended, or over.
    Lease(Option<Lease>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Selecting,
    Requesting(Box<Lease>),
    Bound,
    Renewing,
    Rebinding,
}

pub(super) struct Machine {
    sender: Sender,
    phase: Phase,
    /// The lease in use and when it was granted.
    lease: Option<(Lease, Duration)>,
    /// Identifies the exchange.
    xid: u32,
    /// When the exchange began, and when its last question was sent.
    began: Duration,
    asked: Duration,
    tries: u32,
    /// When to act next; `None` waits for packets only.
    due: Option<Duration>,
}

impl Machine {
    /// Asks at once: the first [`Machine::tick`] is due now.
    pub(super) fn new(sender: Sender, xid: u32, now: Duration) -> Self {
        Self {
            sender,
            phase: Phase::Selecting,
            lease: None,
            xid,
            began: now,
            asked: now,
            tries: 0,
            due: Some(now),
        }
    }

    /// When [`Machine::tick`] must be called.
    pub(super) fn due(&self) -> Option<Duration> {
        self.due
    }

    /// Whether packets from the link matter now.
    pub(super) fn listens(&self) -> bool {
        self.phase != Phase::Bound
    }

    /// Whether another interface answers for a lease now.
    pub(super) fn leased_address(&self) -> Option<Ipv4Addr> {
        self.lease.as_ref().map(|(lease, _)| lease.address.addr())
    }

    /// Acts when it is time.
    pub(super) fn tick(&mut self, now: Duration) -> Result<Vec<Action>, EncodeError> {
        if self.due.is_none_or(|due| now < due) {
            return Ok(Vec::new());
        }
        let mut actions = Vec::new();
        if self.lease_ended(now) {
            actions.push(Action::Lease(None));
            self.restart(now);
        }
        match &self.phase {
            Phase::Requesting(_) if self.tries >= REQUESTS_MAX => self.restart(now),
            Phase::Bound => self.enter(Phase::Renewing, now),
            Phase::Renewing if self.is_rebinding_time(now) => self.enter(Phase::Rebinding, now),
            _ => {}
        }
        actions.push(self.ask(now)?);
        Ok(actions)
    }

    /// Looks at a packet.
    pub(super) fn receive(
        &mut self,
        payload: &[u8],
        now: Duration,
    ) -> Result<Vec<Action>, EncodeError> {
        let Some(reply) = self.sender.decode(payload, self.xid) else {
            return Ok(Vec::new());
        };
        match (&self.phase, reply) {
            (Phase::Selecting, Reply::Offer(offer)) => {
                self.phase = Phase::Requesting(Box::new(offer));
                self.tries = 0;
                Ok(vec![self.ask(now)?])
            }
            (Phase::Requesting(offer), Reply::Ack(lease)) if offer.server == lease.server => {
                Ok(self.bind(lease))
            }
            (Phase::Renewing | Phase::Rebinding, Reply::Ack(lease)) => Ok(self.bind(lease)),
            (Phase::Requesting(offer), Reply::Nak { server })
                if server.is_none_or(|server| server == offer.server) =>
            {
                self.restart(now);
                // A server that refuses what it offers must not be asked in a loop.
                self.due = Some(now + FIRST_RETRY);
                Ok(Vec::new())
            }
            (Phase::Renewing | Phase::Rebinding, Reply::Nak { .. }) => {
                self.lease = None;
                self.restart(now);
                Ok(vec![Action::Lease(None), self.ask(now)?])
            }
            _ => Ok(Vec::new()),
        }
    }

    fn bind(&mut self, lease: Lease) -> Vec<Action> {
        // The lease counts from the question, not from the answer (RFC 2131, section 4.4.1).
        let granted = self.asked;
        self.phase = Phase::Bound;
        self.due = lease.duration.map(|_| granted + lease.renew_after);
        self.lease = Some((lease.clone(), granted));
        vec![Action::Lease(Some(lease))]
    }

    fn enter(&mut self, phase: Phase, now: Duration) {
        self.phase = phase;
        self.began = now;
        self.tries = 0;
        self.new_exchange();
    }

    fn restart(&mut self, now: Duration) {
        if self.lease_ended(now) {
            self.lease = None;
        }
        self.enter(Phase::Selecting, now);
    }

    fn new_exchange(&mut self) {
        // Linear congruence with the constants of Numerical Recipes: only has to differ.
        self.xid = self.xid.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    }

    fn ask(&mut self, now: Duration) -> Result<Action, EncodeError> {
        let seconds = now.saturating_sub(self.began).as_secs();
        let seconds = u16::try_from(seconds).unwrap_or(u16::MAX);
        let own = self.leased_address().unwrap_or(Ipv4Addr::UNSPECIFIED);
        let question = match &self.phase {
            Phase::Selecting => Question::Discover,
            Phase::Requesting(offer) => Question::Select {
                address: offer.address.addr(),
                server: offer.server,
            },
            Phase::Bound | Phase::Renewing | Phase::Rebinding => Question::Extend { address: own },
        };
        let bytes = self.sender.encode(question, self.xid, seconds)?;
        self.asked = now;
        self.due = Some(now + self.pause(now));
        self.tries += 1;
        Ok(match (&self.phase, &self.lease) {
            (Phase::Renewing, Some((lease, _))) => Action::Unicast(lease.server, bytes),
            (Phase::Rebinding, _) => Action::Broadcast(own, bytes),
            _ => Action::Broadcast(Ipv4Addr::UNSPECIFIED, bytes),
        })
    }

    /// Until the next question: 1, 2, 4, … seconds, or half of what is left of the phase.
    fn pause(&self, now: Duration) -> Duration {
        let left = match (&self.phase, &self.lease) {
            (Phase::Renewing, Some((lease, granted))) => *granted + lease.rebind_after,
            (Phase::Rebinding, Some((lease, granted))) => {
                *granted + lease.duration.unwrap_or(Duration::MAX / 4)
            }
            _ => {
                let full = (FIRST_RETRY * (1 << self.tries.min(6))).min(LONGEST_RETRY);
                // Up to an eighth less, so that machines started together spread.
                let eighths = full / 8 * (self.xid.rotate_left(self.tries) % 256) / 256;
                return full - eighths;
            }
        };
        let left = left.saturating_sub(now);
        (left / 2).max(EXTEND_RETRY_MIN).min(left.max(FIRST_RETRY))
    }

    fn is_rebinding_time(&self, now: Duration) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|(lease, granted)| now >= *granted + lease.rebind_after)
    }

    fn lease_ended(&self, now: Duration) -> bool {
        let lease = self.lease.as_ref();
        lease.is_some_and(|(lease, granted)| {
            lease
                .duration
                .is_some_and(|duration| now >= *granted + duration)
        })
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
