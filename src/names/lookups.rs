//! The lookups that wait and those that are under way: a state machine that is
//! stepped by who runs them.

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use super::breaker::{Breaker, Change};
use super::resolver::Names;
use crate::base::Instant;
use crate::limits::{NAME_LOOKUPS_MAX, NAME_REQUESTS_MAX};
use crate::message::Severity;

/// How long a name is kept. getnameinfo(3) does not tell its time to live;
/// rsyslog keeps it for ever.
const KEPT: Duration = Duration::from_secs(3600);

/// How long it is kept that an address has no name.
const KEPT_NO_NAME: Duration = Duration::from_secs(300);

/// How long it is kept that a lookup failed: a peer that comes again and again
/// does not keep the resolver busy.
const KEPT_FAILURE: Duration = Duration::from_secs(10);

/// Time after which it is told again that a name is none.
const TOLD_AGAIN: Duration = Duration::from_secs(60);

/// What a lookup found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    Name(Arc<str>),
    /// A name that reads as an address, as this text.
    Malicious(String),
    /// The address has no name.
    NoName,
    /// The resolver could not say.
    Failed,
}

/// The name of an address, for those that asked for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Named {
    pub address: IpAddr,
    /// None: there is none, or none that can be found.
    pub name: Option<Arc<str>>,
}

/// A lookup that waits or is under way.
#[derive(Default)]
struct Lookup {
    /// The reactors that asked.
    reactors: Vec<usize>,
    /// None: it waits.
    started: Option<Instant>,
    is_late: bool,
}

/// All lookups.
pub struct Lookups {
    names: Arc<Names>,
    lookups: HashMap<IpAddr, Lookup>,
    waiting: VecDeque<IpAddr>,
    under_way: usize,
    breaker: Breaker,
    malicious_told_at: Option<Instant>,
}

impl Lookups {
    /// None yet.
    pub fn new(names: Arc<Names>) -> Lookups {
        Lookups {
            names,
            lookups: HashMap::new(),
            waiting: VecDeque::new(),
            under_way: 0,
            breaker: Breaker::default(),
            malicious_told_at: None,
        }
    }

    /// Takes the requests of the reactors. Returns the answers that are known
    /// already, each with its reactor: two reactors asked one after the other.
    pub fn take_requests(&mut self, now: Instant) -> Vec<(usize, Named)> {
        let mut known = Vec::new();
        // What is not taken fills the queue of requests, and is refused there.
        while self.waiting.len() < NAME_REQUESTS_MAX
            && let Some(request) = self.names.requests.pop()
        {
            let address = request.address;
            let counters = &self.names.counters;
            if let Some(lookup) = self.lookups.get_mut(&address) {
                counters.joined.add(1);
                if !lookup.reactors.contains(&request.reactor) {
                    lookup.reactors.push(request.reactor);
                }
            } else if let Some(name) = self.names.cache.find(address, now) {
                counters.joined.add(1);
                known.push((request.reactor, Named { address, name }));
            } else {
                let lookup = self.lookups.entry(address).or_default();
                lookup.reactors.push(request.reactor);
                self.waiting.push_back(address);
            }
        }
        known
    }

    /// The next address to look up, if one more lookup may be under way.
    pub fn start(&mut self, now: Instant) -> Option<IpAddr> {
        if self.under_way >= NAME_LOOKUPS_MAX {
            return None;
        }
        let address = self.waiting.pop_front()?;
        self.lookups.entry(address).or_default().started = Some(now);
        self.under_way += 1;
        self.names.counters.lookups.add(1);
        Some(address)
    }

    /// Takes the answer of a lookup that was started. Returns the reactors that
    /// asked for it, and what they are told.
    pub fn answered(
        &mut self,
        address: IpAddr,
        answer: Answer,
        now: Instant,
    ) -> (Vec<usize>, Named) {
        self.under_way -= 1;
        let lookup = self.lookups.remove(&address).unwrap_or_default();
        if let Answer::Malicious(text) = &answer {
            self.tell_malicious(address, text, now);
        }
        // One that comes late helps nobody who waits.
        if answer != Answer::Failed && !lookup.is_late {
            self.is_alive(now);
        }
        let counters = &self.names.counters;
        let (count, name, kept) = match answer {
            Answer::Name(name) => (&counters.found, Some(name), KEPT),
            Answer::Malicious(_) => (&counters.malicious, None, KEPT_NO_NAME),
            Answer::NoName => (&counters.no_name, None, KEPT_NO_NAME),
            Answer::Failed => (&counters.failures, None, KEPT_FAILURE),
        };
        count.add(1);
        let until = now + kept;
        let cache = &self.names.cache;
        cache.insert(address, name.clone(), until, &counters.entries);
        (lookup.reactors, Named { address, name })
    }

    fn is_alive(&mut self, now: Instant) {
        let change = self.breaker.answered(now);
        if change != Change::None {
            self.names.is_dead.store(false, Ordering::Relaxed);
        }
        if change == Change::Told {
            let text = "the resolver answers again".to_owned();
            self.names.report.report(Severity::INFO, text);
        }
    }

    /// Tells, at most once a minute, of a PTR record that holds an address.
    fn tell_malicious(&mut self, address: IpAddr, text: &str, now: Instant) {
        let told_at = &mut self.malicious_told_at;
        if told_at.is_none_or(|at| now.since(at) >= TOLD_AGAIN) {
            *told_at = Some(now);
            let text = format!(
                "malicious PTR record: {address} is not {text}; its address is used and not the name"
            );
            self.names.report.report(Severity::WARNING, text);
        }
    }

    /// Looks for lookups that have run out of time. Returns whether the
    /// resolver was found dead by that: nobody needs to wait for it any more.
    pub fn check(&mut self, now: Instant) -> bool {
        let patience = self.names.options.patience();
        let mut is_found_dead = false;
        for lookup in self.lookups.values_mut() {
            let Some(started) = lookup.started else {
                continue;
            };
            if lookup.is_late || now < started + patience {
                continue;
            }
            lookup.is_late = true;
            self.names.counters.timeouts.add(1);
            let change = self.breaker.timed_out(started, now);
            is_found_dead |= change != Change::None;
            if change == Change::Told {
                let text = format!(
                    "the resolver does not answer within {} ms: peers without a known name go by \
                     their address until it does",
                    patience.as_millis()
                );
                self.names.report.report(Severity::WARNING, text);
            }
        }
        if is_found_dead {
            self.names.is_dead.store(true, Ordering::Relaxed);
        }
        is_found_dead
    }

    /// When [`check`](Lookups::check) may find something.
    pub fn check_at(&self) -> Option<Instant> {
        let lookups = self.lookups.values().filter(|lookup| !lookup.is_late);
        let started = lookups.filter_map(|lookup| lookup.started).min()?;
        Some(started + self.names.options.patience())
    }
}

#[cfg(test)]
#[path = "lookups_tests.rs"]
mod tests;
