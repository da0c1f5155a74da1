//! The room of a queue: how many messages and bytes it holds and may hold, and
//! the producers that wait for some.

use std::sync::Arc;

use crate::base::Sleeper;
use crate::base::atomic::{AtomicBool, AtomicUsize, Ordering, fence};

/// How far a producer may fill a queue, by what happens to its messages where it
/// may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Inputs that can be pushed back: `queue.lightDelayMark`.
    Light,
    /// Workers that pass on messages of such inputs: `queue.fullDelayMark`.
    Full,
    /// Messages that cannot wait: `queue.size`.
    Size,
}

/// Messages and bytes, whichever ends first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    pub messages: usize,
    pub bytes: usize,
}

impl Limit {
    /// What is held at most where a quarter is free.
    fn ample(self) -> Limit {
        Limit {
            messages: self.messages - self.messages.div_ceil(4),
            bytes: self.bytes - self.bytes / 4,
        }
    }

    fn min(self, other: Limit) -> Limit {
        Limit {
            messages: self.messages.min(other.messages),
            bytes: self.bytes.min(other.bytes),
        }
    }

    fn has(self, messages: usize, bytes: usize) -> bool {
        messages <= self.messages && bytes <= self.bytes
    }
}

/// Room in messages and bytes. Exact under concurrency: never more is held than
/// fits, except one message that alone is larger than all the room for bytes.
pub struct Room {
    messages: AtomicUsize,
    bytes: AtomicUsize,
    /// Of each class.
    limits: [Limit; 3],
    /// What is held at most when producers of each class are woken: waking at
    /// the first free place would wake for every batch.
    ample: [Limit; 3],
    /// The least of these: there is ample room for all.
    ample_for_all: Limit,
    /// Whether a producer of each class was refused since there was ample room.
    refused: [AtomicBool; 3],
    producers: Vec<Arc<Sleeper>>,
    /// Whether it is room for one batch, however long: `queue.type="Direct"`.
    is_direct: bool,
}

impl Room {
    /// Room up to `limits`, of the classes in their order. `producers` are woken
    /// when there is ample room again for one that was refused.
    pub fn new(limits: [Limit; 3], producers: Vec<Arc<Sleeper>>) -> Room {
        let ample = limits.map(Limit::ample);
        Room {
            messages: AtomicUsize::new(0),
            bytes: AtomicUsize::new(0),
            limits,
            ample,
            ample_for_all: ample[0].min(ample[1]).min(ample[2]),
            refused: [false, false, false].map(AtomicBool::new),
            producers,
            is_direct: false,
        }
    }

    /// Room for one batch, however long.
    pub fn direct(producers: Vec<Arc<Sleeper>>) -> Room {
        let any = Limit {
            messages: usize::MAX,
            bytes: usize::MAX,
        };
        let ample = Limit { messages: 0, ..any };
        Room {
            ample: [ample; 3],
            ample_for_all: ample,
            is_direct: true,
            ..Room::new([any; 3], producers)
        }
    }

    /// Whether it is room for one batch, however long.
    pub fn is_direct(&self) -> bool {
        self.is_direct
    }

    /// How far a class may fill it.
    pub fn limit(&self, class: Class) -> Limit {
        self.limits[class as usize]
    }

    /// Messages and bytes held.
    pub fn held(&self) -> (usize, usize) {
        (
            self.messages.load(Ordering::Relaxed),
            self.bytes.load(Ordering::Relaxed),
        )
    }

    /// Takes room up to `limit`; false if that much is not free. One message is
    /// too long only where others are held: else it would wait for ever.
    pub fn hold(&self, messages: usize, bytes: usize, limit: Limit) -> bool {
        let relaxed = Ordering::Relaxed;
        let is_direct = self.is_direct;
        let taken = self.messages.fetch_update(relaxed, relaxed, |held| {
            let is_free = match is_direct {
                true => held == 0,
                false => held + messages <= limit.messages,
            };
            is_free.then_some(held + messages)
        });
        if taken.is_err() {
            return false;
        }
        let taken = self.bytes.fetch_update(relaxed, relaxed, |held| {
            (held == 0 || held + bytes <= limit.bytes).then_some(held + bytes)
        });
        if taken.is_err() {
            // Who released something meanwhile, or was refused, may have seen
            // less room than there is.
            self.release(messages, 0);
        }
        taken.is_ok()
    }

    /// Gives room back, and wakes the producers for which there is ample room.
    pub fn release(&self, messages: usize, bytes: usize) {
        self.bytes.fetch_sub(bytes, Ordering::Relaxed);
        // Of several threads that release at once, the last to get here sees the
        // bytes of all others. Were it otherwise, one might see the messages and
        // another one the bytes, both too few of the other, and nobody would
        // wake the producer.
        let before = self.messages.fetch_sub(messages, Ordering::AcqRel);
        self.wake(before - messages, self.bytes.load(Ordering::Relaxed));
    }

    /// Says that a producer is refused. It must look for room once more after
    /// this call, and before it sleeps.
    ///
    /// Returns whether none was since there was ample room.
    pub fn refuse(&self, class: Class) -> bool {
        let was_refused = self.refused[class as usize].swap(true, Ordering::Release);
        // Orders the flag before the look that follows; pairs with the fence in
        // `wake`.
        fence(Ordering::SeqCst);
        !was_refused
    }

    /// Whether a producer was refused since there was ample room.
    pub fn is_refusing(&self) -> bool {
        let is_refused = |refused: &AtomicBool| refused.load(Ordering::Relaxed);
        self.refused.iter().any(is_refused)
    }

    fn wake(&self, messages: usize, bytes: usize) {
        let is_ample_for_all = self.ample_for_all.has(messages, bytes);
        let is_ample = |class: usize| self.ample[class].has(messages, bytes);
        if !is_ample_for_all {
            if !(0..self.ample.len()).any(is_ample) {
                return;
            }
            // Orders the release before the look at the flags.
            fence(Ordering::SeqCst);
        }
        let mut has_refused = false;
        for (class, refused) in self.refused.iter().enumerate() {
            // Acquire, with the release in `refuse`: who sees the flag sees also
            // that the producer was about to sleep.
            if is_ample(class) && refused.load(Ordering::Acquire) {
                has_refused |= refused.swap(false, Ordering::Acquire);
            }
        }
        // Where there is room for all, all are woken that sleep, also those that
        // went to sleep without being refused a second time.
        if is_ample_for_all || has_refused {
            for producer in &self.producers {
                producer.wake();
            }
        }
    }
}
