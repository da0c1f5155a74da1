//! What the reactors share with the lookups.

use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crossbeam_queue::ArrayQueue;

use super::NameOptions;
use super::cache::Cache;
use crate::base::{Counter, Instant};
use crate::limits::NAME_REQUESTS_MAX;
use crate::message::Report;

/// Counters of the lookups.
#[derive(Debug, Default)]
pub struct NameCounters {
    /// Peers whose name, or the want of one, was known.
    pub cached: Counter,
    /// Lookups that were begun.
    pub lookups: Counter,
    /// Requests for an address whose lookup was under way or about to be.
    pub joined: Counter,
    /// Lookups that found a name.
    pub found: Counter,
    /// Lookups that found that there is none.
    pub no_name: Counter,
    /// Lookups that failed: the resolver could not say.
    pub failures: Counter,
    /// Lookups that had no answer in time.
    pub timeouts: Counter,
    /// Names that read as an address.
    pub malicious: Counter,
    /// Requests that were dropped because too many waited.
    pub dropped: Counter,
    /// Addresses in the cache, the expired ones too.
    pub entries: Counter,
}

/// A reactor's wish for a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    pub address: IpAddr,
    /// Number of the reactor.
    pub reactor: usize,
}

/// What is known of the names of peers, and the way to ask for more. Nothing
/// here waits or takes a lock.
pub struct Names {
    pub(super) options: NameOptions,
    pub(super) cache: Cache,
    pub(super) requests: ArrayQueue<Request>,
    pub(super) is_dead: AtomicBool,
    pub(super) report: Arc<dyn Report>,
    pub counters: NameCounters,
    wake: Box<dyn Fn() + Send + Sync>,
}

impl Names {
    /// Knows no name. `wake` calls who does the lookups and must not block;
    /// `report` takes what is to be told of the resolver.
    pub fn new(
        options: NameOptions,
        report: Arc<dyn Report>,
        wake: impl Fn() + Send + Sync + 'static,
    ) -> Names {
        Names {
            options,
            cache: Cache::new(),
            requests: ArrayQueue::new(NAME_REQUESTS_MAX),
            is_dead: AtomicBool::new(false),
            report,
            counters: NameCounters::default(),
            wake: Box::new(wake),
        }
    }

    /// What is known of the address now: its name, or that it has none.
    pub fn known(&self, address: IpAddr, now: Instant) -> Option<Option<Arc<str>>> {
        let known = self.cache.find(address, now);
        self.counters.cached.add(known.is_some().into());
        known
    }

    /// Asks for the name of an address. Returns whether there will be an
    /// answer: there is none where too many requests wait.
    pub fn ask(&self, request: Request) -> bool {
        let is_taken = self.requests.push(request).is_ok();
        if is_taken {
            (self.wake)();
        } else {
            self.counters.dropped.add(1);
        }
        is_taken
    }

    /// Whether the resolver answers, as far as is known.
    pub fn answers(&self) -> bool {
        !self.is_dead.load(Ordering::Relaxed)
    }

    /// How long a connection waits for a name at most; not at all while the
    /// resolver does not answer.
    pub fn patience(&self) -> Duration {
        if self.answers() {
            self.options.timeout
        } else {
            Duration::ZERO
        }
    }
}
