//! Latency histograms and the percentiles that are reported of them.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hdrhistogram::Histogram;
use serde::Serialize;

/// Largest latency that is told apart, in nanoseconds; a longer one counts as
/// this one.
const LATENCY_NS_MAX: u64 = 600_000_000_000;

/// A histogram of nanoseconds with three significant digits.
pub struct Latency(Histogram<u64>);

impl Latency {
    /// An empty histogram, 1 ns to 600 s.
    pub fn new() -> Latency {
        Latency(
            Histogram::new_with_bounds(1, LATENCY_NS_MAX, 3)
                .expect("the bounds are constants that hdrhistogram accepts"),
        )
    }

    /// Counts `count` events of this latency.
    pub fn record(&mut self, latency: Duration, count: u64) {
        let ns = u64::try_from(latency.as_nanos()).unwrap_or(u64::MAX);
        self.record_ns(ns, count);
    }

    /// Counts `count` events of this latency in nanoseconds.
    pub fn record_ns(&mut self, ns: u64, count: u64) {
        self.0
            .saturating_record_n(ns.clamp(1, LATENCY_NS_MAX), count);
    }

    /// Adds another thread's events.
    pub fn merge(&mut self, other: &Latency) {
        // Cannot fail: all histograms have the same bounds.
        self.0
            .add(&other.0)
            .expect("histograms of the same bounds can be added");
    }

    /// `None` where nothing was recorded.
    pub fn percentiles(&self) -> Option<Percentiles> {
        if self.0.is_empty() {
            return None;
        }
        let at = |quantile| self.0.value_at_quantile(quantile);
        Some(Percentiles {
            count: self.0.len(),
            mean: self.0.mean() as u64,
            p50: at(0.5),
            p90: at(0.9),
            p99: at(0.99),
            p999: at(0.999),
            p9999: at(0.9999),
            max: self.0.max(),
        })
    }
}

/// Percentiles of a latency, all in nanoseconds except `count` (events).
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Percentiles {
    count: u64,
    mean: u64,
    p50: u64,
    p90: u64,
    p99: u64,
    p999: u64,
    p9999: u64,
    max: u64,
}

impl fmt::Display for Percentiles {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = |ns: u64| ns as f64 / 1e6;
        write!(
            f,
            "p50 {:.3}  p90 {:.3}  p99 {:.3}  p99.9 {:.3}  p99.99 {:.3}  max {:.3} ms",
            ms(self.p50),
            ms(self.p90),
            ms(self.p99),
            ms(self.p999),
            ms(self.p9999),
            ms(self.max)
        )
    }
}

/// Wall clock in nanoseconds since 1970: the only clock that `flood` and `sink`,
/// two processes, share without `unsafe`. 0 before 1970.
pub fn wall_ns() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| {
            u64::try_from(since.as_nanos()).unwrap_or(u64::MAX)
        })
}
