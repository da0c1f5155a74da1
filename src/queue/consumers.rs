//! The workers of a queue: who of them is woken, and when one more is wanted.

use std::sync::Arc;

use crate::base::Sleeper;
use crate::base::atomic::{AtomicBool, Ordering, fence};

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

    /// Wakes as many workers as `waiting` messages ask for, of those that sleep,
    /// and the starter if not so many run.
    pub fn wake(&self, waiting: usize) {
        if let [only] = &self.places[..] {
            only.sleeper.wake();
            return;
        }
        let wanted = self.wanted(waiting);
        // Orders the work, stored before, ahead of the looks at the places;
        // pairs with the fence in `end`.
        fence(Ordering::SeqCst);
        let (mut running, mut woken) = (0, 0);
        for place in &self.places {
            if place.is_running.load(Ordering::Acquire) {
                running += 1;
                // One that is busy, or stalled, is no help to what just came.
                woken += usize::from(woken < wanted && place.sleeper.wake());
            }
        }
        if let Some(starter) = self.starter.as_ref().filter(|_| running < wanted) {
            starter.wake();
        }
    }

    /// Wakes all that sleep.
    pub fn wake_all(&self) {
        // One that has just begun may not be seen to run: each place is tried.
        for place in &self.places {
            place.sleeper.wake();
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

    /// Says that the worker of a place has ended. Where messages wait, it must
    /// then call [`wake`](Self::wake): who made them wait may have counted on it.
    pub fn end(&self, index: usize) {
        let place = &self.places[index];
        place.sleeper.awake();
        place.is_running.store(false, Ordering::Release);
        // Orders the store before the look at the queue that follows; pairs with
        // the fence in `wake`.
        fence(Ordering::SeqCst);
    }
}
