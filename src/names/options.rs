//! The parameters of the lookup of names and their defaults.

use std::time::Duration;

/// How the names of peers are looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameOptions {
    /// `net.enableDNS`: whether they are.
    pub is_on: bool,
    /// `net.dnsTimeout`: how long the first receive of a connection waits for
    /// the name of its peer at most; 0: it never does.
    pub timeout: Duration,
}

impl Default for NameOptions {
    fn default() -> Self {
        NameOptions {
            is_on: true,
            timeout: Duration::from_millis(500),
        }
    }
}

impl NameOptions {
    /// Time after which a lookup without answer says that the resolver is dead.
    pub(super) fn patience(&self) -> Duration {
        if self.timeout.is_zero() {
            // Nobody waits for it, and every lookup takes some time.
            NameOptions::default().timeout
        } else {
            self.timeout
        }
    }
}
