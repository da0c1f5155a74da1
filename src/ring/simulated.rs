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
use super::{Completion, Datagram, Group, Kind, Outcome, Received, Ring, Size, Token, Unread};
use crate::base::descriptor::{EventFd, PeerAddress};
use crate::base::simulated::{Random, SimulatedClock};
use crate::base::{Chunk, Clock, Instant, Liveness, liveness};
use crate::limits::RECEIVE_GROUPS_MAX;

mod datagrams;

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

impl Network {
    fn socket(&mut self, socket: RawFd) -> &mut Socket {
        &mut self.sockets[(socket - FIRST_SOCKET) as usize]
    }

    fn ring(&mut self, index: usize) -> &mut RingState {
        &mut self.rings[index]
    }

    /// The operations of a ring that can complete now.
    fn completable(&self, ring: usize) -> Vec<(Kind, Token)> {
        let state = &self.rings[ring];
        let accepts = state.accepts.iter().filter(|(_, accept)| {
            let waits = |backlog: &VecDeque<RawFd>| !backlog.is_empty();
            accept.is_cancelled || self.backlogs.get(&accept.listener).is_some_and(waits)
        });
        let receives = state.receives.iter().filter(|(_, receive)| {
            let socket = &self.sockets[(receive.socket - FIRST_SOCKET) as usize];
            // A buffer is picked before the kernel looks for data.
            let chunks = state.chunks(receive.group, receive.size);
            let has_no_chunk = receive.is_new && chunks.is_empty();
            let has_data = !socket.unread.is_empty() || socket.is_finished || socket.is_reset;
            receive.is_cancelled || has_no_chunk || has_data
        });
        let watches = state.watches.iter().filter(|(_, watch)| {
            let socket = &self.sockets[(watch.socket - FIRST_SOCKET) as usize];
            watch.is_cancelled || socket.is_finished || socket.is_reset
        });
        accepts
            .map(|(&token, _)| (Kind::Accept, token))
            .chain(watches.map(|(&token, _)| (Kind::Watch, token)))
            .chain(receives.map(|(&token, receive)| (receive.kind(), token)))
            .chain(self.completable_messages(ring))
            .collect()
    }

    /// Completes some of what can be completed, in any order.
    fn run(&mut self, ring: usize) {
        let mut operations = self.completable(ring);
        while !operations.is_empty() {
            let pick = self.random.within(0..operations.len());
            let (kind, token) = operations.swap_remove(pick);
            let is_only = operations.is_empty() && self.rings[ring].ready.is_empty();
            if !is_only && self.random.chance(self.faults.late) {
                continue;
            }
            match kind {
                Kind::Accept => self.run_accept(ring, token),
                Kind::Receive(_) | Kind::ReceiveShort(_) => self.run_receive(ring, token),
                Kind::ReceiveMessage => self.run_messages(ring, token),
                Kind::Watch => {
                    self.rings[ring].watches.remove(&token);
                    self.complete(ring, token, Outcome::HungUp, true);
                }
            }
        }
        for receive in self.rings[ring].receives.values_mut() {
            receive.is_new = false;
        }
    }

    fn run_accept(&mut self, ring: usize, token: Token) {
        let accept = &self.rings[ring].accepts[&token];
        let (listener, is_cancelled) = (accept.listener, accept.is_cancelled);
        if is_cancelled {
            return self.end_accept(ring, token, libc::ECANCELED);
        }
        loop {
            let Some(&socket) = self.backlogs.get(&listener).and_then(VecDeque::front) else {
                return;
            };
            if self.random.chance(self.faults.accept_failed) {
                return self.end_accept(ring, token, libc::EMFILE);
            }
            self.backlogs.entry(listener).or_default().pop_front();
            self.socket(socket).is_accepted = true;
            let is_last = self.random.chance(self.faults.ended_early);
            let outcome = Outcome::Accepted(Ok(socket));
            if self.complete(ring, token, outcome, is_last) {
                self.rings[ring].accepts.remove(&token);
                return;
            }
        }
    }

    fn end_accept(&mut self, ring: usize, token: Token, errno: i32) {
        self.rings[ring].accepts.remove(&token);
        let error = io::Error::from_raw_os_error(errno);
        self.complete(ring, token, Outcome::Accepted(Err(error)), true);
    }

    fn run_receive(&mut self, ring: usize, token: Token) {
        loop {
            let receive = &self.rings[ring].receives[&token];
            let (group, size) = (receive.group, receive.size);
            let has_chunk = !self.rings[ring].chunks(group, size).is_empty();
            let (name, is_new, is_cancelled) =
                (receive.socket, receive.is_new, receive.is_cancelled);
            let socket = self.socket(name);
            assert!(!socket.is_closed && socket.has_receive);
            let has_data = !socket.unread.is_empty();
            let has_ended = socket.is_finished || socket.is_reset;
            let ending = if is_cancelled {
                Received::Cancelled
            } else if !has_chunk && (is_new || has_data || has_ended) {
                Received::NoChunk
            } else if has_data {
                if self.receive_bytes(ring, token, name) {
                    return;
                }
                continue;
            } else if socket.is_reset {
                Received::Failed(io::Error::from_raw_os_error(libc::ECONNRESET))
            } else if socket.is_finished {
                Received::End
            } else {
                return;
            };
            self.end_receive(ring, token, name);
            self.complete(ring, token, Outcome::Received(ending), true);
            return;
        }
    }

    /// One receive into one or several chunks. Returns whether it is over for
    /// now.
    fn receive_bytes(&mut self, ring: usize, token: Token, name: RawFd) -> bool {
        let receive = &self.rings[ring].receives[&token];
        let (group, size) = (receive.group, receive.size);
        let provided = self.rings[ring].chunks(group, size);
        let chunk_bytes = provided[0].size();
        let chunks = match self.faults.bundles && size == Size::Whole {
            true => provided.len(),
            false => 1,
        };
        let mut len = self.socket(name).unread.len().min(chunks * chunk_bytes);
        let is_short = self.random.chance(self.faults.short);
        if is_short {
            len = self.random.within_log(1..len + 1);
        }
        let is_last = self.random.chance(self.faults.ended_early);
        if is_last {
            self.end_receive(ring, token, name);
        }
        while len > 0 {
            let piece = len.min(chunk_bytes);
            len -= piece;
            let chunk = self.rings[ring].chunks_mut(group, size).pop_front();
            let mut chunk = chunk.expect("as many chunks as counted");
            self.fill(&mut chunk, name, piece);
            let received = Received::Bytes { chunk, len: piece };
            let is_last = is_last && len == 0;
            self.complete(ring, token, Outcome::Received(received), is_last);
        }
        is_last || (is_short && self.random.chance(50))
    }

    fn fill(&mut self, chunk: &mut Chunk, name: RawFd, len: usize) {
        let socket = self.socket(name);
        let start = chunk.headroom();
        let bytes = chunk.bytes_mut();
        let end = (start + len + POISON_BYTES).min(bytes.len());
        bytes[start.saturating_sub(POISON_BYTES)..start].fill(b'\n');
        bytes[start + len..end].fill(b'\n');
        let places = bytes[start..start + len].iter_mut();
        for (place, byte) in places.zip(socket.unread.drain(..len)) {
            *place = byte;
        }
        socket.received += len;
    }

    fn end_receive(&mut self, ring: usize, token: Token, name: RawFd) {
        self.rings[ring].receives.remove(&token);
        self.socket(name).has_receive = false;
    }

    /// Returns `is_last`.
    fn complete(&mut self, ring: usize, token: Token, outcome: Outcome, is_last: bool) -> bool {
        self.rings[ring].ready.push_back(Completion {
            token,
            outcome,
            is_last,
        });
        is_last
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
