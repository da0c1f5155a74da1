//! The room of a queue: how many messages and bytes it holds and may hold.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::text::Lent;
use crate::message::Batch;

/// Room in messages and bytes, whichever ends first. Exact under concurrency:
/// never more is held than fits, except one message that alone is larger than
/// all the room for bytes.
pub(super) struct Room {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    messages_max: usize,
    bytes_max: usize,
}

impl Room {
    pub fn new(messages_max: usize, bytes_max: usize) -> Room {
        Room {
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            messages_max,
            bytes_max,
        }
    }

    /// Takes room for as many of the leading messages of `batch` as fit, cuts
    /// them off and returns them. `None` if not one fits.
    pub fn reserve<L: Lent>(&self, batch: &mut Batch<L>) -> Option<Batch<L>> {
        let mut count = self.reserve_messages(batch.len());
        let mut held = self.bytes.load(Ordering::Relaxed);
        while count > 0 {
            let mut rest = batch.clone();
            let mut front = rest.split_front(count);
            // Where nothing is held a message fits, however long: else it
            // would wait for ever.
            let fits = front
                .messages_within(self.bytes_max.saturating_sub(held))
                .max(usize::from(held == 0));
            if fits < count {
                self.messages.fetch_sub(count - fits, Ordering::Relaxed);
                count = fits;
                if count == 0 {
                    return None;
                }
                rest = batch.clone();
                front = rest.split_front(count);
            }
            match self.bytes.compare_exchange(
                held,
                held + front.bytes(),
                Ordering::Relaxed,
                Ordering::Relaxed,
            ) {
                Ok(_) => {
                    *batch = rest;
                    return Some(front);
                }
                Err(now) => held = now,
            }
        }
        None
    }

    /// Gives room back.
    pub fn release(&self, messages: usize, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        self.messages.fetch_sub(messages, Ordering::Relaxed);
    }

    /// Messages and bytes held.
    pub fn held(&self) -> (usize, usize) {
        (
            self.messages.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    /// Whether a quarter of the room is free again, in messages and in bytes.
    pub fn is_ample(&self) -> bool {
        let (messages, bytes) = self.held();
        messages <= self.messages_max - self.messages_max.div_ceil(4)
            && bytes <= self.bytes_max - self.bytes_max / 4
    }

    fn reserve_messages(&self, wanted: usize) -> usize {
        let mut granted = 0;
        let _ = self
            .messages
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |held| {
                granted = wanted.min(self.messages_max.saturating_sub(held));
                (granted > 0).then_some(held + granted)
            });
        granted
    }
}
