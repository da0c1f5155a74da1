//! From an accept to a served connection.

use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::Arc;
use std::time::Duration;

use super::{ACCEPT, Reactor};
use crate::base::{Clock, Liveness, kernel};
use crate::message::{Severity, Source};
use crate::receive::connection::{Connection, ReceiveState};
use crate::receive::framing::ConnectionFramer;
use crate::receive::{CloseReason, ConnectionAccount, Handover};
use crate::ring::{Ring, Token};

/// How long a failed accept is not tried again: most fail for want of
/// descriptors, and would fail at once for ever.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Time after which it is told again that connections are not taken.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

impl<R: Ring, C: Clock> Reactor<R, C> {
    pub(super) fn accepted(&mut self, listener: usize, result: io::Result<i32>, is_last: bool) {
        match result {
            Ok(socket) if self.is_full(listener) => {
                // Without a byte read, and before anything is set up for it.
                self.ring.close(socket);
                self.refuse(listener);
                if is_last {
                    self.start_accept(listener);
                }
            }
            Ok(socket) => {
                self.shared.listeners[listener].counters.sessions.add(1);
                let handover = Handover { socket, listener };
                // The reactor with the fewest connections: also a handful of
                // connections is spread over all reactors.
                let inboxes = &self.shared.inboxes;
                let least = (0..inboxes.len())
                    .min_by_key(|&index| inboxes[index].load())
                    .unwrap_or(self.options.index);
                if least == self.options.index {
                    inboxes[least].taken();
                    self.admit(handover);
                } else {
                    inboxes[least].push(handover);
                }
                if is_last {
                    self.start_accept(listener);
                }
            }
            Err(_) if self.is_ending => {}
            Err(error) => {
                let counters = &self.shared.listeners[listener].counters;
                counters.accept_failed.add(1);
                self.tell_exhaustion(listener, &error);
                if is_last {
                    self.resting.push((self.now + ACCEPT_PAUSE, listener));
                }
            }
        }
    }

    /// Whether the listener has `maxSessions` connections.
    fn is_full(&self, listener: usize) -> bool {
        let shared = &self.shared.listeners[listener];
        let max = shared.options.max_sessions;
        max.is_some_and(|max| shared.counters.sessions.get() >= max.into())
    }

    /// Counts a connection above `maxSessions`, and tells it at most once a
    /// minute.
    fn refuse(&mut self, listener: usize) {
        let shared = &self.shared.listeners[listener];
        shared.counters.refused.add(1);
        if self.may_tell(listener) {
            let shared = &self.shared.listeners[listener];
            let text = format!(
                "listener {} has its maxSessions, {} connections: new ones are refused, {} so far",
                shared.options.name,
                shared.counters.sessions.get(),
                shared.counters.refused.get()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
    }

    /// Tells, at most once a minute, that the daemon or the host has no
    /// descriptors or memory for another connection.
    fn tell_exhaustion(&mut self, listener: usize, error: &io::Error) {
        let is_exhaustion = matches!(
            error.raw_os_error(),
            Some(kernel::EMFILE | kernel::ENFILE | kernel::ENOMEM | kernel::ENOBUFS)
        );
        if is_exhaustion && self.may_tell(listener) {
            let shared = &self.shared.listeners[listener];
            let text = format!(
                "listener {} cannot accept: {error}; its {} connections are served, new ones \
                 wait until that is over",
                shared.options.name,
                shared.counters.sessions.get()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
    }

    /// Whether a minute has passed since something was told about connections
    /// that the listener does not take.
    fn may_tell(&mut self, listener: usize) -> bool {
        let told_at = &mut self.told_at[listener];
        let is_due = told_at.is_none_or(|at| self.now.since(at) >= TOLD_AGAIN);
        if is_due {
            *told_at = Some(self.now);
        }
        is_due
    }

    pub(super) fn start_accept(&mut self, listener: usize) {
        if !self.is_ending {
            let socket = self.shared.listeners[listener].as_raw_fd();
            self.ring.accept(socket, ACCEPT + listener as Token);
        }
    }

    /// Begins to serve an accepted connection.
    pub(super) fn admit(&mut self, handover: Handover) {
        let Handover { socket, listener } = handover;
        let peer = self.ring.peer(socket);
        let Ok(peer) = peer else {
            // The peer is gone already.
            self.ring.close(socket);
            self.shared.listeners[listener]
                .counters
                .sessions
                .subtract(1);
            self.shared.inboxes[self.options.index].ended();
            return;
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let shared = &self.shared.listeners[listener];
        shared.counters.connections_opened.add(1);
        let liveness = self.liveness(socket, listener);
        let address: Box<str> = peer.ip().to_string().into();
        let account =
            ConnectionAccount::new(peer, listener, self.options.index, self.now, liveness);
        let connection = Connection {
            socket,
            listener,
            source: Arc::new(Source {
                host: address.clone(),
                address,
                port: peer.port(),
                input: shared.options.name.as_str().into(),
            }),
            account: Arc::new(account),
            framer: ConnectionFramer::new(
                &self.framers[listener],
                self.oversize_sinks[listener].as_ref(),
            ),
            carry: Vec::new(),
            receive: ReceiveState::Armed,
            asked: None,
            ending: None,
        };
        if shared.options.notify_on_open {
            let name = &shared.options.name;
            let text = format!("connection opened: peer {peer}, listener {name}");
            self.shared.report.report(Severity::INFO, text);
        }
        if let Some(timeout) = shared.options.idle_timeout {
            let idle_at = self.now + timeout;
            self.idle_at = Some(self.idle_at.map_or(idle_at, |at| at.min(idle_at)));
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let registry = &self.shared.inboxes[self.options.index].registry;
        registry.enter(slot, Arc::clone(&connection.account));
        self.connections[slot] = Some(connection);
        if self.is_ending {
            self.close(slot, CloseReason::Stop);
        } else if !self.waits_for_name(slot, peer.ip()) {
            self.ring.receive(socket, slot as Token);
        }
    }

    /// What the kernel does about a silent peer of an accepted socket; told
    /// once for each listener where it is not what the configuration says.
    pub(super) fn liveness(&self, socket: RawFd, listener: usize) -> Liveness {
        let shared = &self.shared.listeners[listener];
        let found = match self.ring.liveness(socket) {
            Ok(found) => found,
            // It is gone; its end will be received.
            Err(_) => return *shared.liveness(),
        };
        if let Some(difference) = shared.options.keep_alive.differs(&found) {
            if shared.counters.liveness_differs.get() == 0 {
                let name = &shared.options.name;
                let text = format!("accepted connections of listener {name}: {difference}");
                self.shared.report.report(Severity::WARNING, text);
            }
            shared.counters.liveness_differs.add(1);
        }
        found
    }
}
