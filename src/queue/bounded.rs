//! A queue: a store, its bounds, its accounts, and who waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consumers::Consumers;
use super::direct::Direct;
use super::fixed_array::FixedArray;
use super::linked_list::LinkedList;
use super::room::Room;
use super::store::Store;
use super::{QueueKind, QueueOptions};
use crate::base::text::Lent;
use crate::base::{Chunk, Counter, Sleeper};
use crate::message::Batch;

/// The account of a queue, in messages: `enqueued = acknowledged + discarded +
/// held + in_hand` at any quiet moment.
#[derive(Debug, Default)]
pub struct QueueCounters {
    pub enqueued: Counter,
    /// Handed over to the actions, and not acknowledged.
    pub in_hand: Counter,
    pub acknowledged: Counter,
    /// Had no room within `queue.timeoutEnqueue`.
    pub discarded_full: Counter,
    /// Not important enough (`queue.discardSeverity`) for a queue that was filled
    /// to its `queue.discardMark`.
    pub discarded_mark: Counter,
    /// Left out by `queue.samplingInterval`.
    pub discarded_sampling: Counter,
    /// Erased by an operator.
    pub discarded_purged: Counter,
    /// Lost at stop: the time to drain was over.
    pub discarded_shutdown: Counter,
    /// Times it became full; it is so until a quarter of it is free.
    pub full: Counter,
    /// Bytes copied because a batch waited in its receive chunk for too long.
    pub compacted_bytes: Counter,
}

/// A queue in front of rules or of an action.
pub struct Queue<L: Lent = Chunk> {
    name: String,
    options: QueueOptions,
    pub(super) store: Box<dyn Store<L>>,
    /// What comes before the store: the rest of a batch that was cut, and
    /// batches that were not acknowledged. Workers only; never a reactor.
    front: Mutex<VecDeque<Batch<L>>>,
    room: Room,
    consumers: Consumers,
    producers: Vec<Arc<Sleeper>>,
    is_closed: AtomicBool,
    /// Whether a producer was refused since there was ample room.
    pub(super) is_full: AtomicBool,
    /// Whether an operator holds the workers off.
    pub(super) is_paused: AtomicBool,
    pub counters: QueueCounters,
}

impl<L: Lent + 'static> Queue<L> {
    /// An empty queue. `consumers` are woken when there is work, `producers` when
    /// there is room again.
    pub fn new(
        name: impl Into<String>,
        options: QueueOptions,
        consumers: Consumers,
        producers: Vec<Arc<Sleeper>>,
    ) -> Queue<L> {
        let store: Box<dyn Store<L>> = match options.kind {
            QueueKind::Direct => Box::new(Direct::new()),
            QueueKind::FixedArray => Box::new(FixedArray::new(options.size)),
            QueueKind::LinkedList => Box::new(LinkedList::new()),
        };
        Queue {
            name: name.into(),
            room: Room::new(options.size, options.memory_bytes_max),
            options,
            store,
            front: Mutex::new(VecDeque::new()),
            consumers,
            producers,
            is_closed: AtomicBool::new(false),
            is_full: AtomicBool::new(false),
            is_paused: AtomicBool::new(false),
            counters: QueueCounters::default(),
        }
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn options(&self) -> &QueueOptions {
        &self.options
    }

    /// Takes as many leading messages of `batch` as there is room for. Returns
    /// the rest, if any: the producer keeps it and tries again when it is woken.
    pub fn enqueue(&self, mut batch: Batch<L>) -> Option<Batch<L>> {
        while !batch.is_empty() {
            let Some(front) = self.room.reserve(&mut batch) else {
                self.refuse();
                return Some(batch);
            };
            let (messages, bytes) = (front.len(), front.bytes());
            if let Err(mut front) = self.store.push(front) {
                self.room.release(messages, bytes);
                self.refuse();
                front.append(batch);
                return Some(front);
            }
            self.counters.enqueued.add(messages as u64);
            self.consumers.wake(self.room.held().0);
        }
        None
    }

    /// Takes messages that a worker passes on (a call into a ruleset with a queue,
    /// an action with one), as [`enqueue`](Self::enqueue) does.
    pub fn pass_on(&self, batch: Batch<L>) -> Option<Batch<L>> {
        self.enqueue(batch)
    }

    /// Takes and discards messages for which there was no room within
    /// `queue.timeoutEnqueue`.
    pub fn discard_late(&self, batch: &Batch<L>) {
        self.counters.enqueued.add(batch.len() as u64);
        self.counters.discarded_full.add(batch.len() as u64);
    }

    /// Appends batches of together at most `max` messages, oldest first, to
    /// `batches`. Returns the number of messages. They keep their room until
    /// they are handed over.
    pub fn dequeue(&self, max: usize, batches: &mut Vec<Batch<L>>) -> usize {
        let mut count = 0;
        let mut front = self.front();
        while count < max {
            let Some(mut batch) = front.pop_front().or_else(|| self.store.pop()) else {
                break;
            };
            let taken = batch.split_front(max - count);
            count += taken.len();
            batches.push(taken);
            if !batch.is_empty() {
                front.push_front(batch);
            }
        }
        count
    }

    /// Puts a batch back in front of all others, to be given again.
    pub fn give_back(&self, batch: Batch<L>) {
        self.front().push_front(batch);
    }

    /// Frees the room of messages of which every action has what it needs in
    /// buffers of its own, with bounds of their own.
    pub fn hand_over(&self, messages: usize, bytes: usize) {
        self.counters.in_hand.add(messages as u64);
        self.release(messages, bytes);
    }

    /// Ends the account of messages that were handed over, and that every
    /// action has committed.
    pub fn acknowledge(&self, messages: usize) {
        self.counters.in_hand.subtract(messages as u64);
        self.counters.acknowledged.add(messages as u64);
    }

    /// Discards all that waits, at the end of the time to drain. Returns the
    /// number of messages.
    pub fn discard_waiting(&self) -> usize {
        let mut batches = Vec::new();
        let count = self.dequeue(usize::MAX, &mut batches);
        for batch in batches {
            self.discard(batch.len(), batch.bytes());
        }
        count
    }

    /// Ends the account of messages that were dequeued and not handed over when
    /// the time to stop was over.
    pub fn discard(&self, messages: usize, bytes: usize) {
        self.counters.discarded_shutdown.add(messages as u64);
        self.release(messages, bytes);
    }

    /// Ends the account of messages that were handed over and not committed
    /// when the time to stop was over.
    pub fn discard_in_hand(&self, messages: usize) {
        self.counters.in_hand.subtract(messages as u64);
        self.counters.discarded_shutdown.add(messages as u64);
    }

    /// Whether nothing waits. What was dequeued does not wait.
    pub fn is_empty(&self) -> bool {
        self.store.is_empty() && self.front().is_empty()
    }

    /// Messages and bytes that have room: waiting, and dequeued but not handed
    /// over.
    pub fn held(&self) -> (usize, usize) {
        self.room.held()
    }

    /// Says that no producer is left. The consumer ends when it is empty.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.consumers.wake_all();
    }

    /// Whether no producer is left.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// The threads that take from it.
    pub fn consumers(&self) -> &Consumers {
        &self.consumers
    }

    /// Wakes the consumers that sleep: something but the queue changed.
    pub fn wake_consumers(&self) {
        self.consumers.wake_all();
    }

    fn refuse(&self) {
        if !self.is_full.swap(true, Ordering::Relaxed) {
            self.counters.full.add(1);
        }
    }

    pub(super) fn release(&self, messages: usize, bytes: usize) {
        self.room.release(messages, bytes);
        // Waking at the first free place would wake for every batch.
        if self.room.is_ample() {
            self.is_full.store(false, Ordering::Relaxed);
            for producer in &self.producers {
                producer.wake();
            }
        }
    }

    pub(super) fn front(&self) -> MutexGuard<'_, VecDeque<Batch<L>>> {
        // The list is whole at every moment, also where a thread died.
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
