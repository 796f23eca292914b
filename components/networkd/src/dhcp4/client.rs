//! Runs the state machine on a link.

use std::future::pending;
use std::io;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ichor_controller::{Backoff, Waker};
use ichor_sys::packet;
use rustix::time::{ClockId, clock_gettime};
use tokio::io::unix::AsyncFd;
use tokio::net::UdpSocket;
use tokio::sync::Notify;
use tokio::time::Instant;
use tokio_util::task::AbortOnDropHandle;

use super::ip::{self, CLIENT_PORT, SERVER_PORT};
use super::machine::{Action, Machine};
use super::packet::{EncodeError, Sender};
use super::record::Granted;

/// More than any DHCP message over Ethernet.
const PACKET_MAX: usize = 2048;

/// What makes one client differ from another.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Settings {
    pub(crate) link_index: u32,
    pub(crate) hardware_address: [u8; 6],
}

/// A running client; it stops when dropped, and the lease is not given back.
pub(crate) struct Client {
    settings: Settings,
    lease: Arc<Mutex<Option<Granted>>>,
    hostname: Arc<Mutex<Option<String>>>,
    carrier: Arc<Notify>,
    task: AbortOnDropHandle<()>,
}

/// Why the client starts again.
#[derive(Debug, thiserror::Error)]
enum ClientError {
    #[error("open a packet socket on link {link_index}")]
    Open { link_index: u32, source: io::Error },
    #[error("receive on link {link_index}")]
    Receive { link_index: u32, source: io::Error },
    #[error(transparent)]
    Encode(#[from] EncodeError),
}

impl Client {
    /// Starts to ask at once, with an earlier lease for that one. `waker` is woken when the lease
    /// changes.
    pub(crate) fn start(
        settings: Settings,
        earlier: Option<Granted>,
        seed: u64,
        waker: Waker,
    ) -> Self {
        let lease = Arc::new(Mutex::new(earlier));
        let hostname = Arc::default();
        let carrier = Arc::new(Notify::new());
        let link = Link {
            hostname: Arc::clone(&hostname),
            carrier: Arc::clone(&carrier),
            settings: settings.clone(),
            lease: Arc::clone(&lease),
            waker: waker.clone(),
            seed,
        };
        Self {
            settings,
            lease,
            hostname,
            carrier,
            task: spawn(link.run(), waker),
        }
    }

    /// The name that servers are told from the next question on.
    pub(crate) fn set_hostname(&self, name: Option<String>) {
        *lock(&self.hostname) = name;
    }

    pub(crate) fn hostname(&self) -> Option<String> {
        lock(&self.hostname).clone()
    }

    /// Tells it that the carrier is back: the lease has to be confirmed.
    pub(crate) fn carrier_returned(&self) {
        self.carrier.notify_one();
    }

    /// Whether it has panicked.
    pub(crate) fn has_ended(&self) -> bool {
        self.task.is_finished()
    }

    pub(crate) fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The lease in use.
    pub(crate) fn lease(&self) -> Option<Granted> {
        lock(&self.lease).clone()
    }
}

/// A panic while the lock was held leaves the value usable: each change is one assignment.
fn lock<T>(value: &Mutex<T>) -> MutexGuard<'_, T> {
    value.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The time since the machine's start, which is the same for each of its processes.
pub(crate) fn since_start() -> Duration {
    let now = clock_gettime(ClockId::Boottime);
    let seconds = u64::try_from(now.tv_sec).unwrap_or_default();
    Duration::new(seconds, u32::try_from(now.tv_nsec).unwrap_or_default())
}

/// The machine's time, as `tokio` sleeps by it.
struct Clock {
    began: Instant,
    offset: Duration,
}

impl Clock {
    fn start() -> Self {
        Self {
            began: Instant::now(),
            offset: since_start(),
        }
    }

    fn now(&self) -> Duration {
        self.offset + self.began.elapsed()
    }

    fn instant(&self, time: Duration) -> Instant {
        self.began + time.saturating_sub(self.offset)
    }
}

/// Runs a task that ends by a panic only; then whoever holds its client has to know.
fn spawn(work: impl Future<Output = ()> + Send + 'static, waker: Waker) -> AbortOnDropHandle<()> {
    AbortOnDropHandle::new(tokio::spawn(async move {
        let _woken_at_the_end = WakeOnDrop(waker);
        work.await;
    }))
}

struct WakeOnDrop(Waker);

impl Drop for WakeOnDrop {
    fn drop(&mut self) {
        self.0.wake();
    }
}

struct Link {
    settings: Settings,
    lease: Arc<Mutex<Option<Granted>>>,
    hostname: Arc<Mutex<Option<String>>>,
    carrier: Arc<Notify>,
    waker: Waker,
    seed: u64,
}

impl Link {
    async fn run(self) {
        let mut backoff = Backoff::new(self.seed);
        let sender = Sender {
            hardware_address: self.settings.hardware_address,
            hostname: None,
        };
        let xid = u32::try_from(self.seed >> 32).unwrap_or_default();
        let clock = Clock::start();
        let earlier = lock(&self.lease).clone();
        let mut machine = match earlier {
            Some(earlier) => Machine::resume(sender, xid, earlier, clock.now()),
            None => Machine::new(sender, xid, clock.now()),
        };
        loop {
            let Err(error) = self.exchange(&mut machine, &clock).await;
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(%error, cause, "DHCP pauses");
            tokio::time::sleep(backoff.next_pause()).await;
        }
    }

    /// Runs until something fails; the machine keeps its lease over that.
    async fn exchange(
        &self,
        machine: &mut Machine,
        clock: &Clock,
    ) -> Result<std::convert::Infallible, ClientError> {
        // Open only while an answer may come: then nothing wakes an idle client but its timer.
        let mut raw: Option<AsyncFd<OwnedFd>> = None;
        // Held during a renewal, so that the kernel does not refuse the server's answer.
        let mut udp: Option<UdpSocket> = None;
        let mut buffer = [0; PACKET_MAX];
        loop {
            let due = machine.due();
            let socket = match raw.take() {
                Some(socket) => Some(socket),
                None if machine.listens() || due.is_some_and(|due| due <= clock.now()) => {
                    Some(self.open()?)
                }
                None => None,
            };
            let actions = tokio::select! {
                // The socket is opened first, so that no answer is missed.
                () = wait_until(due.map(|due| clock.instant(due))) => match &socket {
                    Some(_) => {
                        machine.set_hostname(lock(&self.hostname).clone());
                        machine.tick(clock.now())?
                    }
                    None => continue,
                },
                () = self.carrier.notified() => {
                    machine.verify(clock.now());
                    Vec::new()
                }
                received = receive(socket.as_ref(), &mut buffer) => {
                    machine.set_hostname(lock(&self.hostname).clone());
                    let length = received.map_err(|source| self.receive_error(source))?;
                    let packet = buffer.get(..length).unwrap_or_default();
                    match ip::payload(packet) {
                        Some(payload) => machine.receive(payload, clock.now())?,
                        None => Vec::new(),
                    }
                }
            };
            for action in actions {
                self.act(action, machine, socket.as_ref(), &mut udp).await;
            }
            raw = socket.filter(|_| machine.listens());
            if !machine.listens() {
                udp = None;
            }
        }
    }

    async fn act(
        &self,
        action: Action,
        machine: &Machine,
        raw: Option<&AsyncFd<OwnedFd>>,
        udp: &mut Option<UdpSocket>,
    ) {
        let sent = match action {
            Action::Lease(lease) => {
                self.publish(lease);
                return;
            }
            Action::Broadcast(source, payload) => self.broadcast(raw, source, &payload),
            Action::Unicast(server, payload) => {
                unicast(udp, machine.leased_address(), server, &payload).await
            }
        };
        // A packet that is lost here is like one lost on the wire: it is sent again.
        if let Err(error) = sent {
            tracing::debug!(%error, link = self.settings.link_index, "DHCP packet not sent");
        }
    }

    fn broadcast(
        &self,
        raw: Option<&AsyncFd<OwnedFd>>,
        source: Ipv4Addr,
        payload: &[u8],
    ) -> io::Result<()> {
        let Some(raw) = raw else {
            return Err(io::ErrorKind::NotConnected.into());
        };
        let packet = ip::broadcast(source, payload).ok_or(io::ErrorKind::InvalidInput)?;
        packet::send_broadcast(raw.get_ref().as_fd(), self.settings.link_index, &packet)
    }

    fn publish(&self, granted: Option<Granted>) {
        match &granted {
            Some(Granted { lease, .. }) => tracing::info!(
                link = self.settings.link_index,
                address = %lease.address,
                server = %lease.server,
                "DHCP lease"
            ),
            None => tracing::warn!(link = self.settings.link_index, "DHCP lease lost"),
        }
        *lock(&self.lease) = granted;
        self.waker.wake();
    }

    #[expect(
        deprecated,
        reason = "its replacement is unsafe, and an OwnedFd always names the same descriptor"
    )]
    fn open(&self) -> Result<AsyncFd<OwnedFd>, ClientError> {
        let link_index = self.settings.link_index;
        packet::open_udp(link_index, CLIENT_PORT)
            .and_then(AsyncFd::new)
            .map_err(|source| ClientError::Open { link_index, source })
    }

    fn receive_error(&self, source: io::Error) -> ClientError {
        ClientError::Receive {
            link_index: self.settings.link_index,
            source,
        }
    }
}

async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due).await,
        None => pending().await,
    }
}

/// Cancel-safe: a packet is taken only when it is returned.
async fn receive(socket: Option<&AsyncFd<OwnedFd>>, buffer: &mut [u8]) -> io::Result<usize> {
    let Some(socket) = socket else {
        return pending().await;
    };
    loop {
        let mut ready = socket.readable().await?;
        let received = ready.try_io(|socket| {
            let flags = rustix::net::RecvFlags::empty();
            let (length, _) = rustix::net::recv(socket.get_ref(), &mut *buffer, flags)?;
            Ok(length)
        });
        match received {
            // A link that went down says so once; it may come up again.
            Ok(Err(error)) if error.kind() == io::ErrorKind::NetworkDown => {}
            Ok(result) => return result,
            Err(_would_block) => {}
        }
    }
}

async fn unicast(
    udp: &mut Option<UdpSocket>,
    own: Option<Ipv4Addr>,
    server: Ipv4Addr,
    payload: &[u8],
) -> io::Result<()> {
    let own = own.ok_or(io::ErrorKind::AddrNotAvailable)?;
    let socket = match udp.take() {
        Some(socket) => socket,
        None => UdpSocket::bind(SocketAddrV4::new(own, CLIENT_PORT)).await?,
    };
    let sent = socket
        .send_to(payload, SocketAddrV4::new(server, SERVER_PORT))
        .await;
    *udp = Some(socket);
    sent.map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_wakes_whoever_holds_the_client() {
        let waker = Waker::default();
        let task = spawn(async { panic!("a fault in the client") }, waker.clone());
        while !task.is_finished() {
            tokio::task::yield_now().await;
        }
        assert_eq!(waker.count(), 1);
    }
}
