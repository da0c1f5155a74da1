//! What a queue type has to be able to do.

use crate::base::text::Lent;
use crate::message::Batch;

/// Batches in the order in which they came. Any number of threads may push and
/// pop at once. Bounds in messages and bytes are the queue's business.
pub trait Store<L: Lent>: Send + Sync {
    /// Appends a batch.
    ///
    /// # Errors
    /// Gives the batch back if there is no place for another batch.
    fn push(&self, batch: Batch<L>) -> Result<(), Batch<L>>;

    /// Takes the oldest batch.
    fn pop(&self) -> Option<Batch<L>>;

    /// Whether there is no batch.
    fn is_empty(&self) -> bool;

    /// Whether there is no place for another batch.
    fn is_full(&self) -> bool;
}
