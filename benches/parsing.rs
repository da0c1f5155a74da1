//! Parsing: one frame to the offsets of its header.

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use splashdam::parse;

fn parsing(criterion: &mut Criterion) {
    let rest = "x".repeat(100);
    let messages = [
        (
            "RFC 3164",
            format!("<13>Oct 11 22:14:15 mymachine app[123]: {rest}"),
        ),
        (
            "RFC 5424",
            format!("<13>1 2026-10-11T22:14:15.003Z mymachine app 123 ID47 - {rest}"),
        ),
        (
            "RFC 5424 with structured data",
            format!(
                "<13>1 2026-10-11T22:14:15.003Z mymachine app 123 ID47 \
                 [example@32473 iut=\"3\" eventSource=\"Application\"] {rest}"
            ),
        ),
        ("no header", format!("no header at all, {rest}")),
    ];
    let mut group = criterion.benchmark_group("parsing");
    group.throughput(Throughput::Elements(1));
    for (name, message) in messages {
        group.bench_function(name, |bencher| {
            bencher.iter(|| parse::parse(black_box(message.as_bytes())));
        });
    }
    group.bench_function("escaping", |bencher| {
        let message = format!("<13>Oct 11 22:14:15 mymachine app[123]:\ttab {rest}\0");
        let mut out = Vec::new();
        bencher.iter(|| {
            out.clear();
            parse::sanitize(black_box(message.as_bytes()), &mut out);
            out.len()
        });
    });
    group.finish();
}

criterion_group!(benches, parsing);
criterion_main!(benches);
