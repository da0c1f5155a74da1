//! From batches to the queues, and the copy of what waits in a chunk.

use std::sync::Arc;

use super::super::assembly::Reception;
use super::outlet::Pending;
use super::{CHUNK_WAIT, InChunk, Reactor};
use crate::base::Clock;
use crate::message::{Batch, Severity};
use crate::queue::Queue;
use crate::receive::tellings::Telling;
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

    /// Gives the queues what was collected, and what waits for room in them.
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

    /// Gives a batch to its listener's queue, behind those that wait for room in
    /// it.
    pub(super) fn publish(&mut self, batch: Batch, listener: usize) {
        self.giving_back.count(batch.bytes(), self.now);
        if self.is_pushed_back(listener) {
            self.hold(batch, listener);
        } else if let Some(rest) = self.enqueue(batch, listener) {
            self.hold(rest, listener);
        }
    }

    fn hold(&mut self, batch: Batch, listener: usize) {
        let counters = &self.shared.listeners[listener].counters;
        counters.held.add(batch.len() as u64);
        let outlet = self.outlet_of[listener];
        self.outlets[outlet].pending.push_back(Pending {
            batch,
            listener,
            since: self.now,
        });
    }

    /// Returns what the queue did not take.
    fn enqueue(&self, batch: Batch, listener: usize) -> Option<Batch> {
        let offered = batch.len();
        let outlet = &self.outlets[self.outlet_of[listener]];
        let rest = outlet.queue.enqueue(batch);
        let taken = offered - rest.as_ref().map_or(0, Batch::len);
        let counters = &self.shared.listeners[listener].counters;
        counters.enqueued.add(taken as u64);
        rest
    }

    /// Offers the queues what waits; if one has no room, asks to be woken.
    fn offer_pending(&mut self) {
        self.room.awake();
        for outlet in 0..self.outlets.len() {
            if !self.outlets[outlet].pending.is_empty() {
                self.offer(outlet);
                self.discard_late(outlet);
            }
        }
        if self.has_nothing_pending() {
            self.room.awake();
        }
    }

    /// Offers one queue what waits for it. If anything is left, it was refused
    /// after the reactor has asked to be woken.
    fn offer(&mut self, outlet: usize) {
        let mut is_asleep = false;
        while let Some(Pending {
            batch,
            listener,
            since,
        }) = self.outlets[outlet].pending.pop_front()
        {
            let before = batch.len();
            let rest = self.enqueue(batch, listener);
            let taken = before - rest.as_ref().map_or(0, Batch::len);
            let counters = &self.shared.listeners[listener].counters;
            counters.held.subtract(taken as u64);
            let Some(batch) = rest else { continue };
            self.outlets[outlet].pending.push_front(Pending {
                batch,
                listener,
                since,
            });
            if is_asleep && taken == 0 {
                return;
            }
            // The queue may get room between the refusal and the sleep: look
            // once more after saying so.
            self.room.prepare();
            is_asleep = true;
        }
    }

    /// Discards what cannot wait any longer for room in its queue.
    fn discard_late(&mut self, outlet: usize) {
        let outlet = &mut self.outlets[outlet];
        while outlet.expires_at().is_some_and(|at| at <= self.now)
            && let Some(Pending {
                batch, listener, ..
            }) = outlet.pending.pop_front()
        {
            let listener = &self.shared.listeners[listener];
            outlet.queue.discard_late(&batch);
            listener.counters.held.subtract(batch.len() as u64);
            listener.counters.enqueued.add(batch.len() as u64);
            if listener.tellings.is_due(Telling::Late, self.now) {
                self.shared.report.report(
                    Severity::WARNING,
                    late_words(&listener.options.name, &outlet.queue),
                );
            }
        }
    }

    /// Gives up what the queues did not take: the time to stop is over.
    pub(super) fn abandon(&mut self) {
        let outlets = self.outlets.iter_mut();
        for pending in outlets.flat_map(|outlet| outlet.pending.drain(..)) {
            let counters = &self.shared.listeners[pending.listener].counters;
            counters.held.subtract(pending.batch.len() as u64);
            counters.discarded_shutdown.add(pending.batch.len() as u64);
        }
    }

    /// Moves batches that have waited out of their chunks.
    pub(super) fn compact(&mut self) {
        while let Some(&InChunk { since, outlet, .. }) = self.in_chunks.front() {
            if self.now.since(since) < CHUNK_WAIT {
                break;
            }
            let oldest = self.in_chunks.front();
            if let Some(body) = oldest.and_then(|oldest| oldest.body.upgrade()) {
                match body.text.compact(body.used.clone()) {
                    Some(copied) => {
                        let counters = &self.outlets[outlet].queue.counters;
                        counters.compacted_bytes.add(copied as u64);
                    }
                    // A worker reads it now, and may stall while it does.
                    None => self.in_chunks.push_back(InChunk {
                        since: self.now,
                        body: Arc::downgrade(&body),
                        outlet,
                    }),
                }
            }
            self.in_chunks.pop_front();
        }
    }
}

/// What is told about messages that could not wait any longer.
fn late_words(listener: &str, queue: &Queue) -> String {
    format!(
        "listener {listener}: the queue {} had no room within queue.timeoutEnqueue, {} ms: \
         messages that cannot wait are discarded, {} of that queue's so far",
        queue.name(),
        queue.options().timeout_enqueue.as_millis(),
        queue.counters.discarded_full.get()
    )
}
