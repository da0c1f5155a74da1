//! What was sent on a connection that is not received from and has ended, or is
//! to be closed: it is received beyond what the queue has room for, within
//! bounds, so that the socket need not stay open for it.

use std::io;

use super::Reactor;
use crate::base::Clock;
use crate::limits::{DRAIN_BYTES_MAX, DRAINED_BYTES_MAX};
use crate::receive::CloseReason;
use crate::ring::Ring;

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Receives what waits in the socket of a connection without a receive under
    /// way. Returns the reason of its end, if that was reached.
    pub(super) fn drain(&mut self, slot: usize) -> Option<CloseReason> {
        let mut left = DRAIN_BYTES_MAX;
        let drained_max = DRAINED_BYTES_MAX / self.outlets.len().max(1);
        loop {
            let connection = self.connections[slot].as_ref()?;
            let outlet = self.outlet_of[connection.listener];
            if left == 0 || self.outlets[outlet].drained >= drained_max {
                return None;
            }
            // What is wrapped may be far more than its bytes.
            if connection.wrapping.is_some() {
                return None;
            }
            let mut piece = [0; 4096];
            let len = match self.ring.read(connection.socket, &mut piece) {
                Ok(0) => return Some(CloseReason::Peer),
                Ok(len) => len,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) => return Some(connection.close_reason(&error)),
            };
            let counters = &self.shared.listeners[connection.listener].counters;
            counters.bytes.add(len as u64);
            connection.account.received(len, self.now);
            self.frame_piece(slot, &piece[..len]);
            left = left.saturating_sub(len);
            self.outlets[outlet].drained += len;
        }
    }
}
