//! A simulated network and rings on it. For tests.
//!
//! Everything follows from the random numbers that the network is given. It
//! asserts what the kernel demands of a reactor, so that a breach is found
//! where it happens. A ring cannot sleep, as all of a simulation is one thread:
//! where io_uring would, its [`wait`](Ring::wait) fails with
//! [`WouldBlock`](io::ErrorKind::WouldBlock), and has to be called again when
//! [`SimulatedNetwork::is_ready`] says so.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::rc::Rc;
use std::sync::Arc;
use std::time::Duration;

use self::datagrams::{DatagramSocket, Messages};
use super::{Completion, Datagram, Group, Kind, Outcome, Ring, Size, Token, Unread};
use crate::base::descriptor::{EventFd, PeerAddress};
use crate::base::simulated::{Random, SimulatedClock};
use crate::base::{Chunk, Clock, Instant, Liveness, liveness};
use crate::limits::RECEIVE_GROUPS_MAX;

mod datagrams;
mod kernel;

/// Descriptors of simulated sockets start here. None is used twice, so that a
/// use after the close is never taken for the use of another socket.
const FIRST_SOCKET: RawFd = 1 << 20;

/// Bytes beside received ones that are overwritten, so that who reads beyond
/// what was received finds frames that nobody sent.
const POISON_BYTES: usize = 32;

/// How often things go wrong, each in percent.
#[derive(Clone, Debug)]
pub struct NetworkFaults {
    /// Receives that bring less than what is there.
    pub short: usize,
    /// Operations that end with a completion although they need not.
    pub ended_early: usize,
    /// Accepts that fail.
    pub accept_failed: usize,
    /// Operations whose completion is late by one wait.
    pub late: usize,
    /// Whether a receive goes into several chunks at once.
    pub bundles: bool,
}

/// Peers, listeners and rings. Clones are the same network.
#[derive(Clone)]
pub struct SimulatedNetwork(Rc<RefCell<Network>>);

/// A ring of one reactor.
pub struct SimulatedRing {
    network: SimulatedNetwork,
    index: usize,
}

struct Network {
    clock: SimulatedClock,
    random: Random,
    faults: NetworkFaults,
    sockets: Vec<Socket>,
    /// Connections that wait to be accepted, of each listener.
    backlogs: BTreeMap<RawFd, VecDeque<RawFd>>,
    /// Sockets of datagrams, by their real descriptors.
    datagrams: BTreeMap<RawFd, DatagramSocket>,
    rings: Vec<RingState>,
}

/// The daemon's side of a connection.
struct Socket {
    address: SocketAddr,
    /// The listening socket, a real one.
    listener: RawFd,
    /// Sent by the peer and not received.
    unread: VecDeque<u8>,
    received: usize,
    is_finished: bool,
    is_reset: bool,
    is_accepted: bool,
    is_closed: bool,
    has_receive: bool,
    /// Whether it was asked who its peer is.
    is_introduced: bool,
}

struct RingState {
    event: Arc<EventFd>,
    chunks_max: usize,
    /// Of each group.
    provided: Vec<Provided>,
    receives: BTreeMap<Token, Receive>,
    accepts: BTreeMap<Token, Accept>,
    watches: BTreeMap<Token, Watch>,
    messages: Messages,
    ready: VecDeque<Completion>,
    /// Whether a wait is under way, and until when at most.
    sleep: Option<Option<Instant>>,
    is_woken: bool,
    is_interrupted: bool,
}

/// The chunks of a group.
#[derive(Default)]
struct Provided {
    whole: VecDeque<Chunk>,
    short: VecDeque<Chunk>,
}

struct Receive {
    socket: RawFd,
    group: Group,
    size: Size,
    is_cancelled: bool,
    /// Whether the kernel has not tried it yet.
    is_new: bool,
}

struct Watch {
    socket: RawFd,
    is_cancelled: bool,
}

struct Accept {
    listener: RawFd,
    is_cancelled: bool,
}

impl SimulatedNetwork {
    /// A network without anything on it.
    pub fn new(clock: SimulatedClock, random: Random, faults: NetworkFaults) -> SimulatedNetwork {
        SimulatedNetwork(Rc::new(RefCell::new(Network {
            clock,
            random,
            faults,
            sockets: Vec::new(),
            backlogs: BTreeMap::new(),
            datagrams: BTreeMap::new(),
            rings: Vec::new(),
        })))
    }

    /// A ring that `event` wakes, of a reactor whose pool has `chunks_max`
    /// chunks. Rings are numbered from 0 on, in order.
    pub fn ring(&self, event: Arc<EventFd>, chunks_max: usize) -> SimulatedRing {
        let mut network = self.0.borrow_mut();
        network.rings.push(RingState {
            event,
            chunks_max,
            provided: (0..RECEIVE_GROUPS_MAX)
                .map(|_| Provided::default())
                .collect(),
            receives: BTreeMap::new(),
            accepts: BTreeMap::new(),
            watches: BTreeMap::new(),
            messages: Messages::default(),
            ready: VecDeque::new(),
            sleep: None,
            is_woken: false,
            is_interrupted: false,
        });
        SimulatedRing {
            network: self.clone(),
            index: network.rings.len() - 1,
        }
    }

    /// Connects a peer to a listening socket. Returns the descriptor that the
    /// daemon's side will have, by which the peer is named too.
    pub fn connect(&self, listener: RawFd, address: SocketAddr) -> RawFd {
        let mut network = self.0.borrow_mut();
        let socket = FIRST_SOCKET + network.sockets.len() as RawFd;
        network.sockets.push(Socket {
            address,
            listener,
            unread: VecDeque::new(),
            received: 0,
            is_finished: false,
            is_reset: false,
            is_accepted: false,
            is_closed: false,
            has_receive: false,
            is_introduced: false,
        });
        network
            .backlogs
            .entry(listener)
            .or_default()
            .push_back(socket);
        socket
    }

    /// The peer sends bytes. They are lost if the daemon has closed already.
    pub fn send(&self, peer: RawFd, bytes: &[u8]) {
        let mut network = self.0.borrow_mut();
        let socket = network.socket(peer);
        assert!(!socket.is_finished && !socket.is_reset);
        if !socket.is_closed {
            socket.unread.extend(bytes);
        }
    }

    /// The peer closes its side: FIN.
    pub fn finish(&self, peer: RawFd) {
        self.0.borrow_mut().socket(peer).is_finished = true;
    }

    /// The connection breaks: RST. What was not received may be lost.
    pub fn reset(&self, peer: RawFd) {
        let mut network = self.0.borrow_mut();
        let loses = network.random.chance(50);
        let socket = network.socket(peer);
        socket.is_reset = true;
        if loses {
            socket.unread.clear();
        }
    }

    /// Bytes of the peer that the daemon has received.
    pub fn received(&self, peer: RawFd) -> usize {
        self.0.borrow_mut().socket(peer).received
    }

    /// Whether the daemon has accepted the peer's connection, and whether it
    /// has closed it.
    pub fn accepted_and_closed(&self, peer: RawFd) -> (bool, bool) {
        let mut network = self.0.borrow_mut();
        let socket = network.socket(peer);
        (socket.is_accepted, socket.is_closed)
    }

    /// Whether a wait of this ring would return.
    pub fn is_ready(&self, ring: usize) -> bool {
        let mut network = self.0.borrow_mut();
        let now = network.clock.now();
        let state = network.ring(ring);
        state.is_woken |= state.event.clear();
        let is_late = state.sleep.flatten().is_some_and(|until| until <= now);
        // Nobody waits yet: the reactor has to come here first.
        state.sleep.is_none()
            || is_late
            || state.is_woken
            || state.is_interrupted
            || !state.ready.is_empty()
            || !network.completable(ring).is_empty()
    }

    /// When the wait that is under way ends by itself.
    pub fn deadline(&self, ring: usize) -> Option<Instant> {
        self.0.borrow_mut().ring(ring).sleep.flatten()
    }

    /// Whole chunks that this ring has and has not used.
    pub fn provided(&self, ring: usize) -> usize {
        self.0.borrow_mut().ring(ring).whole_chunks()
    }

    /// A signal interrupts the wait of this ring: it returns without a
    /// completion.
    pub fn interrupt(&self, ring: usize) {
        self.0.borrow_mut().ring(ring).is_interrupted = true;
    }
}

impl RingState {
    fn chunks(&self, group: Group, size: Size) -> &VecDeque<Chunk> {
        let provided = &self.provided[usize::from(group)];
        match size {
            Size::Short => &provided.short,
            Size::Whole => &provided.whole,
        }
    }

    fn chunks_mut(&mut self, group: Group, size: Size) -> &mut VecDeque<Chunk> {
        let provided = &mut self.provided[usize::from(group)];
        match size {
            Size::Short => &mut provided.short,
            Size::Whole => &mut provided.whole,
        }
    }

    /// Whole chunks of all groups.
    fn whole_chunks(&self) -> usize {
        self.provided.iter().map(|group| group.whole.len()).sum()
    }
}

impl Receive {
    fn kind(&self) -> Kind {
        self.size.kind(self.group)
    }
}

impl Ring for SimulatedRing {
    fn accept(&mut self, listener: RawFd, token: Token) {
        let mut network = self.network.0.borrow_mut();
        let accept = Accept {
            listener,
            is_cancelled: false,
        };
        let before = network.ring(self.index).accepts.insert(token, accept);
        assert!(before.is_none(), "an accept was started twice");
    }

    fn receive(&mut self, socket: RawFd, group: Group, size: Size, token: Token) {
        let mut network = self.network.0.borrow_mut();
        let receive = Receive {
            socket,
            group,
            size,
            is_cancelled: false,
            is_new: true,
        };
        let before = network.ring(self.index).receives.insert(token, receive);
        assert!(before.is_none(), "two receives have the same token");
        let socket = network.socket(socket);
        assert!(socket.is_accepted && !socket.is_closed, "not open");
        assert!(!socket.has_receive, "a receive was started twice");
        socket.has_receive = true;
    }

    fn cancel(&mut self, kind: Kind, token: Token) {
        let mut network = self.network.0.borrow_mut();
        let state = network.ring(self.index);
        // What has ended already cannot be cancelled: ENOENT, which nobody
        // waits for.
        match kind {
            Kind::Accept => {
                if let Some(accept) = state.accepts.get_mut(&token) {
                    accept.is_cancelled = true;
                }
            }
            Kind::Receive(_) | Kind::ReceiveShort(_) => {
                let receive = state.receives.get_mut(&token);
                if let Some(receive) = receive.filter(|receive| receive.kind() == kind) {
                    receive.is_cancelled = true;
                }
            }
            Kind::ReceiveMessage => state.messages.cancel(token),
            Kind::Watch => {
                if let Some(watch) = state.watches.get_mut(&token) {
                    watch.is_cancelled = true;
                }
            }
        }
    }

    fn receive_messages(&mut self, socket: RawFd, token: Token) {
        let mut network = self.network.0.borrow_mut();
        network.ring(self.index).messages.start(socket, token);
    }

    fn datagram<'a>(&self, chunk: &'a Chunk, len: usize) -> Option<Datagram<'a>> {
        datagrams::read(chunk, len)
    }

    fn provide_datagram(&mut self, chunk: Chunk) {
        let mut network = self.network.0.borrow_mut();
        network.ring(self.index).messages.provide(chunk);
    }

    fn dropped(&self, socket: RawFd) -> io::Result<u32> {
        Ok(self.network.0.borrow_mut().dropped(socket))
    }

    fn watch(&mut self, socket: RawFd, token: Token) {
        let mut network = self.network.0.borrow_mut();
        let watch = Watch {
            socket,
            is_cancelled: false,
        };
        // One that was cancelled may not have completed.
        let before = network.ring(self.index).watches.insert(token, watch);
        assert!(
            before.is_none_or(|before| before.is_cancelled),
            "watched twice"
        );
        assert!(!network.socket(socket).is_closed, "not open");
    }

    fn unread(&self, socket: RawFd) -> Unread {
        let mut network = self.network.0.borrow_mut();
        if let Some(datagrams) = network.datagrams.get(&socket) {
            return datagrams.unread();
        }
        let socket = network.socket(socket);
        if !socket.unread.is_empty() {
            Unread::Bytes
        } else if socket.is_reset {
            Unread::Failed(io::Error::from_raw_os_error(libc::ECONNRESET))
        } else if socket.is_finished {
            Unread::End
        } else {
            Unread::Nothing
        }
    }

    fn read(&mut self, socket: RawFd, buffer: &mut [u8]) -> io::Result<usize> {
        let mut network = self.network.0.borrow_mut();
        let socket = network.socket(socket);
        assert!(!socket.is_closed, "not open");
        assert!(!socket.has_receive, "a receive is under way");
        if socket.unread.is_empty() {
            return match (socket.is_reset, socket.is_finished) {
                (true, _) => Err(io::Error::from_raw_os_error(libc::ECONNRESET)),
                (false, true) => Ok(0),
                (false, false) => Err(io::ErrorKind::WouldBlock.into()),
            };
        }
        let len = socket.unread.len().min(buffer.len());
        for (place, byte) in buffer.iter_mut().zip(socket.unread.drain(..len)) {
            *place = byte;
        }
        socket.received += len;
        Ok(len)
    }

    fn peer(&self, socket: RawFd) -> io::Result<PeerAddress> {
        let mut network = self.network.0.borrow_mut();
        let socket = network.socket(socket);
        assert!(socket.is_accepted && !socket.is_closed, "not open");
        // Each time costs a system call.
        assert!(!socket.is_introduced, "its peer is known");
        socket.is_introduced = true;
        if socket.is_reset {
            return Err(io::Error::from_raw_os_error(libc::ENOTCONN));
        }
        Ok(PeerAddress::Ip(socket.address))
    }

    fn liveness(&self, socket: RawFd) -> io::Result<Liveness> {
        let mut network = self.network.0.borrow_mut();
        liveness::of_descriptor(network.socket(socket).listener)
    }

    fn close(&mut self, socket: RawFd) {
        let mut network = self.network.0.borrow_mut();
        let mut watches = network.ring(self.index).watches.values();
        let holds = |watch: &Watch| watch.socket == socket && !watch.is_cancelled;
        assert!(!watches.any(holds), "closed with a watch under way");
        let socket = network.socket(socket);
        assert!(socket.is_accepted, "closed before it was accepted");
        assert!(!socket.is_closed, "closed twice");
        assert!(!socket.has_receive, "closed with a receive under way");
        socket.is_closed = true;
        socket.unread.clear();
    }

    fn provide(&mut self, group: Group, size: Size, chunk: Chunk) {
        let mut network = self.network.0.borrow_mut();
        let state = network.ring(self.index);
        let is_provided = |other: &Chunk| other.index() == chunk.index();
        let chunks = state.chunks_mut(group, size);
        assert!(!chunks.iter().any(is_provided), "provided twice");
        chunks.push_back(chunk);
        assert!(state.whole_chunks() <= state.chunks_max);
    }

    fn provided(&self, group: Group, size: Size) -> usize {
        let mut network = self.network.0.borrow_mut();
        network.ring(self.index).chunks(group, size).len()
    }

    fn poll(&mut self) -> io::Result<usize> {
        let mut network = self.network.0.borrow_mut();
        if network.ring(self.index).ready.is_empty() {
            network.run(self.index);
        }
        Ok(network.ring(self.index).ready.len())
    }

    fn rest(&mut self, _time: Duration) {}

    /// Never sleeps.
    ///
    /// # Errors
    /// `WouldBlock` where io_uring would sleep.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<()> {
        let mut network = self.network.0.borrow_mut();
        let now = network.clock.now();
        if network.ring(self.index).ready.is_empty() {
            network.run(self.index);
        }
        let state = network.ring(self.index);
        if std::mem::take(&mut state.is_woken) | state.event.clear() {
            state.ready.push_back(Completion {
                token: 0,
                outcome: Outcome::Woken,
                is_last: false,
            });
        }
        let until = *state
            .sleep
            .get_or_insert_with(|| timeout.map(|timeout| now + timeout));
        let is_late = until.is_some_and(|until| until <= now);
        if std::mem::take(&mut state.is_interrupted) || is_late || !state.ready.is_empty() {
            state.sleep = None;
            return Ok(());
        }
        Err(io::ErrorKind::WouldBlock.into())
    }

    fn complete(&mut self) -> Option<Completion> {
        let mut network = self.network.0.borrow_mut();
        network.ring(self.index).ready.pop_front()
    }
}

impl Drop for SimulatedRing {
    /// Chunks that were provided, or that nobody fetched, go back.
    fn drop(&mut self) {
        // Borrowed only where an assertion about the network has failed.
        if let Ok(mut network) = self.network.0.try_borrow_mut() {
            let state = network.ring(self.index);
            state.provided.fill_with(Provided::default);
            state.messages.clear();
            state.ready.clear();
        }
    }
}
