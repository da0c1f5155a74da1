//! What an operator sees of a queue and does to it.

use std::sync::atomic::Ordering;

use super::Queue;
use super::discard::Discard;
use crate::base::text::Lent;

impl<L: Lent + 'static> Queue<L> {
    /// Holds workers off the messages that wait, until [`resume`](Self::resume).
    /// Whoever dequeues looks at it.
    pub fn pause(&self) {
        self.is_paused.store(true, Ordering::Release);
    }

    /// Lets workers go on.
    pub fn resume(&self) {
        self.is_paused.store(false, Ordering::Release);
        self.consumers().wake_all();
    }

    /// Whether workers take nothing from it for now.
    pub fn is_paused(&self) -> bool {
        self.is_paused.load(Ordering::Acquire)
    }

    /// Whether a producer was refused since there was ample room.
    pub fn is_full(&self) -> bool {
        self.room.is_refusing()
    }

    /// Whether what comes now and is not important enough is discarded.
    pub fn is_discarding(&self) -> bool {
        let is_reached = |discard: &Discard| self.held().0 >= discard.mark();
        self.discard.as_ref().is_some_and(is_reached)
    }
}
