//! Hand-over through a queue, per message: by batches of a well-filled chunk,
//! by small batches, and by single messages; on one thread, and from producers of
//! their own threads.

use std::sync::{Arc, Barrier};
use std::thread;
use std::time::{Duration, Instant as Stopwatch};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splashdam::base::{Instant, Sleeper, Text};
use splashdam::message::{Batch, Body, Delay, Record, Timestamp};
use splashdam::queue::{Consumers, Queue, QueueKind, QueueOptions};

/// A batch of messages of 150 bytes.
fn batch(messages: usize) -> Batch {
    let records: Vec<Record> = (0..messages)
        .map(|index| Record {
            start: index as u32 * 150,
            len: 150,
            ..Record::default()
        })
        .collect();
    Batch::new(
        Body {
            text: Text::owned(vec![b'x'; messages * 150], 0),
            used: 0..messages * 150,
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

/// A queue of this type for 200,000 messages.
fn queue(kind: QueueKind) -> Queue {
    let options = QueueOptions {
        kind,
        size: 200_000,
        dequeue_batch_size: 4096,
        ..QueueOptions::main()
    };
    let awake = Arc::new(Sleeper::new(|| {}));
    Queue::new("bench", options, Consumers::one(awake), Vec::new())
}

/// Takes what there is, as a worker does; the number of messages.
fn take(queue: &Queue, taken: &mut Vec<Batch>) -> usize {
    let count = queue.dequeue(4096, taken);
    let bytes = taken.drain(..).map(|batch| batch.bytes()).sum();
    queue.hand_over(count, bytes);
    queue.acknowledge(count);
    count
}

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue hand-over");
    for kind in [QueueKind::FixedArray, QueueKind::LinkedList] {
        for messages in [1_700, 64, 1] {
            group.throughput(Throughput::Elements(messages as u64));
            let queue = queue(kind);
            let batch = batch(messages);
            let mut taken = Vec::new();
            let name = format!("{}, batches of {messages}", kind.name());
            group.bench_function(name, |bencher| {
                bencher.iter(|| {
                    assert!(queue.enqueue(batch.clone()).is_none());
                    take(&queue, &mut taken);
                });
            });
        }
    }
    group.finish();
}

fn hand_over_from_threads(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue hand-over from threads");
    for kind in [QueueKind::FixedArray, QueueKind::LinkedList] {
        for (producers, messages) in [(1, 1_700), (4, 1_700), (1, 64), (4, 64)] {
            group.throughput(Throughput::Elements(messages as u64));
            let name = format!(
                "{}, {producers} producers, batches of {messages}",
                kind.name()
            );
            group.bench_function(name, |bencher| {
                bencher.iter_custom(|rounds| {
                    let queue = queue(kind);
                    time(&queue, rounds.div_ceil(producers), producers, messages)
                        .mul_f64(rounds as f64 / (rounds.div_ceil(producers) * producers) as f64)
                });
            });
        }
    }
    group.finish();
}

/// How long it takes to hand over `rounds` batches of each producer.
fn time(queue: &Queue, rounds: u64, producers: u64, messages: usize) -> Duration {
    let start = Barrier::new(producers as usize + 1);
    thread::scope(|scope| {
        for _ in 0..producers {
            scope.spawn(|| {
                let batch = batch(messages);
                start.wait();
                for _ in 0..rounds {
                    let mut rest = queue.enqueue(batch.clone());
                    while let Some(refused) = rest {
                        thread::yield_now();
                        rest = queue.enqueue(refused);
                    }
                }
            });
        }
        start.wait();
        let started = Stopwatch::now();
        let mut left = (rounds * producers) as usize * messages;
        let mut taken = Vec::new();
        while left > 0 {
            let count = take(queue, &mut taken);
            if count == 0 {
                thread::yield_now();
            }
            left -= count;
        }
        started.elapsed()
    })
}

criterion_group!(benches, hand_over, hand_over_from_threads);
criterion_main!(benches);
