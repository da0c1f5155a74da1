//! What rendering a message costs, in nanoseconds a message.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use splashdam::message::{Header, Message, Source, Timestamp};
use splashdam::parse;
use splashdam::template::Template;

/// Messages rendered in a row, as a worker does into one output buffer.
const MESSAGES: usize = 1024;

/// Bytes of a message.
const MESSAGE_BYTES: usize = 150;

const RECEIVED: Timestamp = Timestamp {
    year: 2026,
    month: 11,
    day: 21,
    hour: 5,
    minute: 31,
    second: 29,
    fraction_digits: 6,
    fraction: 375_587,
    offset_minutes: 60,
    is_west: false,
    is_utc: false,
};

/// Messages that differ in PRI, host, program and number, padded to the same
/// length, side by side as in a receive buffer.
fn texts(is_rfc5424: bool) -> Vec<u8> {
    let mut texts = Vec::new();
    for number in 0..MESSAGES {
        let (priority, host, second) = (number * 7 % 192, number % 50, number % 60);
        let head = if is_rfc5424 {
            format!(
                "<{priority}>1 2026-10-11T22:14:{second:02}.123456+02:00 host{host} app{host} \
                 {number} - - "
            )
        } else {
            format!("<{priority}>Oct 11 22:14:{second:02} host{host} app{host}[{number}]: ")
        };
        let start = texts.len();
        texts.extend_from_slice(head.as_bytes());
        texts.resize(start + MESSAGE_BYTES, b'x');
    }
    texts
}

fn bench(criterion: &mut Criterion) {
    let source = Source {
        host: "192.0.2.1".into(),
        address: "192.0.2.1".into(),
        port: 4711,
        input: "imptcp".into(),
    };
    let cases = [
        ("rfc3164", false, "RSYSLOG_TraditionalFileFormat"),
        ("rfc3164", false, "RSYSLOG_FileFormat"),
        ("rfc3164", false, "RSYSLOG_TraditionalForwardFormat"),
        ("rfc3164", false, "RSYSLOG_SyslogProtocol23Format"),
        ("rfc5424", true, "RSYSLOG_TraditionalFileFormat"),
        ("rfc5424", true, "RSYSLOG_FileFormat"),
        ("rfc5424", true, "RSYSLOG_SyslogProtocol23Format"),
    ];
    let mut group = criterion.benchmark_group("template");
    for (format, is_rfc5424, name) in cases {
        let texts = texts(is_rfc5424);
        let texts: Vec<&[u8]> = texts.chunks(MESSAGE_BYTES).collect();
        let headers: Vec<Header> = texts.iter().map(|text| parse::parse(text)).collect();
        let template = Template::builtin(name).expect("a built-in template");
        let mut out = Vec::with_capacity(MESSAGES * (MESSAGE_BYTES + 200));
        group.bench_function(format!("{name}/{format}"), |bencher| {
            // The time of one message: a row's time divided by its messages.
            bencher.iter_custom(|iterations| {
                let rows = iterations.div_ceil(MESSAGES as u64);
                let start = Instant::now();
                for _ in 0..rows {
                    out.clear();
                    for (text, header) in texts.iter().zip(&headers) {
                        let message = Message {
                            text,
                            header,
                            source: &source,
                            received: &RECEIVED,
                        };
                        template.render(&message, &mut out);
                    }
                    black_box(&out);
                }
                start
                    .elapsed()
                    .mul_f64(iterations as f64 / (rows * MESSAGES as u64) as f64)
            });
        });
    }
    // What no renderer can do without.
    let texts = texts(false);
    let mut out = Vec::with_capacity(MESSAGES * (MESSAGE_BYTES + 200));
    group.bench_function("copy of the message", |bencher| {
        bencher.iter_custom(|iterations| {
            let rows = iterations.div_ceil(MESSAGES as u64);
            let start = Instant::now();
            for _ in 0..rows {
                out.clear();
                for text in texts.chunks(MESSAGE_BYTES) {
                    out.extend_from_slice(&text[4..]);
                    out.push(b'\n');
                }
                black_box(&out);
            }
            start
                .elapsed()
                .mul_f64(iterations as f64 / (rows * MESSAGES as u64) as f64)
        });
    });
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
