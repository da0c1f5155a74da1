//! The workers of a queue: who of them is woken, and when one more is wanted.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::base::Sleeper;

/// The places for the workers of a queue (`queue.workerThreads`). The worker of
/// the first one runs as long as the queue; the others come and go.
pub struct Consumers {
    places: Vec<Place>,
    /// `queue.workerThreadMinimumMessages`.
    minimum_messages: usize,
    /// Starts workers; woken when more are wanted than run.
    starter: Option<Arc<Sleeper>>,
}

struct Place {
    sleeper: Arc<Sleeper>,
    is_running: AtomicBool,
}

impl Consumers {
    /// Places for workers that sleep on `sleepers`, of which the first runs.
    /// `starter` is woken when one more is wanted: for each `minimum_messages`
    /// that wait.
    pub fn new(
        sleepers: Vec<Arc<Sleeper>>,
        minimum_messages: usize,
        starter: Option<Arc<Sleeper>>,
    ) -> Consumers {
        let place = |(index, sleeper)| Place {
            sleeper,
            is_running: AtomicBool::new(index == 0),
        };
        Consumers {
            places: sleepers.into_iter().enumerate().map(place).collect(),
            minimum_messages: minimum_messages.max(1),
            starter,
        }
    }

    /// The one worker of a queue.
    pub fn one(sleeper: Arc<Sleeper>) -> Consumers {
        Consumers::new(vec![sleeper], usize::MAX, None)
    }

    /// Wakes as many workers as `waiting` messages ask for, if they sleep.
    pub fn wake(&self, waiting: usize) {
        let mut missing = self.wanted(waiting);
        for place in &self.places {
            if missing == 0 {
                return;
            }
            if place.is_running.load(Ordering::Acquire) {
                place.sleeper.wake();
                missing -= 1;
            }
        }
        if let Some(starter) = self.starter.as_ref().filter(|_| missing > 0) {
            starter.wake();
        }
    }

    /// Wakes all that run.
    pub fn wake_all(&self) {
        for place in &self.places {
            if place.is_running.load(Ordering::Acquire) {
                place.sleeper.wake();
            }
        }
    }

    /// Workers that `waiting` messages ask for: one at least.
    pub fn wanted(&self, waiting: usize) -> usize {
        (waiting / self.minimum_messages + 1).min(self.places.len())
    }

    /// Workers that run.
    pub fn running(&self) -> usize {
        let is_running = |place: &&Place| place.is_running.load(Ordering::Acquire);
        self.places.iter().filter(is_running).count()
    }

    /// Takes a place whose worker does not run, for one that is about to; its
    /// index.
    pub fn begin(&self) -> Option<usize> {
        self.places
            .iter()
            .position(|place| !place.is_running.swap(true, Ordering::AcqRel))
    }

    /// Says that the worker of a place has ended.
    pub fn end(&self, index: usize) {
        self.places[index]
            .is_running
            .store(false, Ordering::Release);
    }
}
