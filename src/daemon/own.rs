//! The daemon's own messages: through the pipeline while it stands, to standard
//! error before and after. Those that find the queue full wait for room: the end
//! of a connection during an outage shall not be lost.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio::time::sleep;

use super::terminal;
use crate::base::clock::SystemClock;
use crate::base::{Clock, Text};
use crate::limits::OWN_WAITING_MAX;
use crate::message::{
    Batch, Body, Delay, Facility, LocalClock, Priority, Record, Report, Severity, Source,
};
use crate::parse;
use crate::queue::Queue;
use crate::receive::InputCounters;

/// Name of the input and tag of its messages.
pub const NAME: &str = "splashdam";

/// How long a full queue is left alone before it is offered again what waits.
const RETRY_INTERVAL: Duration = Duration::from_millis(20);

/// Takes what the daemon has to say.
pub struct OwnMessages {
    queue: OnceLock<Arc<Queue>>,
    /// Messages that found the queue full, oldest first.
    waiting: Mutex<VecDeque<Batch>>,
    /// Says that there are some.
    has_waiting: Notify,
    calendar: Mutex<LocalClock>,
    source: Arc<Source>,
    /// The ruleset of its messages, an index.
    ruleset: usize,
    pub counters: InputCounters,
}

impl OwnMessages {
    /// Reports to standard error until [`connect`](Self::connect) is called.
    /// `hostname` is the messages' HOSTNAME, `ruleset` the index of the ruleset
    /// that they go through.
    pub fn new(hostname: &str, ruleset: usize) -> OwnMessages {
        OwnMessages {
            queue: OnceLock::new(),
            waiting: Mutex::default(),
            has_waiting: Notify::new(),
            calendar: Mutex::new(LocalClock::system()),
            source: Arc::new(Source {
                host: hostname.into(),
                address: "127.0.0.1".into(),
                port: 0,
                input: NAME.into(),
            }),
            ruleset,
            counters: InputCounters::default(),
        }
    }

    /// The messages' HOSTNAME.
    pub fn hostname(&self) -> &str {
        &self.source.host
    }

    /// From now on messages go into the main queue.
    pub fn connect(&self, queue: Arc<Queue>) {
        // Connected once; a second call would change nothing.
        let _ = self.queue.set(queue);
    }

    /// Offers the queue what waits for room, for ever.
    pub async fn retry(&self) {
        loop {
            self.has_waiting.notified().await;
            while !self.offer(&mut self.lock_waiting()) {
                sleep(RETRY_INTERVAL).await;
            }
        }
    }

    /// Whether messages wait for room.
    pub fn is_waiting(&self) -> bool {
        !self.lock_waiting().is_empty()
    }

    /// Gives up what waits for room: the time to stop is over.
    pub fn abandon(&self) {
        let count = self.lock_waiting().drain(..).count() as u64;
        self.counters.held.subtract(count);
        self.counters.discarded_shutdown.add(count);
    }

    /// Enqueues what waits; false where some of it found no room.
    fn offer(&self, waiting: &mut VecDeque<Batch>) -> bool {
        let Some(queue) = self.queue.get() else {
            return true;
        };
        while let Some(batch) = waiting.pop_front() {
            if let Some(batch) = queue.enqueue(batch) {
                waiting.push_front(batch);
                return false;
            }
            self.counters.held.subtract(1);
            self.counters.enqueued.add(1);
        }
        true
    }

    fn lock_waiting(&self) -> MutexGuard<'_, VecDeque<Batch>> {
        // What it guards is whole at every moment, also where a thread died.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn batch(&self, severity: Severity, text: &str) -> Batch {
        let clock = SystemClock;
        let received = self
            .calendar
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .timestamp(clock.unix_nanos());
        let priority = Priority::of(Facility::SYSLOG, severity);
        let raw = format!(
            "<{}>{} {} {NAME}[{}]: {text}",
            priority.value(),
            crate::template::time::rfc3164(&received),
            self.source.host,
            std::process::id(),
        );
        let mut bytes = Vec::with_capacity(raw.len());
        parse::sanitize(raw.as_bytes(), &mut bytes);
        let record = Record {
            start: 0,
            len: bytes.len() as u32,
            source: 0,
            rewritten: false,
            header: parse::parse(&bytes),
        };
        Batch::new(
            Body {
                used: 0..bytes.len(),
                text: Text::owned(bytes, 0),
                rewritten: Vec::new(),
                records: vec![record],
                sources: vec![Arc::clone(&self.source)],
                received,
                received_at: clock.now(),
                delay: Delay::Delayable,
                recycler: None,
            },
            self.ruleset,
        )
        .with_body()
    }
}

impl Report for OwnMessages {
    fn report(&self, severity: Severity, text: String) {
        let queue = self.queue.get().filter(|queue| !queue.is_closed());
        if queue.is_none() || severity <= Severity::WARNING {
            terminal::warn(&text);
        }
        if queue.is_none() {
            return;
        }
        self.counters.received.add(1);
        let batch = self.batch(severity, &text);
        let mut waiting = self.lock_waiting();
        if waiting.len() < OWN_WAITING_MAX {
            waiting.push_back(batch);
            self.counters.held.add(1);
            // Waiting for room here could wait for the reporter itself.
            if !self.offer(&mut waiting) {
                self.has_waiting.notify_one();
            }
            return;
        }
        drop(waiting);
        self.counters.discarded_full.add(1);
        if severity > Severity::WARNING {
            terminal::warn(&text);
        }
    }
}
