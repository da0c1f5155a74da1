//! When a worker may take from its queue, and how much.

use std::time::Duration;

use crate::base::{Clock, Instant};
use crate::message::LocalClock;
use crate::queue::{Queue, QueueOptions, Window};

/// How long it is remembered whether a window is open: until the next full
/// minute, at which it may open or close whatever the time zone does.
const MINUTE_S: u64 = 60;

/// What keeps a worker from taking messages at once: `queue.dequeueTimeBegin` and
/// `End`, `queue.dequeueSlowDown`, `queue.minDequeueBatchSize`, and an operator.
pub struct Pace {
    calendar: LocalClock,
    /// Whether the window is open, and until when that is known.
    window: Option<(bool, Instant)>,
    /// The rest after the last batch.
    rest_until: Option<Instant>,
    /// Since when there are messages, but too few.
    few_since: Option<Instant>,
}

/// Whether messages may be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// So many at most.
    Take(usize),
    /// Not before this time, if not woken.
    Wait { until: Option<Instant> },
}

impl Pace {
    /// `calendar` knows the local time.
    pub fn new(calendar: LocalClock) -> Pace {
        Pace {
            calendar,
            window: None,
            rest_until: None,
            few_since: None,
        }
    }

    /// Whether messages of `queue`, which has some, may be taken now. A queue that
    /// is closed, for the stop, is not paused, waits for no more messages and has no
    /// window: what it keeps then is lost.
    pub fn permit(&mut self, queue: &Queue, clock: &impl Clock) -> Permit {
        let options = queue.options();
        let now = clock.now();
        if let Some(until) = self.rest_until.filter(|until| *until > now) {
            return Permit::Wait { until: Some(until) };
        }
        self.rest_until = None;
        if !queue.is_closed() {
            if let Some(window) = options.window {
                let (is_open, until) = self.window(window, clock, now);
                if !is_open {
                    return Permit::Wait { until: Some(until) };
                }
            }
            if queue.is_paused() {
                return Permit::Wait { until: None };
            }
            // A full queue gets no more, whatever made it full.
            let few_until = self.few_until(options, queue.waiting(), now);
            if let Some(until) = few_until.filter(|_| !queue.is_full()) {
                return Permit::Wait { until: Some(until) };
            }
        }
        self.few_since = None;
        Permit::Take(options.dequeue_batch_size)
    }

    /// Notes that so many messages were taken.
    pub fn took(&mut self, messages: usize, options: &QueueOptions, now: Instant) {
        if !options.dequeue_slow_down.is_zero() {
            let messages = u32::try_from(messages).unwrap_or(u32::MAX);
            self.rest_until = Some(now + options.dequeue_slow_down.saturating_mul(messages));
        }
    }

    /// Until when the worker rests.
    pub fn rest_until(&self) -> Option<Instant> {
        self.rest_until
    }

    /// Notes that the queue has no messages: others took the few, or erased them.
    pub fn emptied(&mut self) {
        self.few_since = None;
    }

    /// Until when more messages are waited for.
    fn few_until(
        &mut self,
        options: &QueueOptions,
        waiting: usize,
        now: Instant,
    ) -> Option<Instant> {
        // More never wait at once where all can wait in their senders.
        let wanted = options
            .dequeue_batch_size_min
            .min(options.light_delay_mark());
        if waiting >= wanted {
            return None;
        }
        let since = *self.few_since.get_or_insert(now);
        let until = since + options.dequeue_batch_timeout;
        (until > now).then_some(until)
    }

    /// Whether the window is open, and until when that is known.
    fn window(&mut self, window: Window, clock: &impl Clock, now: Instant) -> (bool, Instant) {
        match self.window {
            Some((is_open, until)) if now < until => (is_open, until),
            _ => {
                let local = self.calendar.timestamp(clock.unix_nanos());
                let left = MINUTE_S.saturating_sub(u64::from(local.second)).max(1);
                let known = (window.contains(local.hour), now + Duration::from_secs(left));
                self.window = Some(known);
                known
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use jiff::tz::TimeZone;

    use super::*;
    use crate::base::simulated::SimulatedClock;
    use crate::base::{Sleeper, Text};
    use crate::message::{Batch, Body, Delay, Record, Timestamp};
    use crate::queue::Consumers;

    const HOUR: Duration = Duration::from_secs(3600);

    fn queue(options: QueueOptions) -> Queue {
        let consumer = Consumers::one(Arc::new(Sleeper::new(|| {})));
        Queue::new("test", options, consumer, Vec::new())
    }

    fn fill(queue: &Queue, count: usize) {
        assert!(queue.enqueue(messages(count)).is_none());
    }

    fn messages(count: usize) -> Batch {
        let body = Body {
            text: Text::owned(Vec::new(), 0),
            used: 0..0,
            rewritten: Vec::new(),
            records: vec![Record::default(); count],
            sources: vec![Arc::default()],
            received: Timestamp::default(),
            received_at: Instant::default(),
            delay: Delay::Delayable,
            recycler: None,
        };
        Batch::new(body, 0)
    }

    /// The hours from `from` on, of the local time of `zone`, in which messages are
    /// taken, as a worker finds out that sleeps as it is told; counted in hours
    /// since the simulation's start.
    fn open_hours(zone: &str, window: Window, from: u64, hours: u64) -> Vec<u64> {
        let clock = SimulatedClock::new();
        clock.advance(HOUR * from as u32);
        let queue = queue(QueueOptions {
            window: Some(window),
            ..QueueOptions::main()
        });
        let mut pace = Pace::new(LocalClock::new(TimeZone::get(zone).expect("a zone")));
        let mut open = Vec::new();
        let end = Instant::default() + HOUR * (from + hours) as u32;
        while clock.now() < end {
            let hour = clock.now().nanos / HOUR.as_nanos() as u64;
            match pace.permit(&queue, &clock) {
                Permit::Take(_) => {
                    open.push(hour);
                    clock.advance(Duration::from_secs(60));
                }
                Permit::Wait { until } => clock.advance_to(until.expect("a time")),
            }
        }
        let minutes = open.len();
        open.dedup();
        // It is open for whole hours.
        assert_eq!(minutes, open.len() * 60);
        open
    }

    #[test]
    fn a_window_is_open_between_its_hours() {
        let day = |begin, end| open_hours("UTC", Window { begin, end }, 0, 24);
        assert_eq!(day(2, 5), [2, 3, 4]);
        assert_eq!(day(22, 2), [0, 1, 22, 23]);
        assert_eq!(day(0, 24).len(), 24);
        assert_eq!(day(23, 0), [23]);
    }

    #[test]
    fn a_stop_drains_the_queue_whatever_the_hour() {
        let clock = SimulatedClock::new();
        let queue = queue(QueueOptions {
            window: Some(Window { begin: 2, end: 5 }),
            ..QueueOptions::main()
        });
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        fill(&queue, 1);
        assert!(matches!(
            pace.permit(&queue, &clock),
            Permit::Wait { until: Some(_) }
        ));
        queue.close();
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
    }

    #[test]
    fn a_window_follows_the_clocks_change() {
        // 2026-03-29 01:00 UTC: from 2 to 3 o'clock in Paris. 87 days of 24 hours
        // are behind. Midnight of the 28th is 23:00 UTC of the 27th.
        let midnight = 86 * 24 - 1;
        let window = Window { begin: 1, end: 4 };
        let open = open_hours("Europe/Paris", window, midnight, 47);
        let seen: Vec<u64> = open.iter().map(|hour| hour - midnight).collect();
        // 2 o'clock of the second day is missing.
        assert_eq!(seen, [1, 2, 3, 25, 26]);
        // 2026-10-25 01:00 UTC: from 3 back to 2 o'clock.
        let midnight = 297 * 24 - 2;
        let open = open_hours("Europe/Paris", window, midnight, 25);
        let seen: Vec<u64> = open.iter().map(|hour| hour - midnight).collect();
        assert_eq!(seen, [1, 2, 3, 4]);
    }

    #[test]
    fn a_slow_queue_rests_for_each_message_that_was_taken() {
        let clock = SimulatedClock::new();
        let options = QueueOptions {
            dequeue_slow_down: Duration::from_micros(50),
            ..QueueOptions::main()
        };
        let queue = queue(options);
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
        pace.took(100, queue.options(), clock.now());
        let until = Some(clock.now() + Duration::from_millis(5));
        assert_eq!(pace.permit(&queue, &clock), Permit::Wait { until });
        clock.advance(Duration::from_millis(5));
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
    }

    #[test]
    fn few_messages_wait_for_more_but_not_for_ever_and_not_at_the_stop() {
        let clock = SimulatedClock::new();
        let options = QueueOptions {
            dequeue_batch_size_min: 10,
            ..QueueOptions::main()
        };
        let queue = queue(options);
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        fill(&queue, 9);
        let until = Some(clock.now() + Duration::from_secs(1));
        assert_eq!(pace.permit(&queue, &clock), Permit::Wait { until });
        clock.advance(Duration::from_millis(999));
        assert_eq!(pace.permit(&queue, &clock), Permit::Wait { until });
        clock.advance(Duration::from_millis(1));
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
        // The next few wait as long.
        let until = Some(clock.now() + Duration::from_secs(1));
        assert_eq!(pace.permit(&queue, &clock), Permit::Wait { until });
        fill(&queue, 1);
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
        assert_eq!(queue.dequeue(5, &mut Vec::new()), 5);
        queue.hand_over(5, 0);
        queue.close();
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
    }

    #[test]
    fn a_queue_that_is_full_by_its_bytes_waits_for_no_more_messages() {
        let clock = SimulatedClock::new();
        let options = QueueOptions {
            memory_bytes_max: 1000,
            dequeue_batch_size_min: 1000,
            ..QueueOptions::main()
        };
        let woken = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&woken);
        let sleeper = Arc::new(Sleeper::new(move || {
            count.fetch_add(1, Ordering::Relaxed);
        }));
        let consumer = Consumers::one(Arc::clone(&sleeper));
        let queue = Queue::new("test", options, consumer, Vec::new());
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        let mut offered = 0;
        loop {
            offered += 1;
            sleeper.prepare();
            let before = woken.load(Ordering::Relaxed);
            let rest = queue.enqueue(messages(1));
            assert!(woken.load(Ordering::Relaxed) > before, "it sleeps on");
            if rest.is_some() {
                break;
            }
            let permit = pace.permit(&queue, &clock);
            assert!(matches!(permit, Permit::Wait { .. }));
        }
        assert!(offered < 100);
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
    }

    #[test]
    fn a_stop_waits_for_no_window() {
        let clock = SimulatedClock::new();
        let now = LocalClock::new(TimeZone::UTC).timestamp(clock.unix_nanos());
        let begin = (now.hour + 2) % 24;
        let end = (now.hour + 3) % 24;
        let queue = queue(QueueOptions {
            window: Some(Window { begin, end }),
            ..QueueOptions::main()
        });
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        fill(&queue, 1);
        let permit = pace.permit(&queue, &clock);
        assert!(matches!(permit, Permit::Wait { until: Some(_) }));
        queue.close();
        assert_eq!(pace.permit(&queue, &clock), Permit::Take(1024));
    }

    #[test]
    fn few_messages_that_others_took_make_the_next_few_wait_no_less() {
        let clock = SimulatedClock::new();
        let options = QueueOptions {
            dequeue_batch_size_min: 10,
            ..QueueOptions::main()
        };
        let queue = queue(options);
        let mut pace = Pace::new(LocalClock::new(TimeZone::UTC));
        fill(&queue, 9);
        let permit = pace.permit(&queue, &clock);
        assert!(matches!(permit, Permit::Wait { .. }));
        queue.purge(None);
        clock.advance(Duration::from_secs(5));
        pace.emptied();
        fill(&queue, 1);
        let until = Some(clock.now() + Duration::from_secs(1));
        assert_eq!(pace.permit(&queue, &clock), Permit::Wait { until });
    }
}
