//! The client's states (RFC 2131, section 4.4), without sockets and clocks.
//!
//! ```text
//!  Selecting ──offer──> Requesting ──ack──> Bound ──T1──> Renewing ──T2──> Rebinding
//!      ^                    │ nak, 4 tries    ^               │ ack            │ ack
//!      ├────────────────────┘                 ├───────────────┴────────────────┤
//!      ├──── nak, 4 tries ──── Rebooting ─ack─┘                                │
//!      └──────────────────────── nak, or the lease ends <──────────────────────┘
//! ```
//!
//! It begins in Selecting, or in Rebooting with the lease of an earlier process; the same when the
//! carrier comes back, for the cable may lead elsewhere. A lease that nobody confirms there stays in
//! use until it ends, while any server may offer another.
//!
//! Time is the duration since any fixed moment; with an earlier lease, since the moment from which
//! its time counts.

use std::net::Ipv4Addr;
use std::time::Duration;

use super::packet::{EncodeError, Lease, Question, Reply, Sender};
use super::record::Granted;

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
    Lease(Option<Granted>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Phase {
    Selecting,
    Requesting(Box<Lease>),
    Rebooting,
    Bound,
    Renewing,
    Rebinding,
}

pub(super) struct Machine {
    sender: Sender,
    phase: Phase,
    /// The lease in use.
    lease: Option<Granted>,
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

    /// Asks at once whether an earlier lease still holds.
    pub(super) fn resume(sender: Sender, xid: u32, earlier: Granted, now: Duration) -> Self {
        Self {
            phase: Phase::Rebooting,
            lease: Some(earlier),
            ..Self::new(sender, xid, now)
        }
    }

    /// Asks at once: whether the lease still holds, or for one.
    pub(super) fn verify(&mut self, now: Duration) {
        match self.lease {
            Some(_) => self.enter(Phase::Rebooting, now),
            None => self.restart(now),
        }
        self.due = Some(now);
    }

    /// The name that the next questions tell.
    pub(super) fn set_hostname(&mut self, hostname: Option<String>) {
        self.sender.hostname = hostname;
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
        let granted = self.lease.as_ref();
        granted.map(|granted| granted.lease.address.addr())
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
            Phase::Requesting(_) | Phase::Rebooting if self.tries >= REQUESTS_MAX => {
                self.restart(now);
            }
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
            (Phase::Rebooting | Phase::Renewing | Phase::Rebinding, Reply::Ack(lease)) => {
                Ok(self.bind(lease))
            }
            (Phase::Requesting(offer), Reply::Nak { server })
                if server.is_none_or(|server| server == offer.server) =>
            {
                self.restart(now);
                // A server that refuses what it offers must not be asked in a loop.
                self.due = Some(now + FIRST_RETRY);
                Ok(Vec::new())
            }
            (Phase::Rebooting | Phase::Renewing | Phase::Rebinding, Reply::Nak { .. }) => {
                self.lease = None;
                self.restart(now);
                Ok(vec![Action::Lease(None), self.ask(now)?])
            }
            _ => Ok(Vec::new()),
        }
    }

    fn bind(&mut self, lease: Lease) -> Vec<Action> {
        // The lease counts from the question, not from the answer (RFC 2131, section 4.4.1).
        let at = self.asked;
        self.phase = Phase::Bound;
        self.due = lease.duration.map(|_| at + lease.renew_after);
        let granted = Granted { lease, at };
        self.lease = Some(granted.clone());
        vec![Action::Lease(Some(granted))]
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
            Phase::Rebooting => Question::Reboot { address: own },
            Phase::Bound | Phase::Renewing | Phase::Rebinding => Question::Extend { address: own },
        };
        let bytes = self.sender.encode(question, self.xid, seconds)?;
        self.asked = now;
        self.due = Some(now + self.pause(now));
        self.tries += 1;
        Ok(match (&self.phase, &self.lease) {
            (Phase::Renewing, Some(granted)) => Action::Unicast(granted.lease.server, bytes),
            (Phase::Rebinding, _) => Action::Broadcast(own, bytes),
            _ => Action::Broadcast(Ipv4Addr::UNSPECIFIED, bytes),
        })
    }

    /// Until the next question: 1, 2, 4, … seconds, or half of what is left of the phase.
    fn pause(&self, now: Duration) -> Duration {
        let left = match (&self.phase, &self.lease) {
            (Phase::Renewing, Some(granted)) => granted.at + granted.lease.rebind_after,
            (Phase::Rebinding, Some(granted)) => granted.end().unwrap_or(Duration::MAX / 4),
            (_, granted) => {
                let full = (FIRST_RETRY * (1 << self.tries.min(6))).min(LONGEST_RETRY);
                // Up to an eighth less, so that machines started together spread.
                let eighths = full / 8 * (self.xid.rotate_left(self.tries) % 256) / 256;
                let pause = full - eighths;
                // A lease that is not confirmed ends on time.
                let end = granted.as_ref().and_then(Granted::end);
                return end.map_or(pause, |end| pause.min(end.saturating_sub(now)));
            }
        };
        let left = left.saturating_sub(now);
        (left / 2).max(EXTEND_RETRY_MIN).min(left.max(FIRST_RETRY))
    }

    fn is_rebinding_time(&self, now: Duration) -> bool {
        let granted = self.lease.as_ref();
        granted.is_some_and(|granted| now >= granted.at + granted.lease.rebind_after)
    }

    fn lease_ended(&self, now: Duration) -> bool {
        let end = self.lease.as_ref().and_then(Granted::end);
        end.is_some_and(|end| now >= end)
    }
}

#[cfg(test)]
#[path = "machine_tests.rs"]
mod tests;
