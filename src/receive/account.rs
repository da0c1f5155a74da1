//! What is known of a connection while it lives: written by its reactor, read by
//! whoever looks.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};

use super::{CloseReason, Peer};
use crate::base::{Counter, Instant, Liveness};
use crate::frame::Framing;

/// The account of one connection.
#[derive(Debug)]
pub struct ConnectionAccount {
    /// The socket's peer.
    pub peer: Peer,
    /// The sender behind the proxy that the peer is, once it has said so.
    sender: OnceLock<SocketAddr>,
    /// Index of its listener.
    pub listener: usize,
    /// Number of the reactor that serves it.
    pub reactor: usize,
    pub opened_at: Instant,
    /// The options that its socket has from its listener; of TCP only.
    inherited: Option<Liveness>,
    /// The same as read from the socket.
    read_back: OnceLock<Liveness>,
    pub messages: Counter,
    pub bytes: Counter,
    /// Frames with a fault.
    pub framing_faults: Counter,
    /// Nanoseconds of the monotonic clock.
    last_received_at: AtomicU64,
    /// Nanoseconds of the monotonic clock; 0: it is not paused.
    paused_since: AtomicU64,
    /// A bit for each framing that was seen.
    framings: AtomicU8,
    /// Whether an operator wants it closed.
    must_close: AtomicBool,
    /// The peer's name, once it is known.
    name: OnceLock<Arc<str>>,
}

impl ConnectionAccount {
    /// The account of a connection that was just accepted.
    pub fn new(
        peer: Peer,
        listener: usize,
        reactor: usize,
        opened_at: Instant,
        inherited: Option<Liveness>,
    ) -> ConnectionAccount {
        ConnectionAccount {
            peer,
            sender: OnceLock::new(),
            listener,
            reactor,
            opened_at,
            inherited,
            read_back: OnceLock::new(),
            messages: Counter::default(),
            bytes: Counter::default(),
            framing_faults: Counter::default(),
            last_received_at: AtomicU64::new(opened_at.nanos),
            paused_since: AtomicU64::new(0),
            framings: AtomicU8::new(0),
            must_close: AtomicBool::new(false),
            name: OnceLock::new(),
        }
    }

    /// The name of who sends: that of the sender behind a proxy, else that of
    /// the socket's peer.
    pub fn name(&self) -> String {
        match self.sender.get() {
            Some(sender) => sender.to_string(),
            None => self.peer.to_string(),
        }
    }

    /// The name of the proxy in front of the sender, if there is one.
    pub fn proxy(&self) -> Option<String> {
        self.sender.get().map(|_| self.peer.to_string())
    }

    /// Whether the connection is meant by this name: of its sender, or of its
    /// socket's peer.
    pub fn is_called(&self, name: &str) -> bool {
        match name.parse() {
            // An address has several notations.
            Ok(address) => {
                let address: SocketAddr = address;
                let address = SocketAddr::new(address.ip().to_canonical(), address.port());
                self.peer == Peer::Tcp(address) || self.sender.get() == Some(&address)
            }
            Err(_) => self.peer.to_string() == name,
        }
    }

    /// Notes what the proxy says about the sender.
    pub(super) fn set_sender(&self, sender: SocketAddr) {
        // A connection has one header; a second one is text.
        let _ = self.sender.set(sender);
    }

    /// When bytes came last; if none came, since when they are received.
    pub fn last_received_at(&self) -> Instant {
        Instant {
            nanos: self.last_received_at.load(Ordering::Relaxed),
        }
    }

    /// Since when back-pressure has paused it, if so.
    pub fn paused_since(&self) -> Option<Instant> {
        let nanos = self.paused_since.load(Ordering::Relaxed);
        (nanos > 0).then_some(Instant { nanos })
    }

    /// What the kernel does about a silent peer: as read from the socket, or as
    /// of its listener as long as it was not read. None at a unix socket.
    pub fn liveness(&self) -> Option<&Liveness> {
        self.read_back.get().or(self.inherited.as_ref())
    }

    /// Notes the options of its socket.
    pub(super) fn set_liveness(&self, liveness: Liveness) {
        // They are read once.
        let _ = self.read_back.set(liveness);
    }

    /// The peer's name, if it is known.
    pub fn host(&self) -> Option<&str> {
        self.name.get().map(|name| &**name)
    }

    /// Whether frames of this framing came.
    pub fn has_seen(&self, framing: Framing) -> bool {
        self.framings.load(Ordering::Relaxed) & framing as u8 != 0
    }

    /// Says that it has to be closed.
    pub(super) fn ask_to_close(&self) {
        self.must_close.store(true, Ordering::Release);
    }

    /// Notes the peer's name; the first one stays.
    pub(super) fn set_name(&self, name: Arc<str>) {
        // It is looked up once.
        let _ = self.name.set(name);
    }

    /// What is told at its end.
    pub(super) fn closing_words(&self, name: &str, reason: CloseReason, now: Instant) -> String {
        format!(
            "connection closed: peer {}{}, listener {name}, reason {}, age {:.1} s, idle {:.1} s, \
             {} messages, {} bytes",
            self.name(),
            self.proxy()
                .map_or(String::new(), |proxy| format!(" via {proxy}")),
            reason.name(),
            now.since(self.opened_at).as_secs_f64(),
            now.since(self.last_received_at()).as_secs_f64(),
            self.messages.get(),
            self.bytes.get()
        )
    }

    pub(super) fn must_close(&self) -> bool {
        self.must_close.load(Ordering::Acquire)
    }

    pub(super) fn received(&self, bytes: usize, now: Instant) {
        self.bytes.add(bytes as u64);
        self.last_received_at.store(now.nanos, Ordering::Relaxed);
    }

    /// Its reception begins: until now it was not idle but waited for its name.
    pub(super) fn begin(&self, now: Instant) {
        self.last_received_at.store(now.nanos, Ordering::Relaxed);
    }

    pub(super) fn pause(&self, now: Instant) {
        self.paused_since.store(now.nanos.max(1), Ordering::Relaxed);
    }

    pub(super) fn resume(&self) {
        self.paused_since.store(0, Ordering::Relaxed);
    }

    /// Notes frames: how many, and the union of their framings.
    pub(super) fn framed(&self, messages: u64, framings: u8) {
        self.messages.add(messages);
        if framings & !self.framings.load(Ordering::Relaxed) != 0 {
            self.framings.fetch_or(framings, Ordering::Relaxed);
        }
    }
}
