//! Memory that a burst took, and that is given back when it is over.

use std::sync::Arc;
use std::time::Duration;

use super::Reactor;
use crate::base::{Clock, Instant, allocator};
use crate::message::batch::Recycler;
use crate::ring::Ring;

/// How often it is looked whether a burst is over. What was given back has to be
/// cleared by the kernel again for the next burst, and others wait meanwhile.
const LOOK: Duration = Duration::from_secs(5);

/// Bytes of batches that are no burst: what is waiting to be used again is kept.
const BURST_BYTES: usize = 8 << 20;

/// Batches that may be on their way in quiet moments.
const QUIET_BATCHES: usize = 8;

/// Batches that this reactor has made, and that others free: their memory stays
/// with its thread until that looks after it.
pub(super) struct GivingBack {
    recycler: Arc<Recycler>,
    /// Clones of it that are in no batch.
    others: usize,
    /// Bytes of batches that were made since the last look.
    bytes: usize,
    /// When to look; none where there was no burst since memory was given back.
    look_at: Option<Instant>,
}

impl GivingBack {
    /// `recycler` is part of each batch; call it when all other clones are made.
    pub fn new(recycler: Arc<Recycler>) -> GivingBack {
        GivingBack {
            others: Arc::strong_count(&recycler),
            recycler,
            bytes: 0,
            look_at: None,
        }
    }

    /// Notes that a batch of so many bytes was made.
    pub fn count(&mut self, bytes: usize, now: Instant) {
        self.bytes += bytes;
        if self.look_at.is_none() && self.bytes > BURST_BYTES {
            self.look_at = Some(now + LOOK);
        }
    }

    /// When to look.
    pub fn look_at(&self) -> Option<Instant> {
        self.look_at
    }

    /// Whether it is time, and the burst is over: its batches are gone.
    fn is_over(&mut self, now: Instant) -> bool {
        if self.look_at.is_none_or(|at| at > now) {
            return false;
        }
        let batches = Arc::strong_count(&self.recycler).saturating_sub(self.others);
        let is_over = batches <= QUIET_BATCHES && self.bytes <= BURST_BYTES;
        self.look_at = (!is_over).then(|| now + LOOK);
        self.bytes = 0;
        is_over
    }
}

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Gives back what a burst took.
    pub(super) fn give_back(&mut self) {
        if self.giving_back.is_over(self.now) {
            self.giving_back.recycler.clear();
            allocator::give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_given_back_once_when_a_burst_and_its_batches_are_over() {
        let recycler = Arc::new(Recycler::new(1));
        let mut giving_back = GivingBack::new(Arc::clone(&recycler));
        let at = |looks: u32| Instant::default() + LOOK * looks;
        giving_back.count(1000, at(0));
        assert_eq!(giving_back.look_at(), None);
        giving_back.count(BURST_BYTES, at(0));
        assert_eq!(giving_back.look_at(), Some(at(1)));
        // It goes on.
        assert!(!giving_back.is_over(at(1)));
        // Its batches wait.
        let batches = vec![Arc::clone(&recycler); 100];
        assert!(!giving_back.is_over(at(2)));
        drop(batches);
        assert!(!giving_back.is_over(at(2)));
        assert!(giving_back.is_over(at(3)));
        assert_eq!(giving_back.look_at(), None);
        assert!(!giving_back.is_over(at(9)));
    }
}
