//! A simulated resolver: it answers soon, late, or as one that is dead does.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use splashdam::base::Instant;
use splashdam::base::simulated::Random;
use splashdam::names::{Answer, Lookups, NameOptions, Named, Names};
use splashdam::receive::Inbox;

use crate::world::Silent;

/// The lookups of a world, and the resolver behind them.
pub struct Resolver {
    pub names: Arc<Names>,
    lookups: Lookups,
    random: Random,
    /// In percent: lookups that take longer than a dead resolver's.
    dead: usize,
}

impl Resolver {
    /// One that is as good as its seed.
    pub fn new(mut random: Random) -> Resolver {
        let options = NameOptions {
            is_on: true,
            timeout: Duration::from_micros(random.within_log(1..1_000_000) as u64 - 1),
        };
        let names = Arc::new(Names::new(options, Arc::new(Silent), || ()));
        Resolver {
            lookups: Lookups::new(Arc::clone(&names)),
            names,
            dead: [0, 10, 100][random.within(0..3)],
            random,
        }
    }

    /// Begins the lookups that reactors asked for. Returns when each is
    /// answered, and when it has run out of time.
    pub fn begin(
        &mut self,
        inboxes: &[Arc<Inbox>],
        now: Instant,
    ) -> (Vec<(Instant, IpAddr)>, Option<Instant>) {
        for (reactor, named) in self.lookups.take_requests(now) {
            inboxes[reactor].push_named(named);
        }
        let mut begun = Vec::new();
        while let Some(address) = self.lookups.start(now) {
            let micros = match self.random.chance(self.dead) {
                true => 10_000_000,
                false => self.random.within_log(1..300_000) as u64,
            };
            begun.push((now + Duration::from_micros(micros), address));
        }
        let check_at = self.lookups.check_at().filter(|_| !begun.is_empty());
        (begun, check_at)
    }

    /// Answers a lookup.
    pub fn answer(&mut self, inboxes: &[Arc<Inbox>], address: IpAddr, now: Instant) {
        let answer = match self.random.within(0..4) {
            0 => Answer::Name("peer".into()),
            1 => Answer::NoName,
            2 => Answer::Malicious("10.0.0.1".to_owned()),
            _ => Answer::Failed,
        };
        let (reactors, named) = self.lookups.answered(address, answer, now);
        for reactor in reactors {
            inboxes[reactor].push_named(Named::clone(&named));
        }
    }

    /// Looks for lookups that have run out of time. Returns when to look again.
    pub fn check(&mut self, inboxes: &[Arc<Inbox>], now: Instant) -> Option<Instant> {
        if self.lookups.check(now) {
            for inbox in inboxes {
                inbox.event().signal();
            }
        }
        self.lookups.check_at()
    }
}
