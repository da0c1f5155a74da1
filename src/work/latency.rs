//! How long messages are on their way.

use std::sync::{Mutex, PoisonError};

use hdrhistogram::Histogram;

/// Time from reception to commit, in microseconds, of each message.
pub struct Latency(Mutex<Histogram<u64>>);

impl Default for Latency {
    fn default() -> Self {
        // Three digits up to an hour: 7.2 KiB a power of two. The bounds are
        // valid, so that the fallback is never used.
        let histogram = Histogram::new_with_max(3_600_000_000, 3);
        let mut histogram = histogram.unwrap_or_else(|_| Histogram::new(3).expect("valid digits"));
        histogram.auto(true);
        Latency(Mutex::new(histogram))
    }
}

impl Latency {
    /// A copy of what was recorded.
    pub fn snapshot(&self) -> Histogram<u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(super) fn record(&self, micros: u64, messages: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saturating_record_n(micros, messages);
    }
}
