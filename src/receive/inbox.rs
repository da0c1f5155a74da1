//! Connections on their way from the reactor that accepted them to the one that
//! serves them.

use std::os::fd::RawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use crossbeam_queue::SegQueue;

use crate::base::descriptor::EventFd;

/// An accepted socket.
pub struct Handover {
    pub socket: RawFd,
    /// Index of its listener.
    pub listener: usize,
}

/// Where a reactor gets its connections.
pub struct Inbox {
    handovers: SegQueue<Handover>,
    /// Connections that the reactor has or is about to get.
    load: AtomicUsize,
    event: Arc<EventFd>,
}

impl Inbox {
    /// An empty inbox of the reactor that `event` wakes.
    pub fn new(event: Arc<EventFd>) -> Inbox {
        Inbox {
            handovers: SegQueue::new(),
            load: AtomicUsize::new(0),
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

    /// The next connection to serve.
    pub(super) fn pop(&self) -> Option<Handover> {
        self.handovers.pop()
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
