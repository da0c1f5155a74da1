//! Framing: a stream of 150-byte messages into frames, by line feed and by
//! octet count.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splashdam::frame::{Framer, FramerOptions};

const MESSAGES: usize = 1_000;

fn message() -> String {
    let start = "<13>Oct 11 22:14:15 host app[123]: ";
    format!("{start}{}", "x".repeat(149 - start.len()))
}

fn count(framer: &mut Framer, options: &FramerOptions, stream: &[u8]) -> usize {
    let mut at = 0;
    std::iter::from_fn(|| framer.next(options, stream, &mut at)).count()
}

fn framing(criterion: &mut Criterion) {
    let line_feed = format!("{}\n", message()).repeat(MESSAGES);
    let octet_counted = format!("149 {}", message()).repeat(MESSAGES);
    let options = FramerOptions::default();
    let mut group = criterion.benchmark_group("framing");
    group.throughput(Throughput::Elements(MESSAGES as u64));
    for (name, stream) in [("line feed", line_feed), ("octet counted", octet_counted)] {
        group.bench_function(name, |bencher| {
            let mut framer = Framer::default();
            assert_eq!(count(&mut framer, &options, stream.as_bytes()), MESSAGES);
            bencher.iter(|| count(&mut framer, &options, black_box(stream.as_bytes())));
        });
    }
    group.finish();
}

criterion_group!(benches, framing);
criterion_main!(benches);
