//! `ratelimit.interval` and `.burst`: how many messages of a listener are taken
//! in a stretch of time. As rsyslog's `withinRatelimit` (runtime/ratelimit.c): a
//! window begins with a message and is over when more than the interval has
//! passed, in whole seconds; messages above the burst within it are discarded.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::{Counter, Instant};

/// `ratelimit.…` of a listener.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RateLimitOptions {
    /// `ratelimit.interval`, in seconds; no limit if not set.
    pub interval_s: Option<u32>,
    /// `ratelimit.burst`: messages that are taken within the interval.
    pub burst: u32,
}

impl Default for RateLimitOptions {
    fn default() -> Self {
        RateLimitOptions {
            interval_s: None,
            burst: 10_000,
        }
    }
}

/// A limit that the reactors of a listener share without a lock.
#[derive(Debug)]
pub struct RateLimit {
    interval_s: u32,
    burst: u32,
    /// The window: in the upper half the second in which it began, 0: none; in
    /// the lower half the messages that were taken in it.
    window: AtomicU64,
    /// Messages that were discarded and not told.
    missed: Counter,
}

/// What becomes of some messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Granted {
    /// How many of them, the first ones, are taken.
    pub taken: usize,
    /// Whether the first one since the last report was discarded.
    pub begins_to_discard: bool,
    /// Messages that were lost in a window that is over; 0: nothing to tell.
    pub lost: u64,
}

impl RateLimit {
    /// A limit; `None` where there is none.
    pub fn new(options: &RateLimitOptions) -> Option<RateLimit> {
        Some(RateLimit {
            interval_s: options.interval_s?,
            burst: options.burst,
            window: AtomicU64::new(0),
            missed: Counter::default(),
        })
    }

    /// Decides about `count` messages that came now.
    pub(super) fn grant(&self, count: usize, now: Instant) -> Granted {
        let now = second(now);
        let wanted = u32::try_from(count).unwrap_or(u32::MAX);
        let mut seen = self.window.load(Ordering::Relaxed);
        let (taken, is_over) = loop {
            let (begin, done) = halves(seen);
            let is_over = begin != 0 && self.is_over(begin, now);
            let (begin, done) = match begin == 0 || is_over {
                true => (now, 0),
                false => (begin, done),
            };
            let taken = wanted.min(self.burst.saturating_sub(done));
            let next = u64::from(begin) << 32 | u64::from(done + taken);
            // Where another reactor was faster, its messages count first.
            let swapped =
                self.window
                    .compare_exchange_weak(seen, next, Ordering::Relaxed, Ordering::Relaxed);
            match swapped {
                Ok(_) => break (taken as usize, is_over),
                Err(newer) => seen = newer,
            }
        };
        let lost = if is_over { self.missed.take() } else { 0 };
        let missed = (count - taken) as u64;
        Granted {
            taken,
            begins_to_discard: missed > 0 && self.missed.add_to(missed) == 0,
            lost,
        }
    }

    /// How many messages were lost in a window that is over and not told, said
    /// once.
    pub(super) fn lost(&self, now: Instant) -> u64 {
        let (begin, _) = halves(self.window.load(Ordering::Relaxed));
        match self.is_over(begin, second(now)) {
            true => self.missed.take(),
            false => 0,
        }
    }

    /// The same at the end of all input, in the middle of a window too.
    pub(super) fn lost_at_last(&self) -> u64 {
        self.missed.take()
    }

    /// Whether there are lost messages that were not told.
    pub(super) fn has_untold(&self) -> bool {
        self.missed.get() > 0
    }

    /// Time until a window that begins now is over.
    pub(super) fn window(&self) -> Duration {
        // The second in which it began counts from its beginning.
        Duration::from_secs(u64::from(self.interval_s) + 1)
    }

    fn is_over(&self, begin: u32, now: u32) -> bool {
        u64::from(now) > u64::from(begin) + u64::from(self.interval_s)
    }
}

/// Seconds of the monotonic clock; never 0.
fn second(now: Instant) -> u32 {
    u32::try_from(now.nanos / 1_000_000_000 + 1).unwrap_or(u32::MAX)
}

fn halves(window: u64) -> (u32, u32) {
    ((window >> 32) as u32, window as u32)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limit(interval_s: u32, burst: u32) -> RateLimit {
        let options = RateLimitOptions {
            interval_s: Some(interval_s),
            burst,
        };
        RateLimit::new(&options).expect("a limit")
    }

    fn at(seconds: u64) -> Instant {
        Instant {
            nanos: seconds * 1_000_000_000,
        }
    }

    #[test]
    fn without_an_interval_there_is_no_limit() {
        assert!(RateLimit::new(&RateLimitOptions::default()).is_none());
    }

    #[test]
    fn what_is_above_the_burst_is_discarded_until_the_interval_is_over() {
        let limit = limit(5, 10);
        let granted = |taken, begins_to_discard, lost| Granted {
            taken,
            begins_to_discard,
            lost,
        };
        assert_eq!(limit.grant(7, at(100)), granted(7, false, 0));
        assert_eq!(limit.grant(7, at(101)), granted(3, true, 0));
        assert_eq!(limit.grant(7, at(105)), granted(0, false, 0));
        assert_eq!(limit.lost(at(105)), 0, "the window is not over");
        assert_eq!(limit.grant(12, at(106)), granted(10, true, 11));
        assert_eq!(limit.lost(at(112)), 2);
        assert_eq!(limit.lost(at(112)), 0, "told already");
        assert_eq!(limit.grant(1, at(113)), granted(1, false, 0));
        assert_eq!(limit.grant(11, at(113)), granted(9, true, 0));
        assert_eq!(limit.lost_at_last(), 2);
    }

    #[test]
    fn reactors_together_take_no_more_than_the_burst() {
        let limit = limit(1000, 5000);
        let taken: usize = std::thread::scope(|scope| {
            let take = || {
                (0..1000)
                    .map(|_| limit.grant(3, at(1)).taken)
                    .sum::<usize>()
            };
            let threads: Vec<_> = (0..4).map(|_| scope.spawn(take)).collect();
            threads
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        assert_eq!(taken, 5000);
        assert_eq!(limit.lost_at_last(), 7000);
    }
}
