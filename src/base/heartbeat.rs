//! A sign of life of one thread, for the service manager's watchdog.

use std::sync::atomic::{AtomicU64, Ordering};

/// Counts the turns of one thread's loop. It has a cache line (and the one that
/// is fetched with it) of its own: threads that beat do not slow each other
/// down.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Heartbeat(AtomicU64);

impl Heartbeat {
    /// One more turn. Only the thread whose heart it is calls it: there is no
    /// locked operation on its way.
    #[inline]
    pub fn beat(&self) {
        let turns = self.0.load(Ordering::Relaxed);
        self.0.store(turns.wrapping_add(1), Ordering::Relaxed);
    }

    /// Turns so far, wrapping.
    pub fn turns(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}
