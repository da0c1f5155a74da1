//! Queues against a plain list, and from several threads at once.

mod memory;
mod model;
mod operations;
mod threads;
mod waking;

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use proptest::prelude::*;

use super::{Consumers, Queue, QueueKind, QueueOptions};
use crate::base::{Instant, Sleeper, Text};
use crate::message::{Batch, Body, Delay, Facility, Header, Priority, Record, Severity, Timestamp};

/// A message of the model: its number, what its room is charged with, and its
/// severity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Charged {
    number: u64,
    bytes: usize,
    severity: Severity,
}

fn charge(len: usize) -> usize {
    len.max(size_of::<u64>()) + size_of::<Record>()
}

/// A severity that changes from message to message in no simple order.
fn severity(number: u64) -> Severity {
    Severity::new((number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 61) as u8).unwrap()
}

/// A batch of `lens.len()` messages of these lengths, numbered from `first` on,
/// and of the severities of their numbers. The number is the start of the text.
fn batch(first: u64, lens: &[usize], delay: Delay) -> Batch {
    let mut bytes = Vec::new();
    let mut records = Vec::new();
    for (number, len) in (first..).zip(lens) {
        let len = (*len).max(size_of::<u64>());
        records.push(Record {
            start: bytes.len() as u32,
            len: len as u32,
            header: Header {
                priority: Priority::of(Facility::SYSLOG, severity(number)),
                ..Header::default()
            },
            ..Record::default()
        });
        bytes.extend_from_slice(&number.to_le_bytes());
        bytes.resize(bytes.len() + len - size_of::<u64>(), b'x');
    }
    Batch::new(
        Body {
            used: 0..bytes.len(),
            text: Text::owned(bytes, 0),
            rewritten: Vec::new(),
            records,
            sources: vec![Arc::default()],
            received: Timestamp::default(),
            received_at: Instant::default(),
            delay,
            recycler: None,
        },
        0,
    )
}

fn numbers(batch: &Batch) -> Vec<u64> {
    let reader = batch.reader();
    (0..reader.len())
        .map(|index| {
            let text = reader.message(index).text;
            u64::from_le_bytes(text[..size_of::<u64>()].try_into().unwrap())
        })
        .collect()
}

/// A sleeper and how often it was woken.
fn sleeper() -> (Arc<Sleeper>, Arc<AtomicUsize>) {
    let woken = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&woken);
    let sleeper = Arc::new(Sleeper::new(move || {
        count.fetch_add(1, Ordering::Relaxed);
    }));
    (sleeper, woken)
}

/// A queue, its producer, and how often that one was woken.
fn queue(options: QueueOptions) -> (Queue, Arc<Sleeper>, Arc<AtomicUsize>) {
    let (producer, woken) = sleeper();
    let consumers = Consumers::one(sleeper().0);
    let queue = Queue::new("test", options, consumers, vec![Arc::clone(&producer)]);
    (queue, producer, woken)
}

fn kind() -> impl Strategy<Value = QueueKind> {
    prop_oneof![
        Just(QueueKind::Direct),
        Just(QueueKind::FixedArray),
        Just(QueueKind::LinkedList),
    ]
}

fn delay() -> impl Strategy<Value = Delay> {
    prop_oneof![Just(Delay::Delayable), Just(Delay::NotDelayable)]
}

prop_compose! {
    /// Options of small queues of all types, with and without marks.
    fn options()(
        kind in kind(),
        size in 1usize..40,
        memory_bytes_max in 1usize..5_000,
        light_delay_mark in prop::option::of(1usize..40),
        full_delay_mark in prop::option::of(1usize..40),
        discard_mark in prop::option::of(1usize..40),
        severity in prop::option::of(0u8..8),
        sampling_interval in prop_oneof![3 => Just(0u32), 2 => 1u32..5],
    ) -> QueueOptions {
        QueueOptions {
            kind,
            size,
            memory_bytes_max,
            light_delay_mark,
            full_delay_mark,
            discard_mark,
            discard_severity: severity.and_then(Severity::new),
            sampling_interval,
            ..QueueOptions::main()
        }
    }
}
