//! Random operations on a queue and on its model.

use std::collections::VecDeque;

use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;

use super::model::Model;
use super::{Charged, batch, charge, delay, numbers, options, queue, severity};
use crate::message::{Batch, Delay, Severity};
use crate::queue::{Queue, QueueOptions};

#[derive(Clone, Debug)]
enum Operation {
    /// Messages of these lengths, from an input or passed on by a worker.
    Enqueue(Vec<usize>, Delay, bool),
    /// What was refused last is offered again.
    Offer,
    /// What was refused last found no room in time.
    DiscardLate,
    Dequeue(usize),
    /// So many of the dequeued batches, the oldest first.
    HandOver(usize),
    /// So many messages of those that were handed over.
    Acknowledge(usize),
    /// The newest dequeued batch.
    GiveBack,
    Sweep,
    Purge(Option<u8>),
    Oldest,
    DiscardWaiting,
    DiscardDequeued,
    DiscardInHand,
    Close,
}

fn operation() -> impl Strategy<Value = Operation> {
    let lens = prop::collection::vec(0usize..300, 1..20);
    prop_oneof![
        12 => (lens, delay(), any::<bool>())
            .prop_map(|(lens, delay, passes)| Operation::Enqueue(lens, delay, passes)),
        3 => Just(Operation::Offer),
        1 => Just(Operation::DiscardLate),
        10 => (1usize..15).prop_map(Operation::Dequeue),
        8 => (1usize..4).prop_map(Operation::HandOver),
        8 => (1usize..20).prop_map(Operation::Acknowledge),
        4 => Just(Operation::GiveBack),
        6 => Just(Operation::Sweep),
        2 => prop::option::of(0u8..8).prop_map(Operation::Purge),
        2 => Just(Operation::Oldest),
        1 => Just(Operation::DiscardWaiting),
        1 => Just(Operation::DiscardDequeued),
        1 => Just(Operation::DiscardInHand),
        1 => Just(Operation::Close),
    ]
}

/// A queue, its model, and what producers and workers hold.
struct Run {
    queue: Queue,
    model: Model,
    dequeued: VecDeque<Batch>,
    refused: Option<(Batch, bool)>,
    next: u64,
    is_closed: bool,
}

impl Run {
    fn new(options: QueueOptions) -> Run {
        Run {
            queue: queue(options.clone()).0,
            model: Model::new(options),
            dequeued: VecDeque::new(),
            refused: None,
            next: 0,
            is_closed: false,
        }
    }

    fn step(&mut self, operation: Operation) -> TestCaseResult {
        match operation {
            Operation::Enqueue(lens, delay, is_passed_on) => {
                let offered = batch(self.next, &lens, delay);
                self.next += lens.len() as u64;
                self.enqueue(offered, is_passed_on)?;
            }
            Operation::Offer => {
                if let Some((offered, is_passed_on)) = self.refused.take() {
                    self.enqueue(offered, is_passed_on)?;
                }
            }
            Operation::DiscardLate => {
                if let Some((late, _)) = self.refused.take() {
                    self.queue.discard_late(&late);
                    self.model.enqueued += late.len();
                    self.model.discarded_full += late.len();
                }
            }
            Operation::Dequeue(max) => self.dequeue(max)?,
            Operation::HandOver(count) => {
                for batch in self.dequeued.drain(..count.min(self.dequeued.len())) {
                    self.queue.hand_over(batch.len(), batch.bytes());
                    self.model.dequeued.drain(..batch.len());
                    self.model.in_hand += batch.len();
                }
            }
            Operation::Acknowledge(count) => {
                let count = count.min(self.model.in_hand);
                self.queue.acknowledge(count);
                self.model.in_hand -= count;
                self.model.acknowledged += count;
            }
            Operation::GiveBack => {
                if let Some(batch) = self.dequeued.pop_back() {
                    let kept = self.model.dequeued.len() - batch.len();
                    for message in self.model.dequeued.drain(kept..).rev() {
                        self.model.waiting.push_front(message);
                    }
                    self.queue.give_back(batch);
                }
            }
            Operation::Sweep => prop_assert_eq!(self.queue.sweep(), self.model.sweep()),
            Operation::Purge(severity) => {
                let severity = severity.and_then(Severity::new);
                prop_assert_eq!(self.queue.purge(severity), self.model.purge(severity));
            }
            Operation::Oldest => {
                let has_oldest = self.queue.oldest().is_some();
                prop_assert_eq!(has_oldest, !self.model.waiting.is_empty());
            }
            Operation::DiscardWaiting => {
                let count = self.queue.discard_waiting();
                prop_assert_eq!(count, self.model.waiting.len());
                self.model.discarded_shutdown += count;
                self.model.waiting.clear();
            }
            Operation::DiscardDequeued => {
                for batch in self.dequeued.drain(..) {
                    self.queue.discard(batch.len(), batch.bytes());
                    self.model.discarded_shutdown += batch.len();
                }
                self.model.dequeued.clear();
            }
            Operation::DiscardInHand => {
                self.queue.discard_in_hand(self.model.in_hand);
                self.model.discarded_shutdown += self.model.in_hand;
                self.model.in_hand = 0;
            }
            Operation::Close => {
                self.queue.close();
                self.is_closed = true;
            }
        }
        Ok(())
    }

    fn enqueue(&mut self, offered: Batch, is_passed_on: bool) -> TestCaseResult {
        let reader = offered.reader();
        let messages = numbers(&offered).into_iter().zip(0..);
        let messages = messages.map(|(number, index)| Charged {
            number,
            bytes: charge(reader.message(index).text.len()),
            severity: severity(number),
        });
        let messages = messages.collect();
        drop(reader);
        let refused = self.model.enqueue(messages, offered.delay(), is_passed_on);
        let rest = match is_passed_on {
            true => self.queue.pass_on(offered),
            false => self.queue.enqueue(offered),
        };
        let found = rest.as_ref().map_or(Vec::new(), numbers);
        let expected: Vec<u64> = refused.iter().map(|message| message.number).collect();
        prop_assert_eq!(found, expected);
        self.refused = rest.map(|rest| (rest, is_passed_on));
        Ok(())
    }

    fn dequeue(&mut self, max: usize) -> TestCaseResult {
        let mut batches = Vec::new();
        let count = self.queue.dequeue(max, &mut batches);
        prop_assert_eq!(count, max.min(self.model.waiting.len()));
        let found: Vec<u64> = batches.iter().flat_map(numbers).collect();
        let taken: Vec<Charged> = self.model.waiting.drain(..count).collect();
        let expected: Vec<u64> = taken.iter().map(|message| message.number).collect();
        prop_assert_eq!(found, expected);
        self.model.dequeued.extend(taken);
        self.dequeued.extend(batches);
        Ok(())
    }

    fn check(&self) -> TestCaseResult {
        let (queue, model) = (&self.queue, &self.model);
        prop_assert_eq!(queue.held(), model.held());
        prop_assert_eq!(queue.waiting(), model.waiting.len());
        prop_assert_eq!(queue.is_empty(), model.waiting.is_empty());
        prop_assert_eq!(queue.is_discarding(), model.is_discarding());
        prop_assert_eq!(queue.needs_sweep(), model.needs_sweep());
        prop_assert_eq!(queue.is_closed(), self.is_closed);
        let counters = &queue.counters;
        let found = [
            &counters.enqueued,
            &counters.in_hand,
            &counters.acknowledged,
            &counters.discarded_full,
            &counters.discarded_mark,
            &counters.discarded_sampling,
            &counters.discarded_purged,
            &counters.discarded_shutdown,
        ];
        let expected = [
            model.enqueued,
            model.in_hand,
            model.acknowledged,
            model.discarded_full,
            model.discarded_mark,
            model.discarded_sampling,
            model.discarded_purged,
            model.discarded_shutdown,
        ];
        prop_assert_eq!(found.map(|counter| counter.get() as usize), expected);
        let placed = model.acknowledged + model.discarded() + model.held().0 + model.in_hand;
        prop_assert_eq!(model.enqueued, placed);
        Ok(())
    }
}

proptest! {
    #[test]
    fn a_queue_is_a_list_with_bounds_and_marks(
        options in options(),
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        let mut run = Run::new(options);
        for operation in operations {
            run.step(operation)?;
            run.check()?;
        }
    }
}
