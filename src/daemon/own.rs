//! The daemon's own messages: through the pipeline while it stands, to standard
//! error before and after.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use super::terminal;
use crate::base::clock::SystemClock;
use crate::base::{Clock, Text};
use crate::message::{
    Batch, Body, Facility, LocalClock, Priority, Record, Report, Severity, Source,
};
use crate::parse;
use crate::queue::Queue;
use crate::receive::InputCounters;

/// Name of the input and tag of its messages.
pub const NAME: &str = "splashdam";

/// Takes what the daemon has to say.
pub struct OwnMessages {
    queue: OnceLock<Arc<Queue>>,
    calendar: Mutex<LocalClock>,
    source: Arc<Source>,
    pub counters: InputCounters,
}

impl OwnMessages {
    /// Reports to standard error until [`connect`](Self::connect) is called.
    /// `hostname` is the messages' HOSTNAME.
    pub fn new(hostname: &str) -> OwnMessages {
        OwnMessages {
            queue: OnceLock::new(),
            calendar: Mutex::new(LocalClock::system()),
            source: Arc::new(Source {
                host: hostname.into(),
                address: "127.0.0.1".into(),
                port: 0,
                input: NAME.into(),
            }),
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
        Batch::new(Body {
            used: 0..bytes.len(),
            text: Text::owned(bytes, 0),
            rewritten: Vec::new(),
            records: vec![record],
            sources: vec![Arc::clone(&self.source)],
            received,
            received_at: clock.now(),
            recycler: None,
        })
    }
}

impl Report for OwnMessages {
    fn report(&self, severity: Severity, text: String) {
        let queue = self.queue.get().filter(|queue| !queue.is_closed());
        if queue.is_none() || severity <= Severity::WARNING {
            terminal::warn(&text);
        }
        if let Some(queue) = queue {
            self.counters.received.add(1);
            match queue.enqueue(self.batch(severity, &text)) {
                None => self.counters.enqueued.add(1),
                // Waiting for room here could wait for the reporter itself.
                Some(_) => {
                    self.counters.discarded_full.add(1);
                    if severity > Severity::WARNING {
                        terminal::warn(&text);
                    }
                }
            }
        }
    }
}
