//! Ready, retry, suspended: the life of an action whose driver may fail.

use std::time::Duration;

use super::ActionOptions;
use crate::base::Instant;

/// What an action is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It takes messages.
    Ready,
    /// It has failed and is about to try again.
    Retry,
    /// It rests until the given time.
    Suspended { until: Instant },
}

/// The state of an action and its way from one to the next.
#[derive(Clone, Debug)]
pub struct Resume {
    state: State,
    /// Failures in a row.
    failures: u32,
    retry_count_max: Option<u32>,
    interval: Duration,
    interval_max: Duration,
}

impl Resume {
    pub fn new(options: &ActionOptions) -> Resume {
        Resume {
            state: State::Ready,
            failures: 0,
            retry_count_max: options.resume_retry_count,
            interval: options.resume_interval,
            interval_max: options.resume_interval_max,
        }
    }

    pub fn state(&self) -> State {
        self.state
    }

    /// Notes that there is nothing to try again: it succeeded, or was given up.
    pub fn succeeded(&mut self) {
        self.failures = 0;
        self.state = State::Ready;
    }

    /// Notes a failure. Returns whether the messages have to be given up:
    /// `action.resumeRetryCount` attempts have failed.
    pub fn failed(&mut self, now: Instant) -> bool {
        let rest = self.rest();
        self.failures = self.failures.saturating_add(1);
        self.state = State::Suspended { until: now + rest };
        // The first failure is no retry yet.
        self.retry_count_max
            .is_some_and(|max| self.failures > max.max(1))
    }

    /// Becomes [`State::Retry`] when the rest is over. Returns whether it is.
    pub fn retry(&mut self, now: Instant) -> bool {
        match self.state {
            State::Suspended { until } if until <= now => {
                self.state = State::Retry;
                true
            }
            _ => self.state == State::Retry,
        }
    }

    /// The time until the next attempt. The first one is at once; then the
    /// interval grows by itself every ten failures, as in rsyslog, up to
    /// `action.resumeIntervalMax`.
    fn rest(&self) -> Duration {
        if self.failures == 0 && self.retry_count_max.is_some() {
            return Duration::ZERO;
        }
        self.interval
            .saturating_mul(self.failures / 10 + 1)
            .min(self.interval_max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::DriverOptions;

    fn resume(retry_count_max: Option<u32>) -> Resume {
        let mut options = ActionOptions::new("test".to_owned(), DriverOptions::Discard, 0);
        options.resume_retry_count = retry_count_max;
        options.resume_interval = Duration::from_secs(10);
        options.resume_interval_max = Duration::from_secs(25);
        Resume::new(&options)
    }

    fn until(resume: &Resume) -> u64 {
        match resume.state() {
            State::Suspended { until } => until.nanos / 1_000_000_000,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn zero_retries_give_up_when_the_one_at_once_fails() {
        let mut resume = resume(Some(0));
        assert!(!resume.failed(Instant::default()));
        assert!(resume.retry(Instant::default()));
        assert!(resume.failed(Instant::default()));
    }

    #[test]
    fn for_ever_never_gives_up_and_rests_longer_and_longer() {
        let mut resume = resume(None);
        let rests: Vec<u64> = (0..30)
            .map(|_| {
                assert!(!resume.failed(Instant::default()));
                until(&resume)
            })
            .collect();
        assert_eq!((rests[0], rests[9], rests[10], rests[29]), (10, 10, 20, 25));
        assert!(!resume.retry(Instant::default()));
        resume.succeeded();
        assert_eq!(resume.state(), State::Ready);
    }
}
