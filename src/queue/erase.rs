//! What looks at the messages that wait: erasing some, and the age of the oldest.
//! Never on a reactor: all of it locks.

use std::collections::VecDeque;

use super::Queue;
use crate::base::Instant;
use crate::base::text::Lent;
use crate::message::{Batch, Severity};

impl<L: Lent + 'static> Queue<L> {
    /// Erases the waiting messages of this severity or less important, all if
    /// `None`, and frees their room. Returns how many.
    pub fn purge(&self, severity: Option<Severity>) -> usize {
        let mut front = self.front();
        let mut kept = VecDeque::new();
        let (mut messages, mut bytes) = (0, 0);
        // The room is freed behind the loop: before, producers find no more of it
        // than there was, and the loop comes to an end.
        while let Some(batch) = front.pop_front().or_else(|| self.store.pop()) {
            messages += batch.len();
            bytes += batch.bytes();
            let batch = without(&batch, severity);
            if !batch.is_empty() {
                messages -= batch.len();
                bytes -= batch.bytes();
                kept.push_back(batch);
            }
        }
        *front = kept;
        drop(front);
        self.counters.discarded_purged.add(messages as u64);
        if messages > 0 {
            self.release(messages, bytes);
        }
        messages
    }

    /// Monotonic time of reception of the oldest message that waits.
    pub fn oldest(&self) -> Option<Instant> {
        let mut front = self.front();
        if front.is_empty() {
            front.extend(self.store.pop());
        }
        front.front().map(|batch| batch.received_at())
    }
}

/// The messages that are more important than `severity`.
fn without<L: Lent>(batch: &Batch<L>, severity: Option<Severity>) -> Batch<L> {
    let reader = batch.reader();
    let len = reader.len();
    let is_kept = |index: &usize| {
        let found = reader.message(*index).header.priority.severity();
        severity.is_some_and(|severity| found < severity)
    };
    let kept: Vec<usize> = (0..len).filter(is_kept).collect();
    drop(reader);
    batch.pick(kept.into_iter())
}
