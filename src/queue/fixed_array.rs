//! `queue.type="FixedArray"`: preallocated and lock-free; with one place, Direct
//! in front of rules.

use crossbeam_queue::ArrayQueue;

use super::store::Store;
use crate::base::text::Lent;
use crate::limits::QUEUE_BATCHES_MAX;
use crate::message::Batch;

/// A ring of batches.
pub struct FixedArray<L: Lent>(ArrayQueue<Batch<L>>);

impl<L: Lent> FixedArray<L> {
    /// A ring for `size` messages: as many batches even if each holds one
    /// message only, up to [`QUEUE_BATCHES_MAX`].
    pub fn new(size: usize) -> FixedArray<L> {
        FixedArray(ArrayQueue::new(size.clamp(1, QUEUE_BATCHES_MAX)))
    }
}

impl<L: Lent> Store<L> for FixedArray<L> {
    fn push(&self, batch: Batch<L>) -> Result<(), Batch<L>> {
        self.0.push(batch)
    }

    fn pop(&self) -> Option<Batch<L>> {
        self.0.pop()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_full(&self) -> bool {
        self.0.is_full()
    }
}
