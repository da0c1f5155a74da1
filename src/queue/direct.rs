//! `queue.type="Direct"` in front of rules: one batch, from hand to hand.

use crossbeam_queue::ArrayQueue;

use super::store::Store;
use crate::base::text::Lent;
use crate::message::Batch;

/// The place of the one batch that is on its way from a producer to a worker.
pub struct Direct<L: Lent>(ArrayQueue<Batch<L>>);

impl<L: Lent> Direct<L> {
    pub fn new() -> Direct<L> {
        Direct(ArrayQueue::new(1))
    }
}

impl<L: Lent> Store<L> for Direct<L> {
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
