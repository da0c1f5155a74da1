//! A queue against a plain list, and from several threads at once.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use proptest::prelude::*;

use super::{Consumers, Queue, QueueOptions};
use crate::base::{Instant, Sleeper, Text};
use crate::message::{Batch, Body, Delay, Record, Timestamp};

/// A message of the model: its number, and what its room is charged with.
type Charged = (u64, usize);

/// A batch of `lens.len()` messages of these lengths, numbered from `first` on;
/// the number is in the text where it has room for it.
fn batch(first: u64, lens: &[usize]) -> Batch {
    let mut bytes = Vec::new();
    let mut records = Vec::new();
    for (number, len) in (first..).zip(lens) {
        let len = (*len).max(size_of::<u64>());
        records.push(Record {
            start: bytes.len() as u32,
            len: len as u32,
            ..Record::default()
        });
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.resize(bytes.len() + len - size_of::<u64>(), b'x');
    }
    Batch::new(
        Body {
            used: 0..bytes.len(),
            text: Text::owned(bytes, 0),
            rewritten: Vec::new(),
            records,
            sources: vec![Arc::default()],
            received: Timestamp::default(),
            received_at: Instant::default(),
            delay: Delay::Delayable,
            recycler: None,
        },
        0,
    )
}

fn numbers(batch: &Batch) -> Vec<u64> {
    let reader = batch.reader();
    (0..reader.len())
        .map(|index| {
            let text = reader.message(index).text;
            u64::from_le_bytes(text[..size_of::<u64>()].try_into().unwrap())
        })
        .collect()
}

fn charge(len: usize) -> usize {
    len.max(size_of::<u64>()) + size_of::<Record>()
}

/// A queue, its producer, and how often that one was woken.
fn queue(size: usize, memory_bytes_max: usize) -> (Queue, Arc<Sleeper>, Arc<AtomicUsize>) {
    let options = QueueOptions {
        size,
        memory_bytes_max,
        ..QueueOptions::main()
    };
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let producer = Arc::new(Sleeper::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    let consumer = Arc::new(Sleeper::new(|| {}));
    let queue = Queue::new(
        "test",
        options,
        Consumers::one(consumer),
        vec![Arc::clone(&producer)],
    );
    (queue, producer, woken)
}

/// What a queue should hold.
struct Model {
    size: usize,
    bytes_max: usize,
    waiting: VecDeque<Charged>,
    /// Dequeued and neither handed over nor given back, in order.
    dequeued: VecDeque<Charged>,
}

impl Model {
    fn bytes(&self) -> usize {
        let held = self.waiting.iter().chain(&self.dequeued);
        held.map(|(_, bytes)| bytes).sum()
    }

    fn held(&self) -> (usize, usize) {
        (self.waiting.len() + self.dequeued.len(), self.bytes())
    }

    /// Returns how many of the messages were taken.
    fn enqueue(&mut self, messages: &[Charged]) -> usize {
        for (taken, message) in messages.iter().enumerate() {
            let (held, bytes) = self.held();
            let has_room = held < self.size && bytes + message.1 <= self.bytes_max;
            if !has_room && bytes > 0 {
                return taken;
            }
            self.waiting.push_back(*message);
        }
        messages.len()
    }
}

#[derive(Clone, Debug)]
enum Operation {
    Enqueue(Vec<usize>),
    Dequeue(usize),
    /// So many of the dequeued batches, the oldest first.
    HandOver(usize),
    /// So many messages of those that were handed over.
    Acknowledge(usize),
    /// The newest dequeued batch.
    GiveBack,
    DiscardWaiting,
    DiscardDequeued,
    DiscardInHand,
}

fn operation() -> impl Strategy<Value = Operation> {
    let lens = prop::collection::vec(0usize..300, 1..20);
    prop_oneof![
        6 => lens.prop_map(Operation::Enqueue),
        6 => (1usize..15).prop_map(Operation::Dequeue),
        4 => (1usize..4).prop_map(Operation::HandOver),
        4 => (1usize..20).prop_map(Operation::Acknowledge),
        2 => Just(Operation::GiveBack),
        1 => Just(Operation::DiscardWaiting),
        1 => Just(Operation::DiscardDequeued),
        1 => Just(Operation::DiscardInHand),
    ]
}

proptest! {
    #[test]
    fn a_queue_is_a_list_with_bounds(
        size in 1usize..40,
        bytes_max in 1usize..5_000,
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        let (queue, ..) = queue(size, bytes_max);
        let mut model = Model {
            size,
            bytes_max,
            waiting: VecDeque::new(),
            dequeued: VecDeque::new(),
        };
        let mut dequeued: VecDeque<Batch> = VecDeque::new();
        let mut in_hand = 0;
        let mut next = 0;
        let (mut enqueued, mut acknowledged, mut discarded) = (0, 0, 0);
        for operation in operations {
            match operation {
                Operation::Enqueue(lens) => {
                    let messages: Vec<Charged> = (next..)
                        .zip(&lens)
                        .map(|(number, len)| (number, charge(*len)))
                        .collect();
                    let taken = model.enqueue(&messages);
                    let rest = queue.enqueue(batch(next, &lens));
                    let rest = rest.map_or(Vec::new(), |rest| numbers(&rest));
                    let refused: Vec<u64> =
                        messages[taken..].iter().map(|(number, _)| *number).collect();
                    prop_assert_eq!(rest, refused);
                    next += taken as u64;
                    enqueued += taken;
                }
                Operation::Dequeue(max) => {
                    let mut batches = Vec::new();
                    let count = queue.dequeue(max, &mut batches);
                    prop_assert_eq!(count, max.min(model.waiting.len()));
                    let found: Vec<u64> = batches.iter().flat_map(numbers).collect();
                    let taken: Vec<Charged> = model.waiting.drain(..count).collect();
                    let expected: Vec<u64> = taken.iter().map(|(number, _)| *number).collect();
                    prop_assert_eq!(found, expected);
                    model.dequeued.extend(taken);
                    dequeued.extend(batches);
                }
                Operation::HandOver(count) => {
                    for batch in dequeued.drain(..count.min(dequeued.len())) {
                        queue.hand_over(batch.len(), batch.bytes());
                        model.dequeued.drain(..batch.len());
                        in_hand += batch.len();
                    }
                }
                Operation::Acknowledge(count) => {
                    let count = count.min(in_hand);
                    queue.acknowledge(count);
                    in_hand -= count;
                    acknowledged += count;
                }
                Operation::GiveBack => {
                    if let Some(batch) = dequeued.pop_back() {
                        let kept = model.dequeued.len() - batch.len();
                        for message in model.dequeued.drain(kept..).rev() {
                            model.waiting.push_front(message);
                        }
                        queue.give_back(batch);
                    }
                }
                Operation::DiscardWaiting => {
                    prop_assert_eq!(queue.discard_waiting(), model.waiting.len());
                    discarded += model.waiting.len();
                    model.waiting.clear();
                }
                Operation::DiscardDequeued => {
                    for batch in dequeued.drain(..) {
                        queue.discard(batch.len(), batch.bytes());
                        discarded += batch.len();
                    }
                    model.dequeued.clear();
                }
                Operation::DiscardInHand => {
                    queue.discard_in_hand(in_hand);
                    discarded += in_hand;
                    in_hand = 0;
                }
            }
            prop_assert_eq!(queue.held(), model.held());
            prop_assert_eq!(queue.is_empty(), model.waiting.is_empty());
            let counters = &queue.counters;
            prop_assert_eq!(counters.enqueued.get(), enqueued as u64);
            prop_assert_eq!(counters.in_hand.get(), in_hand as u64);
            prop_assert_eq!(counters.acknowledged.get(), acknowledged as u64);
            prop_assert_eq!(counters.discarded_shutdown.get(), discarded as u64);
        }
    }

    /// A producer that was refused and went to sleep is woken before the queue
    /// is empty of held messages, whatever its bounds.
    #[test]
    fn a_refused_producer_is_woken(
        size in 1usize..40,
        bytes_max in 1usize..5_000,
        lens in prop::collection::vec(0usize..300, 1..200),
        max in 1usize..15,
    ) {
        let (queue, producer, woken) = queue(size, bytes_max);
        let mut rest = Some(batch(0, &lens));
        while let Some(offered) = rest {
            rest = queue.enqueue(offered);
            if rest.is_none() {
                break;
            }
            producer.prepare();
            let before = woken.load(Ordering::Relaxed);
            let mut batches = Vec::new();
            while queue.dequeue(max, &mut batches) > 0 {
                for batch in batches.drain(..) {
                    queue.hand_over(batch.len(), batch.bytes());
                }
            }
            prop_assert_eq!(woken.load(Ordering::Relaxed), before + 1);
        }
    }
}

/// Messages of each producer.
const MESSAGES: u64 = 20_000;

#[test]
fn producers_and_consumers_account_for_every_message() {
    const PRODUCERS: u64 = 3;
    const CONSUMERS: usize = 3;
    let (queue, ..) = queue(100, 6_000);
    let seen: Vec<AtomicUsize> = (0..PRODUCERS * MESSAGES)
        .map(|_| AtomicUsize::new(0))
        .collect();
    let left = AtomicUsize::new(seen.len());
    thread::scope(|scope| {
        for producer in 0..PRODUCERS {
            let queue = &queue;
            scope.spawn(move || produce(queue, producer * MESSAGES));
        }
        for consumer in 0..CONSUMERS {
            let (queue, seen, left) = (&queue, &seen, &left);
            scope.spawn(move || consume(queue, seen, left, consumer));
        }
    });
    assert!(seen.iter().all(|count| count.load(Ordering::Relaxed) == 1));
    assert_eq!(queue.held(), (0, 0));
    let counters = &queue.counters;
    assert_eq!(counters.enqueued.get(), seen.len() as u64);
    let ended = counters.acknowledged.get() + counters.discarded_shutdown.get();
    assert_eq!(ended, seen.len() as u64);
}

fn produce(queue: &Queue, first: u64) {
    let mut next = first;
    while next < first + MESSAGES {
        let count = (next % 37 + 1).min(first + MESSAGES - next);
        let lens: Vec<usize> = (0..count as usize).map(|index| index * 11 % 90).collect();
        let mut rest = Some(batch(next, &lens));
        while let Some(offered) = rest {
            rest = queue.enqueue(offered);
            let (messages, _) = queue.held();
            assert!(messages <= queue.options().size, "more held than fits");
            if rest.is_some() {
                thread::yield_now();
            }
        }
        next += count;
    }
}

fn consume(queue: &Queue, seen: &[AtomicUsize], left: &AtomicUsize, consumer: usize) {
    let mut turn = consumer;
    let mut batches = Vec::new();
    while left.load(Ordering::Relaxed) > 0 {
        turn += 1;
        if queue.dequeue(turn % 23 + 1, &mut batches) == 0 {
            thread::yield_now();
        }
        for batch in batches.drain(..) {
            if turn.is_multiple_of(5) {
                queue.give_back(batch);
                turn += 1;
                continue;
            }
            for number in numbers(&batch) {
                seen[number as usize].fetch_add(1, Ordering::Relaxed);
            }
            match turn.is_multiple_of(7) {
                true => queue.discard(batch.len(), batch.bytes()),
                false => {
                    queue.hand_over(batch.len(), batch.bytes());
                    queue.acknowledge(batch.len());
                }
            }
            left.fetch_sub(batch.len(), Ordering::Relaxed);
        }
    }
}
