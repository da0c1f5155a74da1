//! How fast queues are filled and emptied: a look at their counters every second,
//! by the control thread, and nothing on the way of a message.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::assemble::Daemon;
use crate::base::clock::SystemClock;
use crate::base::{Clock, Instant};
use crate::queue::Queue;

/// Time between two looks.
const INTERVAL: Duration = Duration::from_secs(1);

/// Looks that are kept: rates are those of the last ten seconds.
const LOOKS: usize = 10;

/// Shorter times give no rate.
const TIME_MIN: Duration = Duration::from_millis(10);

/// What was seen of a queue at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Look {
    pub at: Instant,
    /// Messages taken from producers since the start, discarded ones included.
    pub enqueued: u64,
    /// Messages handed over to the actions or to other queues since the start.
    pub handed_over: u64,
    /// Messages that had room.
    pub held: u64,
    /// Bytes that had room.
    pub held_bytes: u64,
}

impl Look {
    /// A queue at this moment.
    pub fn at(queue: &Queue) -> Look {
        let (held, held_bytes) = queue.held();
        let counters = &queue.counters;
        Look {
            at: SystemClock.now(),
            enqueued: counters.enqueued.get(),
            handed_over: counters.in_hand.get() + counters.acknowledged.get(),
            held: held as u64,
            held_bytes: held_bytes as u64,
        }
    }
}

/// How fast a queue is filled and emptied, each in messages or bytes per second.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Rate {
    /// Messages taken from producers.
    pub enqueued: f64,
    /// Messages handed over.
    pub handed_over: f64,
    /// What it holds more of every second; negative where it is emptied.
    pub growth: f64,
    pub growth_bytes: f64,
}

impl Rate {
    /// What happened between two looks.
    pub fn between(before: &Look, now: &Look) -> Rate {
        let time = now.at.since(before.at);
        if time < TIME_MIN {
            return Rate::default();
        }
        let per_second = |before: u64, now: u64| {
            // Counts are read one after the other: in hand may have got less
            // before acknowledged was seen to get more.
            now.saturating_sub(before) as f64 / time.as_secs_f64()
        };
        let growth = |before: u64, now: u64| (now as f64 - before as f64) / time.as_secs_f64();
        Rate {
            enqueued: per_second(before.enqueued, now.enqueued),
            handed_over: per_second(before.handed_over, now.handed_over),
            growth: growth(before.held, now.held),
            growth_bytes: growth(before.held_bytes, now.held_bytes),
        }
    }

    /// Whether anything came or went.
    pub fn is_moving(&self) -> bool {
        self.enqueued > 0.0 || self.handed_over > 0.0
    }

    /// Seconds until a queue that holds so many messages is empty, if it gets
    /// emptier.
    pub fn seconds_to_drain(&self, held: u64) -> Option<f64> {
        (self.growth < 0.0 && held > 0).then(|| held as f64 / -self.growth)
    }

    /// Seconds until a queue with room for so many more messages and bytes has no
    /// room any more, if it gets fuller.
    pub fn seconds_to_full(&self, messages_free: u64, bytes_free: u64) -> Option<f64> {
        let seconds = |free: u64, growth: f64| (growth > 0.0).then(|| free as f64 / growth);
        let by_messages = seconds(messages_free, self.growth);
        let by_bytes = seconds(bytes_free, self.growth_bytes);
        by_messages.into_iter().chain(by_bytes).reduce(f64::min)
    }
}

/// The last looks at each queue.
pub struct Rates(Mutex<Vec<VecDeque<Look>>>);

impl Rates {
    /// Of so many queues, none of which was looked at yet.
    pub fn new(queues: usize) -> Rates {
        Rates(Mutex::new(vec![VecDeque::new(); queues]))
    }

    /// Keeps a look at queue `index`.
    pub fn keep(&self, index: usize, look: Look) {
        let mut rings = self.lock();
        let ring = &mut rings[index];
        if ring.len() == LOOKS {
            ring.pop_front();
        }
        ring.push_back(look);
    }

    /// The rate of queue `index` from the oldest look that is kept to `now`; none
    /// before the first.
    pub fn of(&self, index: usize, now: &Look) -> Rate {
        let rings = self.lock();
        let oldest = rings[index].front();
        oldest.map_or_else(Rate::default, |oldest| Rate::between(oldest, now))
    }

    fn lock(&self) -> MutexGuard<'_, Vec<VecDeque<Look>>> {
        // The rings are whole at every moment, also where a thread died.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Looks at the queues every second, for ever.
pub async fn sample(daemon: &Daemon) {
    let mut ticks = interval(INTERVAL);
    // Looks that were missed (SIGSTOP) would all show the same moment.
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        for (index, served) in daemon.queues.iter().enumerate() {
            daemon.rates.keep(index, Look::at(served.queue()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(second: u64, enqueued: u64, handed_over: u64) -> Look {
        Look {
            at: Instant::default() + Duration::from_secs(second),
            enqueued,
            handed_over,
            held: enqueued - handed_over,
            held_bytes: 100 * (enqueued - handed_over),
        }
    }

    #[test]
    fn rates_are_those_of_the_last_ten_seconds() {
        let rates = Rates::new(2);
        let now = look(0, 1000, 1000);
        assert_eq!(rates.of(1, &now), Rate::default());
        // 100 a second come and 50 go, and from the 20th second on 10 and 60.
        let seen = |second: u64| match second {
            0..=20 => look(second, 1000 + 100 * second, 1000 + 50 * second),
            _ => look(second, 2800 + 10 * second, 800 + 60 * second),
        };
        for second in 0..=20 {
            rates.keep(1, seen(second));
        }
        let rate = rates.of(1, &seen(20));
        assert_eq!((rate.enqueued, rate.handed_over), (100.0, 50.0));
        assert_eq!((rate.growth, rate.growth_bytes), (50.0, 5000.0));
        assert_eq!(rate.seconds_to_drain(1000), None);
        // By messages in 180 s, by bytes in 200 or 100 s.
        assert_eq!(rate.seconds_to_full(9000, 1_000_000), Some(180.0));
        assert_eq!(rate.seconds_to_full(9000, 500_000), Some(100.0));
        for second in 21..=25 {
            rates.keep(1, seen(second));
        }
        // Four seconds of the first kind and six of the second one.
        assert_eq!(rates.of(1, &seen(26)).enqueued, 46.0);
        for second in 26..=30 {
            rates.keep(1, seen(second));
        }
        let rate = rates.of(1, &seen(31));
        assert_eq!((rate.enqueued, rate.handed_over), (10.0, 60.0));
        assert_eq!(rate.seconds_to_drain(450), Some(9.0));
        assert_eq!(rate.seconds_to_drain(0), None);
        assert_eq!(rate.seconds_to_full(9000, 500_000), None);
        // The other queue was never looked at.
        assert_eq!(rates.of(0, &seen(31)), Rate::default());
    }

    #[test]
    fn a_moment_and_a_count_that_went_back_give_no_rate() {
        let before = look(1, 100, 50);
        assert_eq!(Rate::between(&before, &before), Rate::default());
        let now = Look {
            at: before.at + INTERVAL,
            handed_over: 49,
            ..before
        };
        assert_eq!(Rate::between(&before, &now).handed_over, 0.0);
        assert!(!Rate::between(&before, &now).is_moving());
    }
}
