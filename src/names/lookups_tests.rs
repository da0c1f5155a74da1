//! The lookups with a clock and a resolver of the test.

use std::sync::Mutex;

use super::*;
use crate::message::Report;
use crate::names::{NameOptions, Request};

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Report for Told {
    fn report(&self, _: Severity, text: String) {
        self.0.lock().expect("no panic").push(text);
    }
}

struct World {
    lookups: Lookups,
    names: Arc<Names>,
    told: Arc<Told>,
    now: Instant,
}

impl World {
    fn new() -> World {
        let told = Arc::new(Told::default());
        let names = Names::new(NameOptions::default(), told.clone(), || ());
        let names = Arc::new(names);
        World {
            lookups: Lookups::new(Arc::clone(&names)),
            names,
            told,
            now: Instant::default(),
        }
    }

    fn ask(&mut self, address: IpAddr, reactor: usize) -> Vec<(usize, Named)> {
        assert!(self.names.ask(Request { address, reactor }));
        self.lookups.take_requests(self.now)
    }

    fn start(&mut self) -> Option<IpAddr> {
        self.lookups.start(self.now)
    }

    fn answer(&mut self, address: IpAddr, answer: Answer) -> (Vec<usize>, Named) {
        self.lookups.answered(address, answer, self.now)
    }

    fn pass(&mut self, millis: u64) -> bool {
        self.now = self.now + Duration::from_millis(millis);
        self.lookups.check(self.now)
    }

    fn told(&self) -> Vec<String> {
        std::mem::take(&mut self.told.0.lock().expect("no panic"))
    }
}

fn address(number: u32) -> IpAddr {
    std::net::Ipv4Addr::from_bits(0x0a00_0000 + number).into()
}

fn name(text: &str) -> Answer {
    Answer::Name(text.into())
}

#[test]
fn lookups_of_one_address_are_one_and_all_are_told() {
    let mut world = World::new();
    for reactor in [0, 1, 0] {
        assert_eq!(world.ask(address(1), reactor), []);
    }
    assert_eq!(world.start(), Some(address(1)));
    assert_eq!(world.ask(address(1), 2), []);
    assert_eq!(world.start(), None);
    let named = Named {
        address: address(1),
        name: Some("one".into()),
    };
    let told = world.answer(address(1), name("one"));
    assert_eq!(told, (vec![0, 1, 2], named.clone()));
    // Who asked before it looked into the cache.
    assert_eq!(world.ask(address(1), 3), [(3, named)]);
    let counters = &world.names.counters;
    assert_eq!((counters.lookups.get(), counters.joined.get()), (1, 4));
    let known = world.names.known(address(1), world.now);
    assert_eq!(known, Some(Some("one".into())));
}

#[test]
fn each_answer_is_kept_for_its_time() {
    let mut world = World::new();
    let answers = [
        (name("one"), KEPT),
        (Answer::NoName, KEPT_NO_NAME),
        (Answer::Malicious("1.2.3.4".to_owned()), KEPT_NO_NAME),
        (Answer::Failed, KEPT_FAILURE),
    ];
    for (number, (answer, kept)) in answers.into_iter().enumerate() {
        let address = address(number as u32);
        world.ask(address, 0);
        assert_eq!(world.start(), Some(address));
        let (_, named) = world.answer(address, answer);
        assert_eq!(named.name.is_some(), number == 0);
        let last = world.now + (kept - Duration::from_nanos(1));
        assert_eq!(world.names.known(address, last), Some(named.name));
        assert_eq!(world.names.known(address, world.now + kept), None);
    }
    assert_eq!(world.told().len(), 1, "of the malicious name");
}

#[test]
fn no_more_than_some_lookups_are_under_way_and_requests_wait() {
    let mut world = World::new();
    let most = NAME_LOOKUPS_MAX as u32;
    let waiting = NAME_REQUESTS_MAX as u32;
    for number in 0..most {
        world.ask(address(number), 0);
        assert_eq!(world.start(), Some(address(number)));
    }
    for number in 0..waiting * 2 {
        world.ask(address(most + number), 0);
    }
    assert_eq!(world.start(), None);
    let request = Request {
        address: address(99_999),
        reactor: 0,
    };
    assert!(!world.names.ask(request), "nobody takes it");
    assert_eq!(world.names.counters.dropped.get(), 1);
    world.answer(address(0), Answer::NoName);
    assert_eq!(world.start(), Some(address(most)));
    assert_eq!(world.start(), None);
}

#[test]
fn a_resolver_that_does_not_answer_is_not_waited_for() {
    let mut world = World::new();
    let patience = NameOptions::default().timeout;
    assert_eq!(world.names.patience(), patience);
    world.ask(address(1), 0);
    world.start();
    assert!(!world.pass(499));
    assert_eq!(
        world.lookups.check_at(),
        Some(Instant::default() + patience)
    );
    assert!(world.pass(1));
    assert_eq!(world.lookups.check_at(), None);
    assert_eq!(world.names.patience(), Duration::ZERO);
    assert_eq!(world.told().len(), 1);
    // Nor told of twice.
    world.ask(address(2), 0);
    world.start();
    assert!(!world.pass(600));
    // It gives up, which is no answer; nor is one that comes late a sign of
    // life.
    world.answer(address(1), Answer::Failed);
    let (_, late) = world.answer(address(2), name("late"));
    assert_eq!(late.name, Some("late".into()));
    assert_eq!(world.names.patience(), Duration::ZERO);
    assert_eq!(world.told(), [""; 0]);
    world.ask(address(3), 0);
    world.start();
    world.answer(address(3), Answer::NoName);
    assert_eq!(world.names.patience(), patience);
    assert_eq!(world.told(), ["the resolver answers again"]);
    assert_eq!(world.names.counters.timeouts.get(), 2);
}

#[test]
fn one_dead_zone_is_not_a_dead_resolver() {
    let mut world = World::new();
    world.ask(address(1), 0);
    world.start();
    world.pass(100);
    world.ask(address(2), 0);
    world.start();
    world.answer(address(2), name("two"));
    assert!(!world.pass(400));
    assert_eq!(world.names.counters.timeouts.get(), 1);
    assert_eq!(world.names.patience(), NameOptions::default().timeout);
}
