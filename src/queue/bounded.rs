//! A queue: a store, its bounds, its accounts, and who waits for it.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::consumers::Consumers;
use super::counters::QueueCounters;
use super::discard::{Discard, without};
use super::fixed_array::FixedArray;
use super::linked_list::LinkedList;
use super::room::{Class, Room};
use super::sampling::Sampling;
use super::store::Store;
use super::{QueueKind, QueueOptions};
use crate::base::text::Lent;
use crate::base::{Chunk, Sleeper};
use crate::message::Batch;

/// Batches for which a list keeps its memory when it is empty.
const FRONT_KEPT: usize = 64;

/// A queue in front of rules or of an action.
pub struct Queue<L: Lent = Chunk> {
    name: String,
    options: QueueOptions,
    pub(super) store: Box<dyn Store<L>>,
    /// What comes before the store: the rest of a batch that was cut, and
    /// batches that were not acknowledged. Workers only; never a reactor.
    front: Mutex<VecDeque<Batch<L>>>,
    pub(super) room: Room,
    /// Messages in the store and in front of it.
    waiting: AtomicUsize,
    pub(super) discard: Option<Discard>,
    sampling: Option<Sampling>,
    consumers: Consumers,
    is_closed: AtomicBool,
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
            // The place of the one batch that goes from hand to hand.
            QueueKind::Direct => Box::new(FixedArray::new(1)),
            QueueKind::FixedArray => Box::new(FixedArray::new(options.size)),
            QueueKind::LinkedList => Box::new(LinkedList::new()),
        };
        Queue {
            name: name.into(),
            room: Room::of(&options, producers),
            waiting: AtomicUsize::new(0),
            discard: Discard::new(&options),
            sampling: Sampling::new(options.sampling_interval),
            options,
            store,
            front: Mutex::new(VecDeque::new()),
            consumers,
            is_closed: AtomicBool::new(false),
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

    /// Takes as many leading messages of `batch` as there is room for: up to the
    /// light delay mark where their sender can be made to wait. Returns the rest,
    /// if any: the producer keeps it, and offers it again when it is woken. Before
    /// it sleeps it must offer it once more, after it said that it is about to.
    pub fn enqueue(&self, batch: Batch<L>) -> Option<Batch<L>> {
        let class = Class::of_input(batch.delay());
        self.take(batch, class)
    }

    /// Takes messages that a worker passes on (a call into a ruleset with a queue,
    /// an action with one), as [`enqueue`](Self::enqueue) does, but up to the full
    /// delay mark.
    pub fn pass_on(&self, batch: Batch<L>) -> Option<Batch<L>> {
        let class = Class::of_worker(batch.delay());
        self.take(batch, class)
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
            self.count_out(&taken);
            count += taken.len();
            batches.push(taken);
            if !batch.is_empty() {
                front.push_front(batch);
            }
        }
        if front.is_empty() && front.capacity() > FRONT_KEPT {
            *front = VecDeque::new();
        }
        count
    }

    /// Puts a batch back in front of all others, to be given again.
    pub fn give_back(&self, batch: Batch<L>) {
        let mut front = self.front();
        self.count_in(&batch);
        front.push_front(batch);
    }

    /// Frees the room of messages of which every action has what it needs in
    /// buffers of its own, with bounds of their own.
    pub fn hand_over(&self, messages: usize, bytes: usize) {
        self.counters.in_hand.add(messages as u64);
        self.room.release(messages, bytes);
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
        self.room.release(messages, bytes);
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

    /// Messages that wait.
    pub fn waiting(&self) -> usize {
        self.waiting.load(Ordering::Relaxed)
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

    fn take(&self, mut batch: Batch<L>, class: Class) -> Option<Batch<L>> {
        let mut was_refused = false;
        while !batch.is_empty() {
            let messages_max = self.apply_mark(&mut batch);
            let before = batch.len();
            if before == 0 {
                break;
            }
            match &self.sampling {
                None => {
                    self.take_some(&mut batch, class, messages_max);
                }
                Some(sampling) => {
                    let take = |batch: &mut Batch<L>| self.take_some(batch, class, messages_max);
                    let left_out = sampling.take(&mut batch, take) as u64;
                    self.counters.enqueued.add(left_out);
                    self.counters.discarded_sampling.add(left_out);
                }
            }
            if batch.len() < before {
                was_refused = false;
            } else if self.room.held().0 >= messages_max {
                // Another producer has filled it to the discard mark.
            } else if was_refused {
                return Some(batch);
            } else {
                // The consumer may have made room since: look once more.
                was_refused = true;
                if self.room.refuse(class) {
                    self.counters.full.add(1);
                    // They may wait for more messages.
                    self.consumers.wake(self.waiting());
                }
            }
        }
        None
    }

    /// Discards what is not important enough for a queue that is filled to its
    /// discard mark. Returns how many messages may be held until that is to be
    /// done again.
    fn apply_mark(&self, batch: &mut Batch<L>) -> usize {
        let Some(discard) = &self.discard else {
            return usize::MAX;
        };
        if self.room.held().0 < discard.mark() {
            return discard.mark();
        }
        let before = batch.len();
        let kept = without(batch.clone(), |severity| discard.is_erasable(severity));
        *batch = kept.unwrap_or_else(|| batch.split_front(0));
        let discarded = (before - batch.len()) as u64;
        self.counters.enqueued.add(discarded);
        self.counters.discarded_mark.add(discarded);
        usize::MAX
    }

    /// Takes leading messages of `batch`, while `messages_max` are held at most.
    /// Returns how many.
    fn take_some(&self, batch: &mut Batch<L>, class: Class, messages_max: usize) -> usize {
        // Room that was taken and given back would wake the producer for nothing.
        if self.store.is_full() {
            return 0;
        }
        let Some(front) = self.room.reserve(batch, class, messages_max) else {
            return 0;
        };
        let (messages, bytes) = (front.len(), front.bytes());
        // Counted before it can be taken again, so that no count is below 0.
        let waiting = self.count_in(&front);
        if let Err(mut front) = self.store.push(front) {
            // Another producer took the last place.
            self.count_out(&front);
            front.append(batch.clone());
            *batch = front;
            self.room.release(messages, bytes);
            return 0;
        }
        self.counters.enqueued.add(messages as u64);
        self.consumers.wake(waiting);
        messages
    }

    /// Counts a batch that is about to wait. Returns how many messages do.
    pub(super) fn count_in(&self, batch: &Batch<L>) -> usize {
        if let Some(discard) = &self.discard {
            discard.add(batch);
        }
        self.waiting.fetch_add(batch.len(), Ordering::Relaxed) + batch.len()
    }

    /// Counts a batch that waits no longer.
    pub(super) fn count_out(&self, batch: &Batch<L>) {
        if let Some(discard) = &self.discard {
            discard.subtract(batch);
        }
        self.waiting.fetch_sub(batch.len(), Ordering::Relaxed);
    }

    pub(super) fn front(&self) -> MutexGuard<'_, VecDeque<Batch<L>>> {
        // The list is whole at every moment, also where a thread died.
        self.front.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
