//! The account of a queue.

use crate::base::Counter;

/// In messages: `enqueued = acknowledged + discarded + held + in_hand` at any
/// quiet moment, where `discarded` is the sum of all reasons.
#[derive(Debug, Default)]
pub struct QueueCounters {
    /// Taken from producers, also where it was discarded at once.
    pub enqueued: Counter,
    /// Handed over to the actions, and not acknowledged.
    pub in_hand: Counter,
    pub acknowledged: Counter,
    /// Had no room within `queue.timeoutEnqueue`.
    pub discarded_full: Counter,
    /// Not important enough (`queue.discardSeverity`) for a queue that was filled
    /// to its `queue.discardMark`.
    pub discarded_mark: Counter,
    /// Left out by `queue.samplingInterval`.
    pub discarded_sampling: Counter,
    /// Erased by an operator.
    pub discarded_purged: Counter,
    /// Lost at stop: the time to drain was over.
    pub discarded_shutdown: Counter,
    /// Times it became full; it is so until a quarter of it is free.
    pub full: Counter,
    /// Bytes copied because a batch waited in its receive chunk for too long.
    pub compacted_bytes: Counter,
}
