//! From received bytes to batches.

use std::ops::Range;

use super::{InChunk, Reactor};
use crate::base::{Chunk, Clock};
use crate::limits::{COLLECT_BYTES, COPY_BYTES};
use crate::receive::CloseReason;
use crate::receive::connection::ReceiveState;
use crate::ring::{Kind, Received, Ring, Token};

impl<R: Ring, C: Clock> Reactor<R, C> {
    pub(super) fn receive(&mut self, slot: usize, received: Received, is_last: bool) {
        match received {
            Received::Bytes { chunk, len } => {
                let is_full = len == chunk.size();
                self.take_bytes(slot, chunk, len);
                if is_full {
                    self.grow(slot, !is_last);
                }
                if is_last {
                    self.rearm(slot);
                }
            }
            Received::NoChunk => self.unfeed(slot),
            // Nothing is under way on the socket any more.
            Received::End => self.ended(slot, CloseReason::Peer),
            Received::Cancelled => {
                let connection = self.connections[slot].as_ref();
                let ending = connection.and_then(|connection| connection.ending);
                let is_growing = connection.is_some_and(|connection| connection.is_growing);
                if ending.is_none() && (is_growing || self.is_paused_to_inflate(slot)) {
                    return self.rearm(slot);
                }
                self.close(slot, ending.unwrap_or(CloseReason::Stop));
            }
            Received::Failed(error) => {
                if let Some(connection) = &self.connections[slot] {
                    self.ended(slot, connection.close_reason(&error));
                }
            }
        }
    }

    /// Whether a receive may be started on a connection without one. One that is
    /// to end is closed, one with a backlog waits to be inflated.
    pub(super) fn may_receive(&mut self, slot: usize) -> bool {
        let Some(connection) = &self.connections[slot] else {
            return false;
        };
        if let Some(reason) = connection.ending {
            self.close(slot, reason);
            return false;
        }
        if connection.has_backlog() {
            self.wait_to_inflate(slot);
            return false;
        }
        true
    }

    pub(super) fn rearm(&mut self, slot: usize) {
        if !self.may_receive(slot) {
            return;
        }
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if let Some(wrapping) = &mut connection.wrapping {
            wrapping.is_paused = false;
        }
        if connection.receive == ReceiveState::Inflating {
            connection.account.resume();
        }
        if connection.receive.is_watched() {
            connection.account.resume();
            self.ring.cancel(Kind::Watch, slot as Token);
        }
        connection.receive = ReceiveState::Armed;
        connection.is_growing = false;
        let (socket, size) = (connection.socket, connection.size);
        let listener = connection.listener;
        let group = self.group_of(listener);
        self.ring.receive(socket, group, size, slot as Token);
    }

    /// Frames and parses what was received.
    pub(super) fn take_bytes(&mut self, slot: usize, chunk: Chunk, len: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let counters = &self.shared.listeners[connection.listener].counters;
        counters.bytes.add(len as u64);
        connection.account.received(len, self.now);
        let range = chunk.headroom()..chunk.headroom() + len;
        match connection.wrapping {
            None => self.frame_chunk(slot, chunk, range),
            Some(_) => self.unwrap_chunk(slot, chunk, range),
        }
    }

    /// Frames and parses bytes that have no room in front of them for a frame that
    /// was cut.
    pub(super) fn frame_piece(&mut self, slot: usize, piece: &[u8]) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let mut joined = std::mem::take(&mut self.joined);
        joined.clear();
        joined.append(&mut connection.carry);
        joined.extend_from_slice(piece);
        self.collect(slot, &joined, 0, joined.len());
        self.joined = joined;
    }

    /// Frames and parses bytes of a chunk, behind its headroom.
    pub(super) fn frame_chunk(&mut self, slot: usize, mut chunk: Chunk, range: Range<usize>) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if connection.carry.len() > range.start {
            return self.frame_piece(slot, &chunk.bytes()[range]);
        }
        let counters = &self.shared.listeners[connection.listener].counters;
        // The cut frame is put in front of its continuation.
        let start = range.start - connection.carry.len();
        let (end, len) = (range.end, range.len());
        chunk.bytes_mut()[start..range.start].copy_from_slice(&connection.carry);
        connection.carry.clear();
        let listener = connection.listener;
        if len >= COPY_BYTES {
            let framed = self.lent.frame(
                &mut connection.framer,
                &self.framers[listener],
                chunk.bytes(),
                start..end,
                &connection.source,
                counters,
            );
            connection.account.framed(framed.frames, framed.framings);
            if !framed.is_full {
                connection
                    .carry
                    .extend_from_slice(&chunk.bytes()[framed.rest..end]);
                connection.count_faults(&self.shared, self.now);
                self.limit_lent(listener);
                if !self.lent.is_empty() {
                    let reception = self.reception(listener);
                    let batch = self.lent.take_lent(chunk, start..framed.rest, reception);
                    self.in_chunks.push_back(InChunk {
                        since: self.now,
                        body: batch.downgrade(),
                        outlet: self.outlet_of[listener],
                    });
                    // What the connection sent before is in front.
                    self.publish_collected(listener);
                    self.publish(batch, listener);
                }
                return;
            }
            self.limit_lent(listener);
            // A chunk of tiny messages: its records would pin far more memory
            // than its text. It goes in pieces.
            let used = start..framed.rest;
            if !self.lent.is_empty() {
                let reception = self.reception(listener);
                let batch = self.lent.take_copy_of(chunk.bytes(), used, reception);
                self.publish_collected(listener);
                self.publish(batch, listener);
            }
            return self.collect(slot, chunk.bytes(), framed.rest, end);
        }
        self.collect(slot, chunk.bytes(), start, end);
    }

    /// Frames and parses bytes and copies what is needed of them.
    pub(super) fn collect(&mut self, slot: usize, bytes: &[u8], mut start: usize, end: usize) {
        loop {
            let Some(connection) = &mut self.connections[slot] else {
                return;
            };
            let listener = connection.listener;
            let counters = &self.shared.listeners[listener].counters;
            let collected = &mut self.collected[listener];
            let before = collected.mark();
            let framed = collected.frame_copied(
                &mut connection.framer,
                &self.framers[listener],
                bytes,
                start..end,
                &connection.source,
                counters,
            );
            start = framed.rest;
            connection.account.framed(framed.frames, framed.framings);
            if !framed.is_full {
                let rest = &bytes[start..end];
                connection.carry.extend_from_slice(rest);
                connection.count_faults(&self.shared, self.now);
            }
            self.limit_collected(listener, before);
            let collected = &self.collected[listener];
            if collected.is_full() || collected.copied_bytes() >= COLLECT_BYTES {
                self.publish_collected(listener);
            }
            if !framed.is_full {
                return;
            }
        }
    }
}
