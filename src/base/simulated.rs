//! What simulations rest on: a clock that the test moves, and numbers from a
//! seed. For tests.

use std::cell::Cell;
use std::ops::Range;
use std::rc::Rc;
use std::time::Duration;

use super::{Clock, Instant};

/// The calendar at the simulation's start: 2026-01-01 00:00:00 UTC, in
/// nanoseconds since 1970.
const UNIX_NANOS_AT_START: i64 = 1_767_225_600_000_000_000;

/// A clock that stands still until the test moves it. Clones show the same
/// time.
#[derive(Clone, Debug, Default)]
pub struct SimulatedClock(Rc<Cell<Instant>>);

impl SimulatedClock {
    /// A clock that starts at 0.
    pub fn new() -> SimulatedClock {
        SimulatedClock::default()
    }

    /// Moves the time forward.
    pub fn advance(&self, duration: Duration) {
        self.0.set(self.0.get() + duration);
    }

    /// Moves the time forward to `instant`; not backward.
    pub fn advance_to(&self, instant: Instant) {
        self.0.set(self.0.get().max(instant));
    }
}

impl Clock for SimulatedClock {
    fn now(&self) -> Instant {
        self.0.get()
    }

    fn unix_nanos(&self) -> i64 {
        let nanos = i64::try_from(self.now().nanos).unwrap_or(i64::MAX);
        UNIX_NANOS_AT_START.saturating_add(nanos)
    }
}

/// Random numbers from a seed (SplitMix64, Steele et al. 2014). Clones go on
/// by themselves from where they were cloned.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// The numbers of `seed`.
    pub fn new(seed: u64) -> Random {
        Random(seed)
    }

    /// Numbers of their own, determined by the present state.
    pub fn fork(&mut self) -> Random {
        Random(self.number())
    }

    /// The next number, of all 64-bit ones.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number of a range that is not empty. The bias of the remainder does
    /// not matter here.
    pub fn within(&mut self, range: Range<usize>) -> usize {
        assert!(!range.is_empty());
        range.start + (self.number() % range.len() as u64) as usize
    }

    /// True in `percent` of a hundred cases.
    pub fn chance(&mut self, percent: usize) -> bool {
        self.within(0..100) < percent
    }

    /// A duration below `end`, which is not zero.
    pub fn duration(&mut self, end: Duration) -> Duration {
        let nanos = u64::try_from(end.as_nanos()).unwrap_or(u64::MAX);
        Duration::from_nanos(self.number() % nanos)
    }

    /// A number of a range that is not empty, small ones far more often: each
    /// order of magnitude is equally likely.
    pub fn within_log(&mut self, range: Range<usize>) -> usize {
        assert!(!range.is_empty());
        let bits = usize::BITS - (range.len() - 1).leading_zeros();
        let limit = 1usize.checked_shl(self.within(0..bits as usize + 1) as u32);
        let limit = limit.unwrap_or(usize::MAX).min(range.len());
        self.within(range.start..range.start + limit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_follow_from_the_seed_and_stay_in_range() {
        let (mut one, mut two) = (Random::new(7), Random::new(7));
        for _ in 0..1000 {
            assert_eq!(one.number(), two.number());
            assert!((3..9).contains(&one.within(3..9)));
            assert!((3..900).contains(&one.within_log(3..900)));
            assert_eq!(one.within_log(5..6), 5);
            two = one.clone();
        }
    }

    #[test]
    fn clones_of_a_clock_show_the_same_time() {
        let clock = SimulatedClock::new();
        let other = clock.clone();
        clock.advance(Duration::from_millis(3));
        clock.advance_to(Instant::default());
        assert_eq!(other.now().nanos, 3_000_000);
        assert_eq!(other.unix_nanos() - UNIX_NANOS_AT_START, 3_000_000);
    }
}
