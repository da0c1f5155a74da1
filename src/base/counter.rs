//! Counters of the ledger and the statistics.

use std::sync::atomic::{AtomicU64, Ordering};

/// A count that any thread may read while others add to it. Sums of several
/// counters are exact at quiet moments only.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    #[inline]
    pub fn add(&self, amount: u64) {
        if amount != 0 {
            self.0.fetch_add(amount, Ordering::Relaxed);
        }
    }

    #[inline]
    pub fn subtract(&self, amount: u64) {
        if amount != 0 {
            self.0.fetch_sub(amount, Ordering::Relaxed);
        }
    }

    /// As [`add`](Counter::add); returns what it was before.
    #[inline]
    pub fn add_to(&self, amount: u64) -> u64 {
        self.0.fetch_add(amount, Ordering::Relaxed)
    }

    /// Sets it to 0; returns what it was before.
    pub fn take(&self) -> u64 {
        self.0.swap(0, Ordering::Relaxed)
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
