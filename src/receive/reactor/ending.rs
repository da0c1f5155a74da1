//! How connections end: by the peer, by a decision, at the stop.

use super::{ACCEPT, Reactor};
use crate::base::Clock;
use crate::message::Severity;
use crate::receive::CloseReason;
use crate::receive::connection::ReceiveState;
use crate::ring::{Kind, Ring, Token, Unread};

/// Ended connections that are closed before it is looked at others.
const ENDS_PER_TURN: usize = 64;

/// Completions behind which those of a flood wait.
pub(super) const ENDS_YIELD: usize = 16;

/// Those of a flood that wait at most.
pub(super) const ENDS_MAX: usize = 1024;

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Closes a connection on which nothing is received and that has ended. Bytes
    /// that wait in its socket are received first: within bounds at once, else
    /// when the queue has room. The completion may be that of a connection that
    /// had the slot before.
    pub(super) fn hung_up(&mut self, slot: usize) {
        let Some(connection) = &self.connections[slot] else {
            return;
        };
        if !connection.receive.is_watched() {
            return;
        }
        let reason = match self.ring.unread(connection.socket) {
            Unread::Nothing => return,
            // The name that they wait for will come.
            Unread::Bytes if connection.receive != ReceiveState::Starved => return,
            Unread::Bytes => match self.drain(slot) {
                Some(reason) => reason,
                None => return,
            },
            Unread::End => CloseReason::Peer,
            Unread::Failed(error) => connection.close_reason(&error),
        };
        self.forget_hunger(slot);
        self.close(slot, reason);
    }

    /// Begins to close a connection by a decision of the daemon.
    pub(super) fn end_connection(&mut self, slot: usize, reason: CloseReason) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        match connection.receive {
            ReceiveState::Armed => {
                // The first reason is the one.
                if connection.ending.is_none() {
                    connection.ending = Some(reason);
                    let (listener, size) = (connection.listener, connection.size);
                    let kind = size.kind(self.group_of(listener));
                    self.ring.cancel(kind, slot as Token);
                }
            }
            ReceiveState::Unfed | ReceiveState::Starved => {
                self.forget_hunger(slot);
                self.drain(slot);
                self.close(slot, reason);
            }
            ReceiveState::Naming { .. } => {
                self.drain(slot);
                self.close(slot, reason);
            }
            // What has come is inflated first.
            ReceiveState::Inflating => {
                connection.ending.get_or_insert(reason);
            }
        }
    }

    /// Closes the connections that an operator wants closed.
    pub(super) fn close_asked(&mut self) {
        if self.is_ending || !self.shared.inboxes[self.options.index].take_closings() {
            return;
        }
        for slot in 0..self.connections.len() {
            let connection = self.connections[slot].as_ref();
            if connection.is_some_and(|connection| connection.account.must_close()) {
                self.end_connection(slot, CloseReason::Operator);
            }
        }
    }

    /// Closes connections on which nothing came for their listener's
    /// `idleTimeout`. What is not received from by the daemon's choice is not
    /// idle.
    pub(super) fn close_idle(&mut self) {
        if self.is_ending || self.idle_at.is_none_or(|at| self.now < at) {
            return;
        }
        self.idle_at = None;
        for slot in 0..self.connections.len() {
            let Some(connection) = &self.connections[slot] else {
                continue;
            };
            let options = &self.shared.listeners[connection.listener].options;
            let Some(timeout) = options.idle_timeout else {
                continue;
            };
            if connection.ending.is_some() {
                continue;
            }
            let is_paused = connection.receive != ReceiveState::Armed;
            let since = match is_paused {
                true => self.now,
                false => connection.account.last_received_at(),
            };
            let at = since + timeout;
            if at <= self.now {
                self.end_connection(slot, CloseReason::IdleTimeout);
            } else {
                self.idle_at = Some(self.idle_at.map_or(at, |next| next.min(at)));
            }
        }
    }

    /// Notes that a connection has ended by itself: it is closed behind what
    /// others have sent.
    pub(super) fn ended(&mut self, slot: usize, reason: CloseReason) {
        if let Some(connection) = &mut self.connections[slot] {
            connection.ending = Some(reason);
            self.ended.push_back((slot, reason));
        }
    }

    /// Closes the connections that have ended in this turn. Of a flood of ends,
    /// thousands of half-open connections that are reaped in a moment, only what
    /// is too much: the others are not to wait for them.
    pub(super) fn close_ended_at_once(&mut self) {
        let is_flood = self.gathering.is_flood_of(self.ended.len());
        while !self.ended.is_empty() && (!is_flood || self.ended.len() > ENDS_MAX) {
            self.close_ended();
        }
    }

    /// Closes some of the connections that have ended.
    pub(super) fn close_ended(&mut self) {
        for _ in 0..ENDS_PER_TURN {
            let Some((slot, reason)) = self.ended.pop_front() else {
                return;
            };
            self.close(slot, reason);
        }
    }

    /// Delivers what a connection left and forgets it. No receive may be under
    /// way.
    pub(super) fn close(&mut self, slot: usize, reason: CloseReason) {
        if self.must_inflate_first(slot, reason) {
            return;
        }
        let Some(mut connection) = self.connections[slot].take() else {
            return;
        };
        let listener = connection.listener;
        let counters = &self.shared.listeners[listener].counters;
        if let Some(wrapping) = &connection.wrapping
            && wrapping.awaits_header
            && !connection.carry.is_empty()
        {
            // The beginning of a header is no message.
            counters.proxy_refused.add(1);
            connection.carry.clear();
        }
        let before = self.collected[listener].mark();
        let last = self.collected[listener].finish(
            &mut connection.framer,
            &self.framers[listener],
            &connection.carry,
            reason == CloseReason::Peer,
            &connection.source,
            counters,
        );
        self.limit_collected(listener, before);
        let counters = &self.shared.listeners[listener].counters;
        connection.account.messages.add(last);
        connection.count_faults(&self.shared, self.now);
        counters.closed[reason as usize].add(1);
        counters.sessions.subtract(1);
        self.shared.admission.sessions.subtract(1);
        if self.shared.listeners[listener].options.notify_on_close {
            let name = &self.shared.listeners[listener].options.name;
            let text = connection.account.closing_words(name, reason, self.now);
            self.shared.report.report(Severity::INFO, text);
        }
        if self.collected[listener].is_full() {
            self.publish_collected(listener);
        }
        if let Some(address) = connection.asked {
            self.forget_name(slot, address);
        }
        if connection.receive.is_watched() {
            // It would hold the socket open.
            self.ring.cancel(Kind::Watch, slot as Token);
        }
        self.ring.close(connection.socket);
        let inbox = &self.shared.inboxes[self.options.index];
        inbox.registry.leave(slot);
        inbox.ended();
        self.vacant.push(slot);
    }

    /// Whether a connection that is to be closed has bytes that wait to be
    /// inflated; then it is closed behind them, by the first reason.
    fn must_inflate_first(&mut self, slot: usize, reason: CloseReason) -> bool {
        let Some(connection) = &mut self.connections[slot] else {
            return false;
        };
        if !connection.has_backlog() {
            return false;
        }
        connection.ending.get_or_insert(reason);
        self.wait_to_inflate(slot);
        true
    }

    /// Ends all input: no accepts, no receives.
    pub(super) fn end(&mut self) {
        self.is_ending = true;
        self.resting.clear();
        if self.options.index == 0 {
            for listener in 0..self.shared.listeners.len() {
                self.ring.cancel(Kind::Accept, ACCEPT + listener as Token);
            }
        }
        self.end_datagrams();
        self.unfed.clear();
        for group in &mut self.groups {
            group.starved.clear();
            group.starved_short.clear();
        }
        for slot in 0..self.connections.len() {
            self.end_connection(slot, CloseReason::Stop);
        }
    }
}
