//! How much of a batch there is room for.

use std::sync::Arc;

use super::room::{Class, Limit, Room};
use super::{QueueKind, QueueOptions};
use crate::base::Sleeper;
use crate::base::text::Lent;
use crate::message::{Batch, Delay};

impl Room {
    /// The room of a queue with these options.
    pub fn of(options: &QueueOptions, producers: Vec<Arc<Sleeper>>) -> Room {
        if options.kind == QueueKind::Direct {
            return Room::direct(producers);
        }
        // Bytes get the same headroom as messages.
        let up_to = |mark: usize| {
            let bytes = options.memory_bytes_max as u128 * mark as u128 / options.size as u128;
            Limit {
                messages: mark,
                bytes: bytes.max(1) as usize,
            }
        };
        let marks = [
            options.light_delay_mark(),
            options.full_delay_mark(),
            options.size,
        ];
        Room::new(marks.map(up_to), producers)
    }

    /// Takes room for as many of the leading messages of `batch` as fit while
    /// `messages_max` are held at most, cuts them off and returns them. `None` if
    /// not one fits.
    pub fn reserve<L: Lent>(
        &self,
        batch: &mut Batch<L>,
        class: Class,
        messages_max: usize,
    ) -> Option<Batch<L>> {
        let limit = self.limit(class);
        let limit = Limit {
            messages: limit.messages.min(messages_max),
            ..limit
        };
        loop {
            let count = self.fitting(batch, limit);
            if count == 0 {
                return None;
            }
            let mut front = batch.split_front(count);
            if self.hold(front.len(), front.bytes(), limit) {
                return Some(front);
            }
            // Another producer was faster: look again.
            front.append(batch.clone());
            *batch = front;
        }
    }

    /// How many leading messages there seems to be room for.
    fn fitting<L: Lent>(&self, batch: &Batch<L>, limit: Limit) -> usize {
        let (messages, bytes) = self.held();
        if self.is_direct() {
            return if messages == 0 { batch.len() } else { 0 };
        }
        let free = limit.messages.saturating_sub(messages).min(batch.len());
        let within = batch.messages_within(limit.bytes.saturating_sub(bytes));
        // Where nothing is held a message fits, however long.
        within.max(usize::from(bytes == 0)).min(free)
    }
}

impl Class {
    /// That of messages from an input.
    pub fn of_input(delay: Delay) -> Class {
        match delay {
            Delay::Delayable => Class::Light,
            Delay::NotDelayable => Class::Size,
        }
    }

    /// That of messages which a worker passes on.
    pub fn of_worker(delay: Delay) -> Class {
        match delay {
            Delay::Delayable => Class::Full,
            Delay::NotDelayable => Class::Size,
        }
    }
}
