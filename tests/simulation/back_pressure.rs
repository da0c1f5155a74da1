//! One reactor and queues that nobody takes from until the test does.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use splashdam::base::descriptor::EventFd;
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::base::{Clock, Instant, Sleeper};
use splashdam::frame::FramerOptions;
use splashdam::limits::{CHUNKS_PER_REACTOR, CHUNKS_PROVIDED_MAX, RECEIVE_GROUPS_MAX};
use splashdam::message::{Delay, LocalClock, Report, Severity};
use splashdam::queue::{Consumers, Queue, QueueOptions};
use splashdam::receive::{
    Admission, ChunkPools, ConnectionAccount, Destinations, Inbox, Inherited, InputCounters,
    Listener, ListenerOptions, Reactor, ReactorOptions, ReactorShared,
};
use splashdam::ring::simulated::{NetworkFaults, SimulatedNetwork, SimulatedRing};

/// Messages that a queue has room for.
const SIZE: usize = 4;

/// Messages that fill several chunks; ten times as many are more than a reactor
/// takes that no queue takes anything of.
const LINES: usize = 300;

/// Bytes of a message with its line feed.
const LINE_BYTES: usize = 2000;

struct Rig {
    clock: SimulatedClock,
    network: SimulatedNetwork,
    shared: Arc<ReactorShared>,
    reactor: Reactor<SimulatedRing, SimulatedClock>,
    told: Arc<Told>,
    peers: u16,
}

#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Report for Told {
    fn report(&self, _severity: Severity, text: String) {
        self.0.lock().unwrap().push(text);
    }
}

impl Rig {
    /// Rulesets with a queue each, and listeners that are bound to them.
    fn new(rulesets: usize, listeners: &[(usize, Delay)]) -> Rig {
        let clock = SimulatedClock::new();
        let faults = NetworkFaults {
            short: 0,
            ended_early: 0,
            accept_failed: 0,
            late: 0,
            bundles: true,
        };
        let network = SimulatedNetwork::new(clock.clone(), Random::new(1), faults);
        let event = Arc::new(EventFd::new().expect("an eventfd"));
        let wake = |event: &Arc<EventFd>| {
            let event = Arc::clone(event);
            Arc::new(Sleeper::new(move || event.signal()))
        };
        let room = wake(&event);
        let queue = |index: usize| {
            let options = QueueOptions {
                size: SIZE,
                // All of it is for those who can wait, too.
                light_delay_mark: Some(SIZE),
                full_delay_mark: Some(SIZE),
                ..QueueOptions::main()
            };
            let idle = Consumers::one(Arc::new(Sleeper::new(|| {})));
            let producers = vec![Arc::clone(&room)];
            Arc::new(Queue::new(format!("q{index}"), options, idle, producers))
        };
        let own = (0..rulesets).map(|index| (index > 0).then(|| queue(index)));
        let told = Arc::new(Told::default());
        let shared = Arc::new(ReactorShared {
            names: None,
            listeners: listeners.iter().map(listener).collect(),
            destinations: Destinations::new(queue(0), own),
            inboxes: vec![Arc::new(Inbox::new(Arc::clone(&event)))],
            admission: Admission::default(),
            report: Arc::clone(&told) as Arc<dyn Report>,
            reports_oversize: false,
            oversize: None,
            is_stopping: AtomicBool::new(false),
            must_abandon: AtomicBool::new(false),
        });
        let framer = FramerOptions::default();
        let pools = ChunkPools::new(
            CHUNKS_PER_REACTOR as u16,
            64,
            framer.carry_bytes_max(),
            wake(&event),
        );
        let reactor = Reactor::new(
            network.ring(event, CHUNKS_PER_REACTOR),
            clock.clone(),
            LocalClock::new(jiff::tz::TimeZone::UTC),
            ReactorOptions {
                index: 0,
                framer,
                provided_max: CHUNKS_PROVIDED_MAX,
            },
            Arc::clone(&shared),
            pools.expect("memory"),
            room,
        );
        Rig {
            clock,
            network,
            shared,
            reactor,
            told,
            peers: 0,
        }
    }

    /// Runs until the reactor sleeps.
    fn run(&mut self) {
        loop {
            match self.reactor.tick() {
                Ok(_) => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return,
                Err(error) => panic!("{error}"),
            }
        }
    }

    fn run_for(&mut self, time: Duration) {
        let end = self.clock.now() + time;
        while let Some(next) = self.network.deadline(0).filter(|next| *next <= end) {
            self.clock.advance_to(next);
            self.run();
        }
        self.clock.advance_to(end);
        self.run();
    }

    fn connect(&mut self, listener: usize) -> RawFd {
        self.peers += 1;
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, 1024 + self.peers));
        let listener = self.shared.listeners[listener].as_raw_fd();
        let peer = self.network.connect(listener, address);
        self.run();
        peer
    }

    fn send(&mut self, peer: RawFd, lines: usize) {
        let line = format!("<13>{}\n", "x".repeat(LINE_BYTES - 5));
        self.network.send(peer, line.repeat(lines).as_bytes());
        self.run();
    }

    /// Takes all that waits in a queue and says that it is done with.
    fn take(&mut self, queue: usize) {
        let queue = &self.shared.destinations.queues()[queue];
        let mut batches = Vec::new();
        let count = queue.dequeue(usize::MAX, &mut batches);
        queue.hand_over(count, batches.iter().map(|batch| batch.bytes()).sum());
        queue.acknowledge(count);
        self.run();
    }

    fn queue(&self, queue: usize) -> &Queue {
        &self.shared.destinations.queues()[queue]
    }

    fn input(&self, listener: usize) -> &InputCounters {
        &self.shared.listeners[listener].counters
    }

    fn account(&self, listener: usize) -> Arc<ConnectionAccount> {
        let mut accounts = self.shared.inboxes[0].registry.accounts().into_iter();
        let account = accounts.find(|account| account.listener == listener);
        account.expect("a connection")
    }
}

/// Its real socket serves as a name only.
fn listener(&(ruleset, delay): &(usize, Delay)) -> Listener {
    let options = ListenerOptions {
        address: Ipv4Addr::LOCALHOST.into(),
        name: format!("listener-{ruleset}"),
        ruleset,
        delay,
        ..ListenerOptions::default()
    };
    Listener::open(options, &mut Inherited::default()).expect("a listener")
}

#[test]
fn a_full_queue_stops_the_connections_that_feed_it_and_no_others() {
    let mut rig = Rig::new(2, &[(0, Delay::Delayable), (1, Delay::Delayable)]);
    let (stopped, flowing) = (rig.connect(0), rig.connect(1));
    rig.run_for(Duration::from_secs(1));
    rig.send(stopped, LINES);
    rig.send(stopped, 10 * LINES);
    let since = rig.account(0).paused_since().expect("is paused");
    assert!(since >= Instant::default() + Duration::from_secs(1));
    let received = rig.network.received(stopped);
    for _ in 0..200 {
        rig.run_for(Duration::from_millis(10));
        rig.send(flowing, SIZE);
        assert_eq!(rig.input(1).held.get(), 0);
        assert_eq!(rig.queue(1).held().0, SIZE);
        rig.take(1);
    }
    assert_eq!(rig.account(1).paused_since(), None);
    assert_eq!(rig.account(0).paused_since(), Some(since));
    assert_eq!(rig.network.received(stopped), received);
    // What waits is in order, and all of it comes when there is room.
    while rig.network.received(stopped) < 11 * LINES * LINE_BYTES || rig.input(0).held.get() > 0 {
        let before = rig.queue(0).counters.acknowledged.get();
        rig.take(0);
        assert!(rig.queue(0).counters.acknowledged.get() > before, "stuck");
    }
    assert_eq!(rig.account(0).paused_since(), None);
    assert_eq!(rig.input(0).enqueued.get(), 11 * LINES as u64);
}

#[test]
fn what_cannot_wait_is_discarded_when_its_time_is_over_and_the_rest_waits_on() {
    let mut rig = Rig::new(1, &[(0, Delay::Delayable), (0, Delay::NotDelayable)]);
    let (patient, impatient) = (rig.connect(0), rig.connect(1));
    rig.send(patient, 2 * SIZE);
    assert_eq!(rig.queue(0).held().0, SIZE);
    rig.send(impatient, 3);
    rig.run_for(Duration::from_millis(1000));
    rig.send(impatient, 2);
    rig.run_for(Duration::from_millis(999));
    assert_eq!(rig.input(1).held.get(), 5);
    assert_eq!(rig.queue(0).counters.discarded_full.get(), 0);
    rig.run_for(Duration::from_millis(1));
    assert_eq!(rig.input(1).held.get(), 2);
    assert_eq!(rig.queue(0).counters.discarded_full.get(), 3);
    rig.run_for(Duration::from_millis(1000));
    assert_eq!(rig.input(1).held.get(), 0);
    assert_eq!(rig.input(1).enqueued.get(), 5);
    assert_eq!(rig.queue(0).counters.discarded_full.get(), 5);
    assert_eq!(rig.input(0).held.get(), SIZE as u64, "these wait on");
    let told = std::mem::take(&mut *rig.told.0.lock().unwrap());
    assert_eq!(
        told,
        [
            "listener listener-0: the queue q0 had no room within queue.timeoutEnqueue, 2000 ms: \
          messages that cannot wait are discarded, 3 of that queue's so far"
        ]
    );
    rig.take(0);
    rig.take(0);
    rig.send(impatient, 1);
    assert_eq!(rig.queue(0).held().0, 1);
    assert_eq!(rig.queue(0).counters.enqueued.get(), 2 * SIZE as u64 + 6);
}

#[test]
fn queues_beyond_the_last_group_share_it() {
    const COUNT: usize = RECEIVE_GROUPS_MAX + 2;
    let bindings: Vec<_> = (0..COUNT).map(|queue| (queue, Delay::Delayable)).collect();
    let mut rig = Rig::new(COUNT, &bindings);
    assert_eq!(rig.shared.chunk_groups(), RECEIVE_GROUPS_MAX);
    let peers: Vec<RawFd> = (0..COUNT).map(|listener| rig.connect(listener)).collect();
    let last = COUNT - 1;
    rig.send(peers[last], LINES);
    rig.send(peers[last], 10 * LINES);
    assert!(rig.account(last).paused_since().is_some());
    // It finds what short chunks were provided before.
    let another = rig.connect(last);
    rig.send(another, LINES);
    for (queue, peer) in peers[..last].iter().enumerate() {
        rig.send(*peer, SIZE);
        let comes = queue < RECEIVE_GROUPS_MAX - 1;
        assert_eq!(rig.queue(queue).held().0, if comes { SIZE } else { 0 });
    }
    while rig.queue(last).held().0 > 0 {
        rig.take(last);
    }
    for queue in 0..last {
        assert_eq!(rig.queue(queue).held().0, SIZE);
    }
    assert_eq!(rig.input(last).enqueued.get(), 12 * LINES as u64);
}
