//! What comes to a reactor from other threads: connections on their way from the
//! reactor that accepted them to the one that serves them, and names of peers.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;

use super::{ConnectionAccount, Registry};
use crate::base::descriptor::{EventFd, PeerAddress};
use crate::names::Named;

/// An accepted socket.
pub struct Handover {
    pub socket: RawFd,
    /// Index of its listener.
    pub listener: usize,
    /// Its peer, if that was asked for already.
    pub peer: Option<PeerAddress>,
}

/// Where a reactor gets its connections.
pub struct Inbox {
    handovers: SegQueue<Handover>,
    /// Answers to the reactor's requests for names.
    named: SegQueue<Named>,
    /// Connections that the reactor has or is about to get.
    load: AtomicUsize,
    /// Whether an operator wants some of the reactor's connections closed.
    has_closings: AtomicBool,
    /// The reactor's connections.
    pub registry: Registry,
    event: Arc<EventFd>,
}

impl Inbox {
    /// An empty inbox of the reactor that `event` wakes.
    pub fn new(event: Arc<EventFd>) -> Inbox {
        Inbox {
            handovers: SegQueue::new(),
            named: SegQueue::new(),
            load: AtomicUsize::new(0),
            has_closings: AtomicBool::new(false),
            registry: Registry::default(),
            event,
        }
    }

    /// The descriptor that wakes the reactor.
    pub fn event(&self) -> &Arc<EventFd> {
        &self.event
    }

    /// Connections of the reactor.
    pub fn load(&self) -> usize {
        self.load.load(Ordering::Relaxed)
    }

    /// Gives the reactor a connection.
    pub fn push(&self, handover: Handover) {
        self.load.fetch_add(1, Ordering::Relaxed);
        self.handovers.push(handover);
        self.event.signal();
    }

    /// Gives the reactor a name that it asked for.
    pub fn push_named(&self, named: Named) {
        self.named.push(named);
        self.event.signal();
    }

    /// Has a connection of the reactor closed.
    pub fn close(&self, account: &ConnectionAccount) {
        account.ask_to_close();
        self.has_closings.store(true, Ordering::Release);
        self.event.signal();
    }

    /// Whether some connections have to be closed; says so once.
    pub(super) fn take_closings(&self) -> bool {
        self.has_closings.swap(false, Ordering::AcqRel)
    }

    /// The next connection to serve.
    pub(super) fn pop(&self) -> Option<Handover> {
        self.handovers.pop()
    }

    /// The next answer to a request for a name.
    pub(super) fn pop_named(&self) -> Option<Named> {
        self.named.pop()
    }

    /// Counts a connection that the reactor took itself.
    pub(super) fn taken(&self) {
        self.load.fetch_add(1, Ordering::Relaxed);
    }

    /// Counts a connection that ended.
    pub(super) fn ended(&self) {
        self.load.fetch_sub(1, Ordering::Relaxed);
    }
}
