//! Who is woken, and when.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use proptest::prelude::*;

use super::{batch, delay, options, queue, sleeper};
use crate::message::{Batch, Delay};
use crate::queue::{Consumers, Queue, QueueKind, QueueOptions};

fn take_and_hand_over(queue: &Queue, max: usize) -> usize {
    let mut batches = Vec::new();
    let count = queue.dequeue(max, &mut batches);
    for batch in batches {
        queue.hand_over(batch.len(), batch.bytes());
    }
    count
}

proptest! {
    /// A producer that was refused and went to sleep is woken before the queue
    /// is empty of held messages, whatever its bounds.
    #[test]
    fn a_refused_producer_is_woken(
        options in options(),
        delay in delay(),
        is_passed_on in any::<bool>(),
        lens in prop::collection::vec(0usize..300, 1..200),
        max in 1usize..15,
    ) {
        let (queue, producer, woken) = queue(options);
        let offer = |batch: Batch| match is_passed_on {
            true => queue.pass_on(batch),
            false => queue.enqueue(batch),
        };
        prop_assert!(offer(batch(0, &[8; 4], delay)).is_none_or(|rest| rest.len() < 4));
        let mut rest = Some(batch(4, &lens, delay));
        while let Some(offered) = rest {
            rest = offer(offered);
            let Some(refused) = rest.take() else { break };
            producer.prepare();
            rest = offer(refused);
            if rest.is_none() {
                break;
            }
            prop_assert!(queue.is_full());
            let before = woken.load(Ordering::Relaxed);
            while take_and_hand_over(&queue, max) > 0 {}
            prop_assert_eq!(woken.load(Ordering::Relaxed), before + 1);
            prop_assert!(!queue.is_full());
        }
    }
}

/// Of 100 places 70 are for inputs that can wait. Who cannot wait is woken when
/// 75 are held, who can when 52 are.
#[test]
fn a_producer_is_woken_at_a_quarter_of_its_own_limit() {
    for (delay, limit, ample) in [(Delay::Delayable, 70, 52), (Delay::NotDelayable, 100, 75)] {
        let (queue, producer, woken) = queue(QueueOptions {
            kind: QueueKind::LinkedList,
            size: 100,
            ..QueueOptions::main()
        });
        let rest = queue.enqueue(batch(0, &[8; 120], delay)).unwrap();
        assert_eq!(queue.held().0, limit);
        producer.prepare();
        assert_eq!(queue.enqueue(rest).unwrap().len(), 120 - limit);
        assert_eq!(queue.counters.full.get(), 1);
        for _ in ample + 1..limit {
            take_and_hand_over(&queue, 1);
        }
        assert_eq!(woken.load(Ordering::Relaxed), 0, "not ample yet");
        take_and_hand_over(&queue, 1);
        assert_eq!((queue.held().0, woken.load(Ordering::Relaxed)), (ample, 1));
    }
}

/// Workers pass on beyond the light delay mark, and what cannot wait goes beyond
/// the full one.
#[test]
fn each_class_has_its_limit() {
    let (queue, ..) = queue(QueueOptions {
        size: 100,
        ..QueueOptions::main()
    });
    let offered = || batch(0, &[8; 120], Delay::Delayable);
    assert_eq!(queue.enqueue(offered()).unwrap().len(), 50);
    assert_eq!(queue.pass_on(offered()).unwrap().len(), 93);
    let offered = batch(0, &[8; 120], Delay::NotDelayable);
    assert_eq!(queue.pass_on(offered).unwrap().len(), 117);
}

#[test]
fn a_message_wakes_a_worker_that_sleeps_and_asks_for_one_that_is_missing() {
    let (places, woken): (Vec<_>, Vec<_>) = (0..3).map(|_| sleeper()).unzip();
    let (starter, started) = sleeper();
    let consumers = Consumers::new(places.clone(), 10, Some(Arc::clone(&starter)));
    let options = QueueOptions::main();
    let queue: Queue = Queue::new("test", options, consumers, Vec::new());
    let counts = || [0, 1, 2].map(|index: usize| woken[index].load(Ordering::Relaxed));
    starter.prepare();
    places[0].prepare();
    assert!(queue.enqueue(batch(0, &[8], Delay::Delayable)).is_none());
    assert_eq!((counts(), started.load(Ordering::Relaxed)), ([1, 0, 0], 0));
    // The tenth one asks for one more.
    assert!(queue.enqueue(batch(1, &[8; 9], Delay::Delayable)).is_none());
    assert_eq!((counts(), started.load(Ordering::Relaxed)), ([1, 0, 0], 1));
    assert_eq!(queue.consumers().begin(), Some(1));
    assert_eq!(queue.consumers().running(), 2);
    starter.prepare();
    places[1].prepare();
    // The first is busy: the one that sleeps is woken.
    take_and_hand_over(&queue, 10);
    assert!(queue.enqueue(batch(10, &[8], Delay::Delayable)).is_none());
    assert_eq!((counts(), started.load(Ordering::Relaxed)), ([1, 1, 0], 1));
    queue.consumers().end(1);
    assert!(
        queue
            .enqueue(batch(11, &[8; 9], Delay::Delayable))
            .is_none()
    );
    assert_eq!((counts(), started.load(Ordering::Relaxed)), ([1, 1, 0], 2));
    // What workers hold does not wait, and asks for nobody.
    let mut held = Vec::new();
    queue.dequeue(usize::MAX, &mut held);
    starter.prepare();
    assert!(queue.enqueue(batch(20, &[8], Delay::Delayable)).is_none());
    assert_eq!(started.load(Ordering::Relaxed), 2);
}

#[test]
fn resuming_wakes_the_workers() {
    let (place, woken) = sleeper();
    let consumers = Consumers::one(Arc::clone(&place));
    let queue: Queue = Queue::new("test", QueueOptions::main(), consumers, Vec::new());
    queue.pause();
    assert!(queue.is_paused());
    place.prepare();
    queue.resume();
    assert!(!queue.is_paused());
    assert_eq!(woken.load(Ordering::Relaxed), 1);
}
