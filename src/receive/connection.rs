//! One connection of a reactor.

use std::io;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::framing::ConnectionFramer;
use super::reactor::ReactorShared;
use super::wrapping::Wrapping;
use super::{CloseReason, ConnectionAccount};
use crate::base::Instant;
use crate::message::Source;
use crate::ring::Size;

/// What a reactor knows of a connection.
pub(super) struct Connection {
    /// Different from those of all other connections of the reactor.
    pub serial: u64,
    pub socket: RawFd,
    /// Index of its listener.
    pub listener: usize,
    pub source: Arc<Source>,
    pub account: Arc<ConnectionAccount>,
    /// What its bytes are wrapped in; most have none.
    pub wrapping: Option<Box<Wrapping>>,
    pub framer: ConnectionFramer,
    /// The bytes of a frame that has not ended.
    pub carry: Vec<u8>,
    pub receive: ReceiveState,
    /// The chunks that it receives into.
    pub size: Size,
    /// Whether its receive was cancelled because it needs larger ones.
    pub is_growing: bool,
    /// The peer's address, while its name is looked up.
    pub asked: Option<IpAddr>,
    /// Why its receive was cancelled: the daemon wants it closed.
    pub ending: Option<CloseReason>,
}

impl Connection {
    /// The reason behind an error of recv(2).
    pub fn close_reason(&self, error: &io::Error) -> CloseReason {
        let liveness = self.account.liveness();
        let has_user_timeout = liveness.is_some_and(|found| found.user_timeout.is_some());
        CloseReason::of_error(error, has_user_timeout)
    }

    /// Whether received bytes wait to be inflated.
    pub fn has_backlog(&self) -> bool {
        let wrapping = self.wrapping.as_ref();
        wrapping.is_some_and(|wrapping| wrapping.has_backlog())
    }

    /// Adds the framer's new faults to the accounts, and tells those that cost
    /// text.
    pub fn count_faults(&mut self, shared: &ReactorShared, now: Instant) {
        let faults = self.framer.take_faults();
        shared.listeners[self.listener].counters.add_faults(faults);
        self.account.framing_faults.add(faults.count());
        if faults.truncated + faults.split + faults.accepted > 0 {
            shared.tell_oversize(self.listener, &self.account.peer, now);
        }
    }
}

/// The life of a connection's receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiveState {
    /// Under way in the ring.
    Armed,
    /// Ended for want of a chunk, in this turn: at its end there may be some.
    Unfed,
    /// Ended for want of a chunk; waits in the reactor's list.
    Starved,
    /// Not begun: the name of the peer is looked up, until then at most.
    Naming { until: Instant },
    /// Ended because received bytes wait to be inflated.
    Inflating,
}

impl ReceiveState {
    /// Whether the connection's end is watched, because nothing is received.
    pub fn is_watched(self) -> bool {
        matches!(self, ReceiveState::Starved | ReceiveState::Naming { .. })
    }
}
