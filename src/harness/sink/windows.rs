//! Latencies of stretches of time, to compare one with the next.

use std::time::Duration;

use crate::harness::latency::{Latency, Percentiles};

/// Windows that are told apart; what was sent later is in none. A wrong time in
/// a message must not make a histogram for each second since 1970.
const WINDOWS_MAX: u64 = 100;

/// A latency for each window of sending time. The first begins with the first
/// message.
pub struct Windows {
    length_ns: u64,
    first_ns: Option<u64>,
    latencies: Vec<Latency>,
}

impl Windows {
    /// Windows of this length, 1 ns at least.
    pub fn new(length: Duration) -> Windows {
        let length_ns = u64::try_from(length.as_nanos()).unwrap_or(u64::MAX);
        Windows {
            length_ns: length_ns.max(1),
            first_ns: None,
            latencies: Vec::new(),
        }
    }

    /// A message that was sent at `sent_at_ns` (since 1970) took so long.
    pub fn record(&mut self, sent_at_ns: u64, latency_ns: u64) {
        let first_ns = *self.first_ns.get_or_insert(sent_at_ns);
        let index = sent_at_ns.saturating_sub(first_ns) / self.length_ns;
        if index >= WINDOWS_MAX {
            return;
        }
        let index = index as usize;
        while self.latencies.len() <= index {
            self.latencies.push(Latency::new());
        }
        self.latencies[index].record_ns(latency_ns, 1);
    }

    /// Of each window, in order; `None` where nothing was sent.
    pub fn percentiles(&self) -> Vec<Option<Percentiles>> {
        self.latencies.iter().map(Latency::percentiles).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_window_has_its_own_latency() {
        let mut windows = Windows::new(Duration::from_nanos(100));
        for (sent_at_ns, latency_ns) in [(1000, 7), (1099, 8), (1100, 50), (1310, 60)] {
            windows.record(sent_at_ns, latency_ns);
        }
        let json = serde_json::to_value(windows.percentiles()).unwrap();
        assert_eq!(json[0]["count"], 2);
        assert_eq!(json[0]["max"], 8);
        assert_eq!(json[1]["max"], 50);
        assert!(json[2].is_null());
        assert_eq!(json[3]["max"], 60);
        assert_eq!(json.as_array().unwrap().len(), 4);
    }

    #[test]
    fn a_wrong_time_makes_no_window() {
        let mut windows = Windows::new(Duration::from_secs(1));
        windows.record(5, 1);
        windows.record(u64::MAX, 1);
        windows.record(0, 1);
        assert_eq!(windows.percentiles().len(), 1);
    }
}
