//! `queue.type="LinkedList"`: takes memory as it needs it, and gives it back.

use crossbeam_queue::SegQueue;

use super::store::Store;
use crate::base::text::Lent;
use crate::message::Batch;

/// A list of small arrays of batches.
pub struct LinkedList<L: Lent>(SegQueue<Batch<L>>);

impl<L: Lent> LinkedList<L> {
    pub fn new() -> LinkedList<L> {
        LinkedList(SegQueue::new())
    }
}

impl<L: Lent> Store<L> for LinkedList<L> {
    fn push(&self, batch: Batch<L>) -> Result<(), Batch<L>> {
        self.0.push(batch);
        Ok(())
    }

    fn pop(&self) -> Option<Batch<L>> {
        self.0.pop()
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn is_full(&self) -> bool {
        false
    }
}
