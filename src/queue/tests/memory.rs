//! What a queue keeps when it is empty again.

use std::sync::Weak;

use super::{batch, queue};
use crate::message::{Batch, Body, Delay, Severity};
use crate::queue::{QueueKind, QueueOptions};

#[test]
fn a_linked_list_keeps_nothing_of_a_burst() {
    const MESSAGES: usize = 1_000_000;
    let (queue, ..) = queue(QueueOptions {
        kind: QueueKind::LinkedList,
        size: 2 * MESSAGES,
        memory_bytes_max: usize::MAX / 2,
        ..QueueOptions::main()
    });
    let mut bodies: Vec<Weak<Body>> = Vec::new();
    let mut count = 0;
    while count < MESSAGES {
        let lens = vec![8; 1 + count * 31 % 1_700];
        let batch = batch(count as u64, &lens, Delay::NotDelayable);
        bodies.push(Batch::downgrade(&batch));
        count += batch.len();
        assert!(queue.enqueue(batch).is_none());
    }
    // What moves all of it in front of the store must not keep the list.
    assert!(queue.purge(Severity::new(7)) > 0);
    let mut batches = Vec::new();
    while queue.dequeue(1_024, &mut batches) > 0 {
        for batch in batches.drain(..) {
            queue.hand_over(batch.len(), batch.bytes());
            queue.acknowledge(batch.len());
        }
    }
    assert_eq!((queue.held(), queue.waiting()), ((0, 0), 0));
    assert!(bodies.iter().all(|body| body.strong_count() == 0));
    assert!(queue.front().capacity() <= 64);
}
