//! One connection of a reactor.

use std::os::fd::RawFd;
use std::sync::Arc;

use crate::frame::Framer;
use crate::message::Source;

/// What a reactor knows of a connection.
pub(super) struct Connection {
    pub socket: RawFd,
    /// Index of its listener.
    pub listener: usize,
    pub source: Arc<Source>,
    pub framer: Framer,
    /// The bytes of a frame that has not ended.
    pub carry: Vec<u8>,
    pub receive: ReceiveState,
}

/// The life of a connection's receive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReceiveState {
    /// Under way in the ring.
    Armed,
    /// Ended for want of a chunk; waits in the reactor's list.
    Starved,
}
