//! Whether completions are let gather.
//!
//! Many connections that bring a few bytes each, or come and go, would wake the
//! reactor for each of them, and it the worker: most of the work would be to
//! sleep and to wake. Then the reactor rests for a moment between its turns.

use std::time::Duration;

use crate::base::Instant;
use crate::limits::COPY_BYTES;
use crate::ring::{Outcome, Received};

/// How long it rests.
pub(super) const REST: Duration = Duration::from_micros(500);

/// Completions that are worth a turn without a rest.
pub(super) const ENOUGH: usize = 64;

/// Datagrams that the kernel hands over at once at most (MULTISHOT_MAX_RETRY,
/// io_uring/net.c): where so many came there are more, and to rest would let the
/// socket's buffer fill.
const DATAGRAMS_AT_ONCE: usize = 32;

/// What a datagram counts for: so many are worth a turn without a rest, as a chunk
/// that is well filled.
const DATAGRAM_WEIGHT: usize = COPY_BYTES / DATAGRAMS_AT_ONCE;

/// Waits that follow each other faster are worth a rest.
const PACE: Duration = Duration::from_micros(200);

/// A rest that brings fewer was not worth it.
const COUNT_MIN: usize = 8;

/// What the time since the last wait was like.
#[derive(Debug, Default)]
pub(super) struct Gathering {
    completions: usize,
    bytes: usize,
    /// Whether there were datagrams.
    has_datagrams: bool,
    /// When that wait ended.
    woken_at: Instant,
    /// Whether it ended soon after the one before it.
    is_fast: bool,
    /// Whether the reactor rested before it.
    is_on: bool,
}

impl Gathering {
    /// Whether to rest before the next wait.
    pub fn is_worth_it(&mut self) -> bool {
        // Bytes that fill a chunk are worth a turn of their own.
        let is_scattered = self.bytes < COPY_BYTES;
        self.is_on = is_scattered
            && match self.is_on {
                true => self.completions >= COUNT_MIN,
                false => self.is_fast && (1..ENOUGH).contains(&self.completions),
            };
        self.is_on
    }

    /// Whether so many ends are most of what came, and many.
    pub fn is_flood_of(&self, ends: usize) -> bool {
        ends >= COUNT_MIN && 2 * ends > self.completions
    }

    /// Notes that a wait has ended.
    pub fn begin(&mut self, now: Instant) {
        // Nobody waits for what becomes of a datagram.
        let pace = if self.has_datagrams { REST } else { PACE };
        self.is_fast = now.since(self.woken_at) < pace;
        self.woken_at = now;
        self.completions = 0;
        self.bytes = 0;
        self.has_datagrams = false;
    }

    /// Notes what came.
    pub fn count(&mut self, outcome: &Outcome) {
        self.completions += 1;
        match outcome {
            Outcome::Received(Received::Bytes { len, .. }) => self.bytes += len,
            // Nobody makes their senders wait: many of them at once say that the
            // socket's buffer may fill while the reactor rests.
            Outcome::Message(_) => {
                self.bytes += DATAGRAM_WEIGHT;
                self.has_datagrams = true;
            }
            _ => {}
        }
    }
}
