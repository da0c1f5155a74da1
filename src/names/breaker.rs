//! Whether the resolver answers.

use std::time::Duration;

use crate::base::Instant;

/// Time after which it is told again that the resolver does not answer.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// Finds the resolver dead when a lookup ran out of time and none was answered
/// since it began, and alive when one is answered in time.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    answered_at: Option<Instant>,
    is_dead: bool,
    /// Whether it was told of this death.
    is_told: bool,
    told_at: Option<Instant>,
}

/// What a change is worth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    None,
    /// It changed, and that is to be told.
    Told,
    /// It changed, and that was told too recently.
    Silent,
}

impl Breaker {
    /// A lookup that began at `started` ran out of time.
    pub fn timed_out(&mut self, started: Instant, now: Instant) -> Change {
        let is_alive = self.answered_at.is_some_and(|at| at >= started);
        if is_alive || self.is_dead {
            return Change::None;
        }
        self.is_dead = true;
        self.is_told = self.told_at.is_none_or(|at| now.since(at) >= TOLD_AGAIN);
        if self.is_told {
            self.told_at = Some(now);
            Change::Told
        } else {
            Change::Silent
        }
    }

    /// A lookup was answered in time.
    pub fn answered(&mut self, now: Instant) -> Change {
        self.answered_at = Some(now);
        match (std::mem::take(&mut self.is_dead), self.is_told) {
            (false, _) => Change::None,
            (true, true) => Change::Told,
            (true, false) => Change::Silent,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::default() + Duration::from_secs(seconds)
    }

    #[test]
    fn one_lookup_without_answer_is_not_the_resolvers_death() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.answered(at(11)), Change::None);
        // The zone of this one has no nameserver, the resolver lives.
        assert_eq!(breaker.timed_out(at(10), at(12)), Change::None);
        assert_eq!(breaker.timed_out(at(12), at(13)), Change::Told);
        assert_eq!(breaker.timed_out(at(12), at(13)), Change::None);
    }

    #[test]
    fn it_is_told_once_a_minute_and_its_end_if_it_was_told() {
        let mut breaker = Breaker::default();
        assert_eq!(breaker.timed_out(at(0), at(1)), Change::Told);
        assert_eq!(breaker.answered(at(2)), Change::Told);
        assert_eq!(breaker.timed_out(at(3), at(4)), Change::Silent);
        assert_eq!(breaker.answered(at(5)), Change::Silent);
        assert_eq!(breaker.timed_out(at(60), at(61)), Change::Told);
        assert_eq!(breaker.answered(at(62)), Change::Told);
    }
}
