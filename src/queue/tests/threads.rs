//! Several producers and consumers at once.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread;

use super::{batch, numbers, queue, severity};
use crate::message::{Delay, Severity};
use crate::queue::{Queue, QueueKind, QueueOptions};

const PRODUCERS: u64 = 4;
const CONSUMERS: usize = 2;
/// Messages of each producer.
const MESSAGES: u64 = 20_000;

/// Has producers and consumers use a queue; how often each message was seen by
/// a consumer.
fn run(queue: &Queue) -> Vec<usize> {
    let seen: Vec<AtomicUsize> = (0..PRODUCERS * MESSAGES)
        .map(|_| AtomicUsize::new(0))
        .collect();
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let producers: Vec<_> = (0..PRODUCERS)
            .map(|producer| scope.spawn(move || produce(queue, producer * MESSAGES)))
            .collect();
        for consumer in 0..CONSUMERS {
            let (seen, is_over) = (&seen, &is_over);
            scope.spawn(move || consume(queue, seen, is_over, consumer));
        }
        for producer in producers {
            producer.join().unwrap();
        }
        is_over.store(true, Ordering::Release);
    });
    seen.into_iter().map(AtomicUsize::into_inner).collect()
}

fn produce(queue: &Queue, first: u64) {
    let mut next = first;
    while next < first + MESSAGES {
        let count = (next % 37 + 1).min(first + MESSAGES - next);
        let lens: Vec<usize> = (0..count as usize).map(|index| index * 11 % 90).collect();
        let delay = match next % 3 {
            0 => Delay::NotDelayable,
            _ => Delay::Delayable,
        };
        let mut rest = Some(batch(next, &lens, delay));
        while let Some(offered) = rest {
            rest = match next.is_multiple_of(2) {
                true => queue.pass_on(offered),
                false => queue.enqueue(offered),
            };
            let (messages, bytes) = queue.held();
            let options = queue.options();
            if options.kind != QueueKind::Direct {
                assert!(messages <= options.size, "more held than fits");
                assert!(bytes <= options.memory_bytes_max, "more held than fits");
            }
            if rest.is_some() {
                thread::yield_now();
            }
        }
        next += count;
    }
}

fn consume(queue: &Queue, seen: &[AtomicUsize], is_over: &AtomicBool, consumer: usize) {
    let mut turn = consumer;
    let mut batches = Vec::new();
    // In this order: what came before the end is seen.
    while !is_over.load(Ordering::Acquire) || !queue.is_empty() {
        turn += 1;
        if queue.needs_sweep() {
            queue.sweep();
        }
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
        }
    }
}

fn check_account(queue: &Queue) {
    assert_eq!((queue.held(), queue.waiting()), ((0, 0), 0));
    let counters = &queue.counters;
    assert_eq!(counters.enqueued.get(), PRODUCERS * MESSAGES);
    let ended = counters.acknowledged.get()
        + counters.discarded_shutdown.get()
        + counters.discarded_mark.get()
        + counters.discarded_sampling.get();
    assert_eq!(ended, PRODUCERS * MESSAGES);
}

#[test]
fn producers_and_consumers_account_for_every_message() {
    for kind in [
        QueueKind::Direct,
        QueueKind::FixedArray,
        QueueKind::LinkedList,
    ] {
        let (queue, ..) = queue(QueueOptions {
            kind,
            size: 100,
            memory_bytes_max: 6_000,
            ..QueueOptions::main()
        });
        assert!(run(&queue).iter().all(|count| *count == 1));
        check_account(&queue);
    }
}

/// Messages that are more important than those of the discard severity come
/// through, once; of the others each is seen or counted.
#[test]
fn what_is_important_comes_through_a_queue_that_discards() {
    for kind in [QueueKind::FixedArray, QueueKind::LinkedList] {
        let (queue, ..) = queue(QueueOptions {
            kind,
            size: 100,
            discard_mark: Some(30),
            discard_severity: Some(Severity::WARNING),
            ..QueueOptions::main()
        });
        let seen = run(&queue);
        check_account(&queue);
        let mut missing = 0;
        for (number, count) in (0..).zip(&seen) {
            assert!(*count <= 1, "seen twice");
            if *count == 0 {
                assert!(severity(number) >= Severity::WARNING, "erased");
                missing += 1;
            }
        }
        assert!(missing > 0, "nothing was discarded");
        assert_eq!(queue.counters.discarded_mark.get(), missing);
    }
}

#[test]
fn samples_of_several_producers_are_accounted_for() {
    let (queue, ..) = queue(QueueOptions {
        size: 100,
        sampling_interval: 10,
        ..QueueOptions::main()
    });
    let seen = run(&queue);
    check_account(&queue);
    let missing = seen.iter().filter(|count| **count == 0).count() as u64;
    assert_eq!(queue.counters.discarded_sampling.get(), missing);
}
