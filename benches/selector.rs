//! What evaluating rules costs, in nanoseconds a message and rule set.

use std::hint::black_box;
use std::time::Instant;

use criterion::{Criterion, criterion_group, criterion_main};
use splashdam::message::{Header, Message, Priority, Source, Timestamp};
use splashdam::rules::{Filter, Program, Selections, Selector, Statement};

/// Messages of a batch.
const MESSAGES: usize = 1024;

fn rule(text: &str, then: Vec<Statement>) -> Statement {
    Statement::Filter {
        filter: Filter::Selector(Selector::parse(text).expect("a selector")),
        then,
        otherwise: Vec::new(),
    }
}

/// A rule for each selector, with an action each.
fn rules(selectors: &[&str]) -> Program {
    let action = |(index, text): (usize, &&str)| rule(text, vec![Statement::Action(index)]);
    Program::of(selectors.iter().enumerate().map(action).collect())
}

fn bench(criterion: &mut Criterion) {
    let debian = [
        "auth,authpriv.*",
        "*.*;auth,authpriv.none",
        "cron.*",
        "kern.*",
        "mail.*",
        "mail.err",
        "user.*",
        "*.emerg",
    ];
    let mut stopping = rules(&debian);
    stopping.rulesets[0].statements.insert(
        0,
        rule("local0.*", vec![Statement::Action(8), Statement::Stop]),
    );
    let cases = [
        ("all", rules(&["*.*"])),
        (
            "one rule",
            rules(&["*.info;mail.none;authpriv.none;cron.none"]),
        ),
        ("eight rules", rules(&debian)),
        ("eight rules behind a stop", stopping),
    ];
    let headers: Vec<Header> = (0..MESSAGES)
        .map(|number| Header {
            priority: Priority::new((number * 7 % 192) as u8).unwrap_or_default(),
            ..Header::default()
        })
        .collect();
    let (source, received) = (Source::default(), Timestamp::default());
    let mut group = criterion.benchmark_group("selector");
    for (name, program) in cases {
        let mut selections = Selections::default();
        group.bench_function(name, |bencher| {
            bencher.iter_custom(|iterations| {
                let batches = iterations.div_ceil(MESSAGES as u64);
                let start = Instant::now();
                for _ in 0..batches {
                    let message = |index: usize| Message {
                        text: b"",
                        header: &headers[index],
                        source: &source,
                        received: &received,
                    };
                    program.evaluate(0, MESSAGES, message, &mut selections);
                    black_box(selections.unmatched());
                }
                start
                    .elapsed()
                    .mul_f64(iterations as f64 / (batches * MESSAGES as u64) as f64)
            });
        });
    }
    group.finish();
}

criterion_group!(benches, bench);
criterion_main!(benches);
