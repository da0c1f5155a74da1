//! What looks at the messages that wait: erasing some, and the age of the oldest.
//! Never on a reactor: all of it locks.

use std::collections::VecDeque;

use super::Queue;
use super::discard::{Discard, without};
use crate::base::Instant;
use crate::base::text::Lent;
use crate::message::Severity;

impl<L: Lent + 'static> Queue<L> {
    /// Whether the queue is filled to its discard mark and messages wait that are
    /// erased then. A worker asks at each turn, also while its action is stalled.
    pub fn needs_sweep(&self) -> bool {
        let needs = |discard: &Discard| discard.has_queued() && self.held().0 >= discard.mark();
        self.discard.as_ref().is_some_and(needs)
    }

    /// Erases the waiting messages that the discard mark tells to, and frees
    /// their room. Returns how many; what a worker has dequeued is not erased.
    pub fn sweep(&self) -> usize {
        let Some(discard) = self.discard.as_ref().filter(|_| self.needs_sweep()) else {
            return 0;
        };
        let count = self.erase(|severity| discard.is_erasable(severity));
        self.counters.discarded_mark.add(count as u64);
        count
    }

    /// Erases the waiting messages of this severity or less important, all if
    /// `None`, and frees their room. Returns how many.
    pub fn purge(&self, severity: Option<Severity>) -> usize {
        let count = self.erase(|found| severity.is_none_or(|severity| found >= severity));
        self.counters.discarded_purged.add(count as u64);
        count
    }

    /// Monotonic time of reception of the oldest message that waits.
    pub fn oldest(&self) -> Option<Instant> {
        let mut front = self.front();
        if front.is_empty() {
            front.extend(self.store.pop());
        }
        front.front().map(|batch| batch.received_at())
    }

    fn erase(&self, is_erased: impl Fn(Severity) -> bool) -> usize {
        let mut front = self.front();
        let mut kept = VecDeque::new();
        let (mut messages, mut bytes) = (0, 0);
        // The room is freed behind the loop: before, producers find no more of it
        // than there was, and the loop comes to an end.
        while let Some(batch) = front.pop_front().or_else(|| self.store.pop()) {
            self.count_out(&batch);
            messages += batch.len();
            bytes += batch.bytes();
            if let Some(batch) = without(batch, &is_erased) {
                self.count_in(&batch);
                messages -= batch.len();
                bytes -= batch.bytes();
                kept.push_back(batch);
            }
        }
        *front = kept;
        drop(front);
        if messages > 0 {
            self.room.release(messages, bytes);
        }
        messages
    }
}
