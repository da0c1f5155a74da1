//! `queue.discardMark` and `queue.discardSeverity`: what a queue that is nearly
//! full gives up for the sake of more important messages.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::{QueueKind, QueueOptions};
use crate::base::text::Lent;
use crate::message::{Batch, Severity};

/// From when on which messages are erased, and how many of them are queued.
pub(super) struct Discard {
    mark: usize,
    severity: Severity,
    /// Messages that wait and may be erased.
    queued: AtomicUsize,
}

impl Discard {
    /// `None` where nothing is discarded for its severity.
    pub fn new(options: &QueueOptions) -> Option<Discard> {
        let severity = options.discard_severity?;
        (options.kind != QueueKind::Direct).then(|| Discard {
            mark: options.discard_mark(),
            severity,
            queued: AtomicUsize::new(0),
        })
    }

    /// `queue.discardMark`, in messages.
    pub fn mark(&self) -> usize {
        self.mark
    }

    /// Whether messages of this severity are erased: this one included, as by
    /// rsyslog.
    pub fn is_erasable(&self, severity: Severity) -> bool {
        severity >= self.severity
    }

    /// Whether messages that may be erased wait.
    pub fn has_queued(&self) -> bool {
        self.queued.load(Ordering::Relaxed) > 0
    }

    /// Counts a batch that is about to wait.
    pub fn add<L: Lent>(&self, batch: &Batch<L>) {
        self.queued.fetch_add(self.count(batch), Ordering::Relaxed);
    }

    /// Counts a batch that waits no longer.
    pub fn subtract<L: Lent>(&self, batch: &Batch<L>) {
        self.queued.fetch_sub(self.count(batch), Ordering::Relaxed);
    }

    fn count<L: Lent>(&self, batch: &Batch<L>) -> usize {
        let severities = batch.headers().map(|header| header.priority.severity());
        severities
            .filter(|severity| self.is_erasable(*severity))
            .count()
    }
}

/// The messages of `batch` without those whose severity `is_erased`.
pub(super) fn without<L: Lent>(
    batch: Batch<L>,
    is_erased: impl Fn(Severity) -> bool,
) -> Option<Batch<L>> {
    let kept: Vec<usize> = (0..)
        .zip(batch.headers())
        .filter(|(_, header)| !is_erased(header.priority.severity()))
        .map(|(index, _)| index)
        .collect();
    if kept.len() == batch.len() {
        return Some(batch);
    }
    (!kept.is_empty()).then(|| batch.pick(kept.into_iter()))
}
