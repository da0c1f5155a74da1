//! A handful of connections is spread over all reactors.

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use crate::world::Silent;
use splashdam::base::Sleeper;
use splashdam::base::descriptor::EventFd;
use splashdam::base::simulated::{Random, SimulatedClock};
use splashdam::frame::FramerOptions;
use splashdam::message::LocalClock;
use splashdam::queue::{Consumers, Queue, QueueOptions};
use splashdam::receive::{
    AccessOptions, Admission, ChunkPools, Destinations, Inbox, Inherited, Listener,
    ListenerOptions, Reactor, ReactorOptions, ReactorShared,
};
use splashdam::ring::simulated::{NetworkFaults, SimulatedNetwork};

const REACTORS: usize = 2;
const CHUNKS: usize = 4;

fn idle() -> Arc<Sleeper> {
    Arc::new(Sleeper::new(|| {}))
}

/// Connections of each reactor after `connections` came to the first one.
fn loads(connections: u16, access: AccessOptions) -> Vec<usize> {
    let clock = SimulatedClock::new();
    let network = SimulatedNetwork::new(
        clock.clone(),
        Random::new(1),
        NetworkFaults {
            short: 0,
            ended_early: 0,
            accept_failed: 0,
            late: 0,
            bundles: true,
        },
    );
    let options = ListenerOptions {
        address: Ipv4Addr::LOCALHOST.into(),
        access,
        ..ListenerOptions::default()
    };
    let listener = Listener::open(options, &mut Inherited::default());
    let event = || Arc::new(EventFd::new().expect("an eventfd"));
    let shared = Arc::new(ReactorShared {
        names: None,
        listeners: vec![listener.expect("a listener")],
        destinations: Destinations::one(Arc::new(Queue::new(
            "main",
            QueueOptions::main(),
            Consumers::one(idle()),
            Vec::new(),
        ))),
        inboxes: (0..REACTORS)
            .map(|_| Arc::new(Inbox::new(event())))
            .collect(),
        admission: Admission::default(),
        report: Arc::new(Silent),
        reports_oversize: false,
        oversize: None,
        is_stopping: AtomicBool::new(false),
        must_abandon: AtomicBool::new(false),
    });
    let framer = FramerOptions::default();
    let pools = ChunkPools::new(CHUNKS as u16, 8, framer.carry_bytes_max(), idle());
    let mut acceptor = Reactor::new(
        network.ring(event(), CHUNKS),
        clock,
        LocalClock::new(jiff::tz::TimeZone::UTC),
        ReactorOptions {
            index: 0,
            framer,
            provided_max: CHUNKS,
        },
        Arc::clone(&shared),
        pools.expect("memory"),
        idle(),
    );
    for number in 0..connections {
        let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, 1024 + number));
        network.connect(shared.listeners[0].as_raw_fd(), peer);
    }
    loop {
        match acceptor.tick() {
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => break,
            Err(error) => panic!("{error}"),
        }
    }
    shared.inboxes.iter().map(|inbox| inbox.load()).collect()
}

#[test]
fn also_few_connections_are_spread_over_the_reactors() {
    let loads = |connections| loads(connections, AccessOptions::default());
    assert_eq!(loads(2), [1, 1]);
    assert_eq!(loads(4), [2, 2]);
    assert_eq!(loads(7), [4, 3]);
}

#[test]
fn whom_a_listener_knows_by_its_networks_nobody_asks_for_again() {
    let networks = |text: &str| vec![text.parse().expect("a network")];
    let allowed = AccessOptions {
        allow: networks("127.0.0.0/8"),
        ..AccessOptions::default()
    };
    // The network asserts that each is asked for once.
    assert_eq!(loads(4, allowed), [2, 2]);
    let denied = AccessOptions {
        deny: networks("127.0.0.0/8"),
        ..AccessOptions::default()
    };
    assert_eq!(loads(4, denied), [0, 0]);
}
