//! Handing messages on to other queues: an action's, a ruleset's.

use std::sync::Arc;

use crate::base::Instant;
use crate::message::{Batch, Delay};
use crate::queue::Queue;
use crate::rules::{Selected, Target};

/// A queue that a worker hands messages on to.
pub struct Outlet {
    /// Which of the selected messages it gets.
    pub target: Target,
    queue: Arc<Queue>,
    /// What of the present batch the queue has not taken.
    rest: Option<Rest>,
}

struct Rest {
    batch: Batch,
    /// When it was refused first.
    since: Instant,
}

/// What came of an offer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// All messages are in the queue, or discarded.
    Done,
    /// The queue has taken some of them.
    Some,
    /// It has no room. What cannot wait for ever waits until the given time.
    Refused { until: Option<Instant> },
}

impl Outlet {
    pub fn new(target: Target, queue: Arc<Queue>) -> Outlet {
        Outlet {
            target,
            queue,
            rest: None,
        }
    }

    /// Whether there are messages that the queue has not taken.
    pub fn is_stalled(&self) -> bool {
        self.rest.is_some()
    }

    /// Begins with the `selected` messages of a batch: shares their text with it.
    pub fn begin(&mut self, batch: &Batch, selected: &Selected, now: Instant) -> Offer {
        let mut picked = if selected.is_all() {
            batch.share()
        } else {
            batch.pick(selected.iter())
        };
        if picked.is_empty() {
            return Offer::Done;
        }
        if let Target::Ruleset(ruleset) = self.target {
            picked = picked.for_ruleset(ruleset);
        }
        self.offer(picked.with_body(), now, now)
    }

    /// Offers the queue what it has refused.
    pub fn retry(&mut self, now: Instant) -> Offer {
        match self.rest.take() {
            Some(rest) => self.offer(rest.batch, rest.since, now),
            None => Offer::Done,
        }
    }

    fn offer(&mut self, batch: Batch, since: Instant, now: Instant) -> Offer {
        let offered = batch.len();
        let Some(batch) = self.queue.pass_on(batch) else {
            return Offer::Done;
        };
        let until = match batch.delay() {
            Delay::Delayable => None,
            Delay::NotDelayable => Some(since + self.queue.options().timeout_enqueue),
        };
        if until.is_some_and(|until| until <= now) {
            self.queue.discard_late(&batch);
            return Offer::Done;
        }
        let has_taken = batch.len() < offered;
        // The time to wait is for a queue that takes nothing.
        let since = if has_taken { now } else { since };
        self.rest = Some(Rest { batch, since });
        match has_taken {
            true => Offer::Some,
            false => Offer::Refused { until },
        }
    }

    /// Forgets what the queue has not taken: the time to stop is over.
    pub fn abandon(&mut self) {
        self.rest = None;
    }
}
