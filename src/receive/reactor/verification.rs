//! Keepalive that is really set: the options of accepted sockets are read and
//! compared with the configuration.

use super::Reactor;
use crate::base::{Clock, liveness};
use crate::message::Severity;
use crate::ring::Ring;

/// Sockets that are looked at in a turn at most.
const VERIFIED_PER_TURN: usize = 64;

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Reads the options of the sockets whose time has come.
    pub(super) fn verify(&mut self) {
        for _ in 0..VERIFIED_PER_TURN {
            let Some((at, slot, serial)) = self.unverified.front().copied() else {
                return;
            };
            if at > self.now {
                return;
            }
            self.unverified.pop_front();
            self.verify_one(slot, serial);
        }
    }

    /// Reads what the kernel does about a silent peer; it is told once for each
    /// listener where that is not what the configuration says.
    fn verify_one(&mut self, slot: usize, serial: u64) {
        let connection = self.connections[slot].as_ref();
        // Else it has ended, and another has its slot.
        let Some(connection) = connection.filter(|connection| connection.serial == serial) else {
            return;
        };
        let Ok(mut found) = self.ring.liveness(connection.socket) else {
            // It is gone; its end will be received.
            return;
        };
        let listener = &self.shared.listeners[connection.listener];
        let options = &listener.options.keep_alive;
        if options.differs(&found).is_some() {
            // It was accepted by the kernel before the listener had its options:
            // one that the service manager handed over.
            let repaired =
                liveness::with_descriptor(connection.socket, |socket| options.apply(socket));
            found = repaired.unwrap_or(found);
        }
        connection.account.set_liveness(found);
        let Some(difference) = listener.options.keep_alive.differs(&found) else {
            return;
        };
        if listener.counters.liveness_differs.get() == 0 {
            let name = &listener.options.name;
            let text = format!("accepted connections of listener {name}: {difference}");
            self.shared.report.report(Severity::WARNING, text);
        }
        listener.counters.liveness_differs.add(1);
    }
}
