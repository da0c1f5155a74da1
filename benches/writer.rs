//! The writer: rendered messages of 150 bytes into a file, per message, past
//! the page cache and through it. The file is truncated after each round.

use std::sync::Arc;
use std::time::Duration;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splashdam::base::clock::SystemClock;
use splashdam::base::{Clock, Sleeper};
use splashdam::output::Executor;
use splashdam::output::file::{FileOptions, FileWriter, Progress};
use splashdam::work::{OpenFile, TokioExecutor};
use tokio::sync::Notify;

/// Messages of one round: 16 full writes.
const MESSAGES: u64 = 16 * 7_000;

async fn write_round(executor: &mut TokioExecutor, writer: &mut FileWriter<OpenFile>) {
    let events = executor.events();
    let message = [b'x'; 150];
    let mut left = MESSAGES;
    let mut sequence = 0;
    while left > 0 || writer.oldest_uncommitted().is_some() {
        let now = SystemClock.now();
        if left > 0 && writer.has_room() {
            let count = left.min(1_000);
            writer.fill(now, |out, _| {
                (0..count).for_each(|_| out.extend_from_slice(&message));
            });
            writer.mark(sequence);
            sequence += 1;
            left -= count;
        }
        let is_idle = left == 0;
        if writer.due(is_idle).is_some_and(|due| due <= now) {
            ok(writer.start(executor, now));
            // The runtime submits when it would sleep.
            tokio_uring::no_op().await.expect("no operation");
        }
        if writer.is_busy() && !(left > 0 && writer.has_room()) {
            events.wait().await;
        }
        while let Some(completion) = executor.complete() {
            ok(writer.complete(executor, completion));
        }
    }
}

fn ok(progress: Progress) {
    assert!(matches!(progress, Progress::Committed(_)), "{progress:?}");
}

fn writer(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("writer");
    group.throughput(Throughput::Elements(MESSAGES));
    group.sample_size(10);
    group.measurement_time(Duration::from_secs(3));
    for (name, use_direct) in [
        ("past the page cache", true),
        ("through the page cache", false),
    ] {
        group.bench_function(name, |bencher| {
            let directory = tempfile::tempdir_in("target").expect("a scratch directory");
            let path = directory.path().join("messages.log");
            bencher.iter_custom(|rounds| {
                tokio_uring::start(async {
                    let notify = Arc::new(Notify::new());
                    let sleeper = Arc::new(Sleeper::new(|| {}));
                    let mut executor = TokioExecutor::new(notify, sleeper, use_direct);
                    let mut time = Duration::ZERO;
                    for _ in 0..rounds {
                        let mut writer = FileWriter::new(0, FileOptions::new(&path));
                        let start = std::time::Instant::now();
                        write_round(&mut executor, &mut writer).await;
                        time += start.elapsed();
                        std::fs::remove_file(&path).expect("the file was written");
                    }
                    time
                })
            });
        });
    }
    group.finish();
}

criterion_group!(benches, writer);
criterion_main!(benches);
