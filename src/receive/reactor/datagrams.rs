//! Datagrams: from their sockets to batches.
//!
//! Each is one message. It is copied out of its chunk, which goes back to the
//! ring at once. Who sends datagrams cannot be made to wait: a socket whose queue
//! has no room is not received from, so that the kernel's buffer takes what comes,
//! and drops, and counts, what does not fit there.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::RawFd;
use std::sync::Arc;
use std::time::Duration;

use super::Reactor;
use crate::base::{Chunk, ChunkPool, Clock, Instant};
use crate::limits::{COLLECT_BYTES, DATAGRAM_DRAIN_BYTES_MAX};
use crate::message::{Severity, Source};
use crate::names::Request;
use crate::receive::Listener;
use crate::receive::assembly::Mark;
use crate::receive::senders::Senders;
use crate::receive::tellings::Telling;
use crate::ring::{Kind, Received, Ring, Token, Unread};

/// How long a socket rests whose receives fail again and again.
const FAILED_PAUSE: Duration = Duration::from_millis(100);

/// The datagram sockets of a reactor.
pub(super) struct Datagrams {
    sockets: Vec<DatagramSocket>,
    /// Where their chunks are while the ring has no use for them.
    pool: Option<Arc<ChunkPool>>,
    /// Bytes that were received since the begin of the stop.
    drained: usize,
}

struct DatagramSocket {
    socket: RawFd,
    listener: usize,
    /// Which of the listener's sockets it is.
    number: usize,
    state: State,
    /// Whether the last receive failed.
    has_failed: bool,
    /// Until when it is not received from.
    rests_until: Option<Instant>,
    senders: Senders,
    /// What came and is not in the counters yet.
    tally: Tally,
}

/// What is done about a socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Nothing is under way.
    Resting,
    /// A receive is.
    Receiving,
    /// The same, and it is to end.
    Cancelled,
}

/// Counts of one turn.
#[derive(Default)]
struct Tally {
    bytes: u64,
    received: u64,
    empty: u64,
    escaped: u64,
}

impl Datagrams {
    /// The sockets that this reactor receives from: all of them are dealt out, in
    /// their order.
    pub fn new(
        listeners: &[Listener],
        reactors: usize,
        index: usize,
        pool: Option<Arc<ChunkPool>>,
    ) -> Datagrams {
        let all = listeners.iter().enumerate().flat_map(|(listener, shared)| {
            let sockets = shared.datagram_sockets().into_iter().enumerate();
            sockets.map(move |(number, socket)| (listener, number, socket))
        });
        let mine = all
            .enumerate()
            .filter(|(place, _)| place % reactors.max(1) == index);
        let sockets = mine.map(|(_, (listener, number, socket))| DatagramSocket {
            socket,
            listener,
            number,
            state: State::Resting,
            has_failed: false,
            rests_until: None,
            senders: Senders::default(),
            tally: Tally::default(),
        });
        Datagrams {
            sockets: sockets.collect(),
            pool,
            drained: 0,
        }
    }

    /// Whether nothing is received any more.
    pub fn are_over(&self) -> bool {
        let mut sockets = self.sockets.iter();
        sockets.all(|socket| socket.state == State::Resting)
    }

    /// When the first of the sockets that rest is received from again.
    pub fn rest_until(&self) -> Option<Instant> {
        let sockets = self.sockets.iter();
        sockets.filter_map(|socket| socket.rests_until).min()
    }
}

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Takes what a receive of datagrams brought.
    pub(super) fn message(&mut self, index: usize, received: Received, is_last: bool) {
        if is_last {
            self.datagrams.sockets[index].state = State::Resting;
        }
        match received {
            Received::Bytes { chunk, len } => {
                self.datagrams.sockets[index].has_failed = false;
                self.take_datagram(index, &chunk, len);
                let listener = self.datagrams.sockets[index].listener;
                if !self.is_pushed_back(listener) {
                    self.ring.provide_datagram(chunk);
                }
            }
            // It is started again at the end of the turn, when there are chunks.
            Received::NoChunk => {
                let listener = self.datagrams.sockets[index].listener;
                self.shared.listeners[listener].counters.starved.add(1);
            }
            Received::Failed(error) => self.receive_failed(index, &error),
            Received::Cancelled | Received::End => {}
        }
    }

    /// Goes on after a receive that failed: one error says nothing about what others
    /// send. An error that comes again at once (EACCES of a security module) must
    /// not make the reactor spin.
    #[cold]
    fn receive_failed(&mut self, index: usize, error: &io::Error) {
        let socket = &mut self.datagrams.sockets[index];
        let comes_again = std::mem::replace(&mut socket.has_failed, true);
        if comes_again && !self.is_ending {
            socket.rests_until = Some(self.now + FAILED_PAUSE);
        }
        let shared = &self.shared.listeners[socket.listener];
        shared.counters.receive_failed.add(1);
        if comes_again && shared.tellings.is_due(Telling::ReceiveFailed, self.now) {
            let text = format!(
                "listener {} on {} cannot receive: {error}; it is tried again",
                shared.options.name,
                shared.endpoint()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
    }

    fn take_datagram(&mut self, index: usize, chunk: &Chunk, len: usize) {
        let Some(datagram) = self.ring.datagram(chunk, len) else {
            return;
        };
        let socket = &mut self.datagrams.sockets[index];
        let listener = socket.listener;
        let shared = &self.shared.listeners[listener];
        let (number, sender) = (socket.number, datagram.sender);
        socket.tally.bytes += datagram.text.len() as u64;
        let new = datagram
            .dropped
            .map_or(0, |total| shared.count_dropped(number, total));
        if new > 0 {
            self.tell_dropped(listener);
        }
        let address = sender.ip().to_canonical();
        let access = &shared.options.access;
        if !access.is_open() && !access.permits(address) {
            return self.deny(listener);
        }
        let socket = &mut self.datagrams.sockets[index];
        socket.tally.received += 1;
        if datagram.text.is_empty() {
            socket.tally.empty += 1;
            return;
        }
        let source = match socket.senders.find(address, self.now) {
            Some(source) => Arc::clone(source),
            None => self.introduce_sender(index, address),
        };
        let bytes_max = self.options.framer.message_bytes_max;
        let meant = datagram.text.strip_suffix(b"\0").unwrap_or(datagram.text);
        let meant = meant.strip_suffix(b"\n").unwrap_or(meant);
        let is_cut = datagram.is_cut || meant.len() > bytes_max;
        let text = match is_cut {
            true => &datagram.text[..bytes_max.min(datagram.text.len())],
            false => datagram.text,
        };
        let collected = &mut self.collected[listener];
        let is_escaped = collected.push_datagram(text, &source);
        let is_full = collected.is_full() || collected.copied_bytes() >= COLLECT_BYTES;
        self.datagrams.sockets[index].tally.escaped += u64::from(is_escaped);
        if is_cut {
            let shared = &self.shared.listeners[listener];
            shared.counters.truncated.add(1);
            if self.oversize_sinks[listener].is_some() {
                // The kernel has dropped what did not fit: there is no whole message
                // to write.
                shared.counters.oversize_unwritten.add(1);
            }
            let peer = SocketAddr::new(address, sender.port());
            self.shared.tell_oversize(listener, peer, self.now);
        }
        if is_full {
            self.count_datagrams(index);
            self.limit_collected(listener, Mark::default());
            self.publish_collected(listener);
        }
    }

    /// The source of an address that is not known, or whose name was not looked at
    /// for a while. Its name is not waited for: what comes until it is known has
    /// the name that it had, or the address.
    #[cold]
    fn introduce_sender(&mut self, index: usize, address: IpAddr) -> Arc<Source> {
        let listener = self.datagrams.sockets[index].listener;
        let name = self.shared.names.as_ref().and_then(|names| {
            let known = names.known(address, self.now);
            if known.is_none() {
                let reactor = self.options.index;
                // Where too many requests wait it is tried again later.
                let _ = names.ask(Request { address, reactor });
            }
            known
        });
        let socket = &mut self.datagrams.sockets[index];
        let source = match (name, socket.senders.known(address)) {
            (None, Some(source)) => Arc::clone(source),
            (name, _) => {
                let shared = &self.shared.listeners[listener];
                source_of(shared, address, name.flatten().as_deref())
            }
        };
        socket.senders.keep(address, Arc::clone(&source), self.now);
        source
    }

    /// What senders of this address send from now on comes from this name.
    pub(super) fn name_senders(&mut self, address: IpAddr, name: &str) {
        let shared = &self.shared;
        for socket in &mut self.datagrams.sockets {
            if socket.senders.known(address).is_some() {
                let listener = &shared.listeners[socket.listener];
                let source = source_of(listener, address, Some(name));
                socket.senders.rename(address, source, self.now);
            }
        }
    }

    /// Ends the turn of the datagrams, before it is published: counts them, and
    /// keeps what the listeners' rates allow.
    pub(super) fn finish_datagrams(&mut self) {
        for index in 0..self.datagrams.sockets.len() {
            let listener = self.datagrams.sockets[index].listener;
            if self.datagrams.sockets[index].tally.bytes > 0
                || self.datagrams.sockets[index].tally.received > 0
            {
                self.count_datagrams(index);
                self.limit_collected(listener, Mark::default());
                self.publish_collected(listener);
            }
        }
    }

    fn count_datagrams(&mut self, index: usize) {
        let socket = &mut self.datagrams.sockets[index];
        let tally = std::mem::take(&mut socket.tally);
        if self.is_ending {
            self.datagrams.drained += tally.bytes as usize;
        }
        let counters = &self.shared.listeners[socket.listener].counters;
        counters.bytes.add(tally.bytes);
        counters.received.add(tally.received);
        counters.discarded_empty.add(tally.empty);
        counters.escaped.add(tally.escaped);
    }

    /// Starts what may be received, and ends what may not: at the end of a turn.
    pub(super) fn steer_datagrams(&mut self) {
        if self.datagrams.sockets.is_empty() {
            return;
        }
        if let Some(pool) = &self.datagrams.pool {
            while let Some(chunk) = pool.take() {
                self.ring.provide_datagram(chunk);
            }
        }
        for index in 0..self.datagrams.sockets.len() {
            let DatagramSocket {
                socket,
                listener,
                rests_until,
                ..
            } = self.datagrams.sockets[index];
            let rests = rests_until.filter(|until| *until > self.now && !self.is_ending);
            self.datagrams.sockets[index].rests_until = rests;
            let may_receive = rests.is_none()
                && !self.is_pushed_back(listener)
                && (!self.is_ending || self.has_left(socket));
            let state = &mut self.datagrams.sockets[index].state;
            match (*state, may_receive) {
                (State::Resting, true) => {
                    *state = State::Receiving;
                    self.ring.receive_messages(socket, index as Token);
                }
                (State::Receiving, false) => {
                    *state = State::Cancelled;
                    self.ring.cancel(Kind::ReceiveMessage, index as Token);
                }
                _ => {}
            }
        }
    }

    /// Whether a socket has datagrams that are received before the end: nobody
    /// sends them again. What comes on and on is not waited for.
    fn has_left(&self, socket: RawFd) -> bool {
        let must_end = self
            .shared
            .must_abandon
            .load(std::sync::atomic::Ordering::Acquire);
        !must_end
            && self.datagrams.drained < DATAGRAM_DRAIN_BYTES_MAX
            && matches!(self.ring.unread(socket), Unread::Bytes | Unread::End)
    }

    /// Counts what the kernel has dropped until the end of all input.
    pub(super) fn end_datagrams(&mut self) {
        for index in 0..self.datagrams.sockets.len() {
            let DatagramSocket {
                socket,
                listener,
                number,
                ..
            } = self.datagrams.sockets[index];
            if let Ok(total) = self.ring.dropped(socket)
                && self.shared.listeners[listener].count_dropped(number, total) > 0
            {
                self.tell_dropped(listener);
            }
        }
    }

    /// Tells, at most once a minute, that the kernel drops datagrams.
    #[cold]
    fn tell_dropped(&self, listener: usize) {
        let shared = &self.shared.listeners[listener];
        if !shared.tellings.is_due(Telling::KernelDrops, self.now) {
            return;
        }
        let text = format!(
            "listener {} on {}: the kernel has dropped {} datagrams so far, because its receive \
             buffer was full: raise rcvbufSize",
            shared.options.name,
            shared.endpoint(),
            shared.counters.dropped_by_kernel.get()
        );
        self.shared.report.report(Severity::WARNING, text);
    }

    /// Counts a datagram that is not taken, and tells it at most once a minute.
    #[cold]
    fn deny(&self, listener: usize) {
        let shared = &self.shared.listeners[listener];
        shared.counters.denied.add(1);
        if shared.tellings.is_due(Telling::Denied, self.now) {
            let text = format!(
                "listener {}: datagrams of senders that are not allowed are discarded, {} so far",
                shared.options.name,
                shared.counters.denied.get()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
    }
}

/// A sender of a listener. The port is none of it: it is another one at every
/// start of the sender, or with each datagram.
fn source_of(listener: &Listener, address: IpAddr, name: Option<&str>) -> Arc<Source> {
    let options = &listener.options;
    let address: Box<str> = address.to_string().into();
    let host = match name {
        Some(name) if options.preserve_case => name.into(),
        Some(name) => name.to_ascii_lowercase().into(),
        None => address.clone(),
    };
    Arc::new(Source {
        host,
        address,
        port: 0,
        input: options.name.as_str().into(),
    })
}
