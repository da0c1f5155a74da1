//! One connection of a reactor.

use std::io;
use std::os::fd::RawFd;
use std::sync::Arc;

use super::wrapping::Wrapping;
use super::{CloseReason, ConnectionAccount, InputCounters};
use crate::frame::Framer;
use crate::message::Source;

/// What a reactor knows of a connection.
pub(super) struct Connection {
    pub socket: RawFd,
    /// Index of its listener.
    pub listener: usize,
    pub source: Arc<Source>,
    pub account: Arc<ConnectionAccount>,
    /// What its bytes are wrapped in; most have none.
    pub wrapping: Option<Box<Wrapping>>,
    pub framer: Framer,
    /// The bytes of a frame that has not ended.
    pub carry: Vec<u8>,
    pub receive: ReceiveState,
    /// Why its receive was cancelled: the daemon wants it closed.
    pub ending: Option<CloseReason>,
}

impl Connection {
    /// The reason behind an error of recv(2).
    pub fn close_reason(&self, error: &io::Error) -> CloseReason {
        let liveness = self.account.liveness;
        let has_user_timeout = liveness.is_some_and(|found| found.user_timeout.is_some());
        CloseReason::of_error(error, has_user_timeout)
    }

    /// Whether received bytes wait to be inflated.
    pub fn has_backlog(&self) -> bool {
        let wrapping = self.wrapping.as_ref();
        wrapping.is_some_and(|wrapping| wrapping.has_backlog())
    }

    /// Adds the framer's new faults to the accounts.
    pub fn count_faults(&mut self, counters: &InputCounters) {
        let faults = self.framer.take_faults();
        counters.add_faults(faults);
        self.account.framing_faults.add(faults.count());
    }
}

/// The life of a connection's receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiveState {
    /// Under way in the ring.
    Armed,
    /// Ended for want of a chunk; waits in the reactor's list.
    Starved,
    /// Ended because received bytes wait to be inflated.
    Inflating,
}
