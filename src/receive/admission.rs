//! What all listeners share about who is let in.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::base::Counter;

/// What all listeners share about who is let in.
#[derive(Debug)]
pub struct Admission {
    /// Accepted sockets of all listeners that are not closed.
    pub sessions: Counter,
    /// `maxSessionsTotal`.
    pub sessions_max: Option<u32>,
    /// The name of this host: `fromhost` of its own processes.
    pub local_host: Box<str>,
    /// Peers of unix sockets so far.
    unix_peers: AtomicU64,
}

impl Default for Admission {
    fn default() -> Self {
        Admission::new(None, "localhost")
    }
}

impl Admission {
    /// Nobody is there yet.
    pub fn new(sessions_max: Option<u32>, local_host: &str) -> Admission {
        Admission {
            sessions: Counter::default(),
            sessions_max,
            local_host: local_host.into(),
            unix_peers: AtomicU64::new(0),
        }
    }

    /// Whether there are `maxSessionsTotal` connections.
    pub(super) fn is_full(&self) -> bool {
        let max = self.sessions_max;
        max.is_some_and(|max| self.sessions.get() >= max.into())
    }

    /// The number of the next peer of a unix socket, from 1.
    pub(super) fn next_unix_peer(&self) -> u64 {
        self.unix_peers.fetch_add(1, Ordering::Relaxed) + 1
    }
}
