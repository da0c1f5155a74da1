//! From batches to the queue, and the copy of what waits in a chunk.

use std::sync::Arc;

use super::super::assembly::Reception;
use super::{CHUNK_WAIT, Pending, Reactor};
use crate::base::Clock;
use crate::message::Batch;
use crate::ring::Ring;

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// What the batches of a listener that are made in this turn share.
    pub(super) fn reception(&self, listener: usize) -> Reception {
        Reception {
            at: self.received,
            instant: self.now,
            ruleset: self.shared.listeners[listener].options.ruleset,
            delay: self.shared.listeners[listener].options.delay,
        }
    }

    /// Gives the queue what was collected, and what waits for room in it.
    pub(super) fn publish_all(&mut self) {
        for listener in 0..self.collected.len() {
            self.publish_collected(listener);
        }
        self.offer_pending();
    }

    pub(super) fn publish_collected(&mut self, listener: usize) {
        if !self.collected[listener].is_empty() {
            let reception = self.reception(listener);
            let batch = self.collected[listener].take_copied(reception);
            self.publish(batch, listener);
        }
    }

    /// Gives a batch to the queue, behind those that wait for room.
    pub(super) fn publish(&mut self, batch: Batch, listener: usize) {
        if self.pending.is_empty() {
            if let Some(rest) = self.enqueue(batch, listener) {
                self.hold(rest, listener);
            }
        } else {
            self.hold(batch, listener);
        }
    }

    pub(super) fn hold(&mut self, batch: Batch, listener: usize) {
        let counters = &self.shared.listeners[listener].counters;
        counters.held.add(batch.len() as u64);
        self.pending.push_back(Pending { batch, listener });
    }

    /// Returns what the queue did not take.
    pub(super) fn enqueue(&self, batch: Batch, listener: usize) -> Option<Batch> {
        let offered = batch.len();
        let rest = self.shared.queue.enqueue(batch);
        let taken = offered - rest.as_ref().map_or(0, Batch::len);
        let counters = &self.shared.listeners[listener].counters;
        counters.enqueued.add(taken as u64);
        rest
    }

    /// Offers the queue what waits; if it has no room, asks to be woken.
    pub(super) fn offer_pending(&mut self) {
        self.room.awake();
        let mut is_asleep = false;
        while let Some(Pending { batch, listener }) = self.pending.pop_front() {
            let before = batch.len();
            let rest = self.enqueue(batch, listener);
            let taken = before - rest.as_ref().map_or(0, Batch::len);
            let counters = &self.shared.listeners[listener].counters;
            counters.held.subtract(taken as u64);
            let Some(batch) = rest else { continue };
            self.pending.push_front(Pending { batch, listener });
            if is_asleep && taken == 0 {
                return;
            }
            // The queue may get room between the refusal and the sleep: look
            // once more after saying so.
            self.room.prepare();
            is_asleep = true;
        }
        self.room.awake();
    }

    /// Gives up what the queue did not take: the time to stop is over.
    pub(super) fn abandon(&mut self) {
        for Pending { batch, listener } in self.pending.drain(..) {
            let counters = &self.shared.listeners[listener].counters;
            counters.held.subtract(batch.len() as u64);
            counters.discarded_shutdown.add(batch.len() as u64);
        }
    }

    /// Moves batches that have waited out of their chunks.
    pub(super) fn compact(&mut self) {
        while let Some((since, body)) = self.in_chunks.front() {
            if self.now.since(*since) < CHUNK_WAIT {
                break;
            }
            if let Some(body) = body.upgrade() {
                match body.text.compact(body.used.clone()) {
                    Some(copied) => {
                        let counters = &self.shared.queue.counters;
                        counters.compacted_bytes.add(copied as u64);
                    }
                    // A worker reads it now, and may stall while it does.
                    None => {
                        let body = Arc::downgrade(&body);
                        self.in_chunks.push_back((self.now, body));
                    }
                }
            }
            self.in_chunks.pop_front();
        }
    }
}
