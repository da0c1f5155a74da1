//! Hand-over through a queue, per message: by batches of a well-filled chunk,
//! by small batches, and by single messages.

use std::sync::Arc;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splashdam::base::{Instant, Sleeper, Text};
use splashdam::message::{Batch, Body, Delay, Record, Timestamp};
use splashdam::queue::{Consumers, Queue, QueueOptions};

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

fn hand_over(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("queue hand-over");
    for messages in [1_700, 64, 1] {
        group.throughput(Throughput::Elements(messages as u64));
        let options = QueueOptions {
            size: 200_000,
            dequeue_batch_size: 4096,
            ..QueueOptions::main()
        };
        let awake = Arc::new(Sleeper::new(|| {}));
        let queue: Queue = Queue::new("bench", options, Consumers::one(awake), Vec::new());
        let batch = batch(messages);
        let mut taken = Vec::new();
        group.bench_function(format!("batches of {messages}"), |bencher| {
            bencher.iter(|| {
                assert!(queue.enqueue(batch.clone()).is_none());
                let count = queue.dequeue(4096, &mut taken);
                let bytes = taken.drain(..).map(|batch| batch.bytes()).sum();
                queue.hand_over(count, bytes);
                queue.acknowledge(count);
            });
        });
    }
    group.finish();
}

criterion_group!(benches, hand_over);
criterion_main!(benches);
