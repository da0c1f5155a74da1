//! What an operator is told again and again only once a minute.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use crate::base::Instant;

/// Time after which it is told again.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// What may be told of a listener.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(usize)]
pub(super) enum Telling {
    /// It has its `maxSessions`.
    Sessions,
    /// All listeners together have `maxSessionsTotal`.
    SessionsTotal,
    /// Nothing is left to accept with.
    Exhaustion,
    /// A peer that may not talk.
    Denied,
    /// A connection without its PROXY header.
    ProxyHeader,
    /// A compressed stream that is damaged.
    Compression,
    /// Messages that are too long.
    Oversize,
    /// Messages that a queue had no room for in time.
    Late,
    /// Datagrams that the kernel has dropped.
    KernelDrops,
    /// Datagrams cannot be received.
    ReceiveFailed,
}

/// When each was told, by whichever reactor.
#[derive(Debug, Default)]
pub(super) struct Tellings([AtomicU64; Telling::ReceiveFailed as usize + 1]);

impl Tellings {
    /// Whether it has to be told now: a minute has passed since it was.
    pub fn is_due(&self, what: Telling, now: Instant) -> bool {
        // 0 says that it was never told.
        let told_at = &self.0[what as usize];
        let seen = told_at.load(Ordering::Relaxed);
        let is_due = seen == 0 || now.since(Instant { nanos: seen }) >= TOLD_AGAIN;
        // Only one of the reactors that see this tells it.
        is_due
            && told_at
                .compare_exchange(seen, now.nanos.max(1), Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_told_once_a_minute() {
        let at = |seconds: u64| Instant {
            nanos: seconds * 1_000_000_000,
        };
        let tellings = Tellings::default();
        assert!(tellings.is_due(Telling::Denied, at(0)));
        assert!(!tellings.is_due(Telling::Denied, at(59)));
        assert!(tellings.is_due(Telling::Compression, at(59)));
        assert!(tellings.is_due(Telling::Denied, at(61)));
        assert!(!tellings.is_due(Telling::Denied, at(120)));
    }
}
