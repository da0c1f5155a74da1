//! `ratelimit.…`: what is discarded of the messages that were framed, and what is
//! told about it. Decided for a stretch of frames at a time.

use super::Reactor;
use crate::base::Clock;
use crate::message::Severity;
use crate::receive::Listener;
use crate::receive::assembly::Mark;
use crate::ring::Ring;

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Keeps of the lent records what the listener's rate allows.
    #[inline]
    pub(super) fn limit_lent(&mut self, listener: usize) {
        if self.shared.listeners[listener].rate_limit.is_some() {
            let kept = self.grant(listener, self.lent.records_since(Mark::default()));
            self.lent.truncate(Mark::default(), kept);
        }
    }

    /// Keeps of the records that were collected since `before` what the
    /// listener's rate allows.
    #[inline]
    pub(super) fn limit_collected(&mut self, listener: usize, before: Mark) {
        if self.shared.listeners[listener].rate_limit.is_some() {
            let kept = self.grant(listener, self.collected[listener].records_since(before));
            self.collected[listener].truncate(before, kept);
        }
    }

    /// How many of so many messages are taken; the others are counted, and told
    /// when the interval is over.
    fn grant(&mut self, listener: usize, count: usize) -> usize {
        let shared = &self.shared.listeners[listener];
        let Some(limit) = &shared.rate_limit else {
            return count;
        };
        if count == 0 {
            return 0;
        }
        let granted = limit.grant(count, self.now);
        let missed = count - granted.taken;
        shared.counters.discarded_rate_limit.add(missed as u64);
        if granted.lost > 0 {
            self.tell_lost(shared, granted.lost);
        }
        if granted.begins_to_discard {
            let text = format!(
                "{}: begin to drop messages due to rate-limiting",
                limited_name(shared)
            );
            self.shared.report.report(Severity::INFO, text);
        }
        let until = self.now + limit.window();
        if missed > 0 && !self.limited.iter().any(|(_, limited)| *limited == listener) {
            self.limited.push((until, listener));
        }
        granted.taken
    }

    /// Tells of the listeners whose interval is over what they have discarded;
    /// at the end of all input, of all.
    pub(super) fn tell_limited(&mut self) {
        if self.limited.is_empty() {
            return;
        }
        let now = self.now;
        let is_ending = self.is_ending;
        let is_due = |until: &crate::base::Instant| is_ending || *until <= now;
        let due: Vec<usize> = self
            .limited
            .extract_if(.., |(until, _)| is_due(until))
            .map(|(_, listener)| listener)
            .collect();
        for listener in due {
            let shared = &self.shared.listeners[listener];
            let Some(limit) = &shared.rate_limit else {
                continue;
            };
            let lost = match is_ending {
                true => limit.lost_at_last(),
                false => limit.lost(now),
            };
            if lost > 0 {
                self.tell_lost(shared, lost);
            } else if limit.has_untold() {
                // They are of a window that began meanwhile.
                self.limited.push((now + limit.window(), listener));
            }
        }
    }

    fn tell_lost(&self, listener: &Listener, lost: u64) {
        let text = format!(
            "{}: {lost} messages lost due to rate-limiting",
            limited_name(listener)
        );
        self.shared.report.report(Severity::INFO, text);
    }
}

/// The listener as rsyslog names it there, with its address instead of the port
/// alone.
fn limited_name(listener: &Listener) -> String {
    format!("{}[{}]", listener.options.name, listener.endpoint())
}
