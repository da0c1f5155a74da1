//! Datagrams: whatever the kernel ends, and whenever the queue has no room, each one
//! that was not dropped comes to the queue once, in the order of its sender.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::world::Silent;
use splashdam::base::Sleeper;
use splashdam::base::descriptor::EventFd;
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::frame::FramerOptions;
use splashdam::message::LocalClock;
use splashdam::queue::{Consumers, Queue, QueueOptions};
use splashdam::receive::{
    Admission, ChunkPools, Destinations, Inbox, Inherited, Listener, ListenerOptions, Reactor,
    ReactorOptions, ReactorShared,
};
use splashdam::ring::simulated::{NetworkFaults, SimulatedNetwork, SimulatedRing};

const CHUNKS: usize = 4;
const DATAGRAM_CHUNKS: u16 = 8;
const QUEUE_SIZE: usize = 40;
const SENDERS: u16 = 3;
const SEEDS: u64 = 300;

type Simulated = Reactor<SimulatedRing, SimulatedClock>;

fn idle() -> Arc<Sleeper> {
    Arc::new(Sleeper::new(|| {}))
}

struct Run {
    clock: SimulatedClock,
    network: SimulatedNetwork,
    shared: Arc<ReactorShared>,
    reactor: Simulated,
    /// Texts that the queue gave.
    taken: Vec<String>,
}

impl Run {
    fn new(seed: u64) -> Run {
        let clock = SimulatedClock::new();
        let faults = NetworkFaults {
            short: 0,
            ended_early: 10,
            accept_failed: 0,
            late: 20,
            bundles: true,
        };
        let network = SimulatedNetwork::new(clock.clone(), Random::new(seed), faults);
        let options = ListenerOptions {
            address: Ipv4Addr::LOCALHOST.into(),
            ..ListenerOptions::imudp()
        };
        let listener = Listener::open(options, &mut Inherited::default());
        let event = Arc::new(EventFd::new().expect("an eventfd"));
        let room = Arc::new(Sleeper::new({
            let event = Arc::clone(&event);
            move || event.signal()
        }));
        let queue = Queue::new(
            "main",
            QueueOptions {
                size: QUEUE_SIZE,
                ..QueueOptions::main()
            },
            Consumers::one(idle()),
            vec![Arc::clone(&room)],
        );
        let shared = Arc::new(ReactorShared {
            names: None,
            listeners: vec![listener.expect("a listener")],
            destinations: Destinations::one(Arc::new(queue)),
            inboxes: vec![Arc::new(Inbox::new(Arc::clone(&event)))],
            admission: Admission::default(),
            report: Arc::new(Silent),
            reports_oversize: false,
            oversize: None,
            is_stopping: AtomicBool::new(false),
            must_abandon: AtomicBool::new(false),
        });
        let framer = FramerOptions::default();
        let pools = ChunkPools::new(CHUNKS as u16, 8, framer.carry_bytes_max(), idle())
            .and_then(|pools| pools.with_datagrams(DATAGRAM_CHUNKS, framer.message_bytes_max));
        let reactor = Reactor::new(
            network.ring(event, CHUNKS),
            clock.clone(),
            LocalClock::new(jiff::tz::TimeZone::UTC),
            ReactorOptions {
                index: 0,
                framer,
                provided_max: CHUNKS,
            },
            Arc::clone(&shared),
            pools.expect("memory"),
            room,
        );
        Run {
            clock,
            network,
            shared,
            reactor,
            taken: Vec::new(),
        }
    }

    /// Lets the reactor do what it can. Returns whether it goes on.
    fn settle(&mut self) -> bool {
        while self.network.is_ready(0) {
            match self.reactor.tick() {
                Ok(true) => {}
                Ok(false) => return false,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {}
                Err(error) => panic!("{error}"),
            }
        }
        true
    }

    /// Takes from the queue, at most so many.
    fn take(&mut self, max: usize) -> usize {
        let mut batches = Vec::new();
        let count = self.shared.destinations.queues()[0].dequeue(max, &mut batches);
        for batch in &batches {
            let reader = batch.reader();
            for index in 0..reader.len() {
                let message = reader.message(index);
                let text = String::from_utf8_lossy(message.text);
                self.taken
                    .push(format!("{} {text}", message.source.address));
            }
            self.shared.destinations.queues()[0].hand_over(batch.len(), batch.bytes());
            self.shared.destinations.queues()[0].acknowledge(batch.len());
        }
        count
    }
}

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let mut run = Run::new(seed);
    let socket = run.shared.listeners[0].as_raw_fd();
    let (mut sent, mut dropped) = (Vec::new(), 0);
    for _ in 0..60 {
        for _ in 0..random.within(0..40) {
            let host = random.within(0..usize::from(SENDERS)) as u8 + 1;
            let sender = SocketAddr::from((Ipv4Addr::new(127, 0, 0, host), 1024));
            let text = format!("<13>Oct 11 22:14:15 host tag: {}", sent.len() + dropped);
            match run.network.send_datagram(socket, sender, text.as_bytes()) {
                true => sent.push(format!("127.0.0.{host} {text}")),
                false => dropped += 1,
            }
        }
        if random.chance(70) {
            run.settle();
        }
        // A full queue ends the reception: the reactor holds what was under way.
        let held = run.shared.listeners[0].counters.held.get();
        assert!(held <= 2 * u64::from(DATAGRAM_CHUNKS), "{held} held");
        if random.chance(50) {
            run.take(random.within(1..100));
        }
    }
    run.shared.is_stopping.store(true, Ordering::Release);
    run.shared.inboxes[0].event().signal();
    let mut turns = 0;
    while run.settle() {
        run.take(usize::MAX);
        turns += 1;
        assert!(turns < 10_000, "the reactor does not end");
    }
    run.take(usize::MAX);
    // Datagrams of one socket come in the order in which it got them.
    assert_eq!(run.taken, sent);
    let counters = &run.shared.listeners[0].counters;
    assert_eq!(counters.received.get(), sent.len() as u64);
    assert_eq!(counters.enqueued.get(), sent.len() as u64);
    assert_eq!(counters.held.get(), 0);
    assert_eq!(counters.dropped_by_kernel.get(), dropped as u64);
}

#[test]
fn what_is_not_dropped_is_delivered_and_what_is_is_counted() {
    for seed in 0..SEEDS {
        let result = std::panic::catch_unwind(|| run(seed));
        assert!(result.is_ok(), "seed {seed}");
    }
}

#[test]
fn receives_that_fail_again_and_again_do_not_spin_and_what_comes_later_is_delivered() {
    let mut run = Run::new(1);
    let socket = run.shared.listeners[0].as_raw_fd();
    let counters = Arc::clone(&run.shared.listeners[0].counters);
    run.settle();
    run.network.fail_datagrams(socket, true);
    for turn in 0..1000 {
        if run.network.is_ready(0) {
            let _ = run.reactor.tick();
        }
        assert!(counters.receive_failed.get() <= 2, "in turn {turn}");
    }
    // It is tried again ten times a second.
    for _ in 0..10 {
        run.clock.advance(Duration::from_millis(100));
        run.settle();
    }
    assert_eq!(counters.receive_failed.get(), 12);
    run.network.fail_datagrams(socket, false);
    let sender = SocketAddr::from((Ipv4Addr::LOCALHOST, 1024));
    assert!(run.network.send_datagram(socket, sender, b"<13>later"));
    run.settle();
    assert_eq!(counters.received.get(), 0);
    run.clock.advance(Duration::from_millis(100));
    run.settle();
    run.take(usize::MAX);
    assert_eq!(run.taken, ["127.0.0.1 <13>later"]);
}
