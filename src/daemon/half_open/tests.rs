use super::*;
use crate::receive::{Inherited, KeepAliveOptions, ListenerOptions};

const IDLE: Duration = Duration::from_secs(3600);

fn at(seconds: u64) -> Instant {
    Instant {
        nanos: seconds * 1_000_000_000,
    }
}

/// A connection of `peer`, opened and last heard of at these seconds.
fn connection(peer: u8, opened: u64, heard: u64) -> Observed {
    Observed {
        listener: 0,
        peer: [10, 0, 0, peer].into(),
        opened_at: at(opened),
        heard_at: at(heard),
    }
}

/// The silent ones of each suspicion.
fn silent(connections: &[Observed], now: u64) -> Vec<usize> {
    let found = suspicions(connections.to_vec(), IDLE, at(now));
    found.iter().map(|one| one.silent).collect()
}

#[test]
fn connections_that_were_given_up_for_a_newer_one_are_suspected() {
    // As in the incident: each is forgotten after an hour, and another opened.
    let connections: Vec<Observed> = [(9000, 9100), (100, 200), (4500, 4600), (100, 150)]
        .map(|(opened, heard)| connection(1, opened, heard))
        .into();
    assert!(silent(&connections, 3799).is_empty());
    let found = suspicions(connections, IDLE, at(10_000));
    let expected = Suspicion {
        listener: 0,
        peer: [10, 0, 0, 1].into(),
        connections: 4,
        silent: 3,
        silence: (Duration::from_secs(5400), Duration::from_secs(9850)),
    };
    assert_eq!(found, [expected]);
}

#[test]
fn healthy_connections_are_not_suspected() {
    let now = 100_000;
    // Of four that were opened beside each other, quiet ever since.
    let pool: Vec<Observed> = (0..4)
        .map(|n| connection(1, 100 + n * 10, 110 + n))
        .collect();
    assert!(silent(&pool, now).is_empty(), "opened at once");
    // Opened one by one, heard of a moment ago: a byte, or an answered probe.
    let probed: Vec<Observed> = (0..4)
        .map(|n| connection(1, n * 10_000, now - 300))
        .collect();
    assert!(silent(&probed, now).is_empty(), "probed");
    // Quiet since the last one was opened, not before.
    let later: Vec<Observed> = (0..4)
        .map(|n| connection(1, n * 10_000, 30_000 + n))
        .collect();
    assert!(silent(&later, now).is_empty(), "used after the newest came");
    // One quiet program beside one that comes anew.
    let two = [connection(1, 100, 200), connection(1, 50_000, 99_000)];
    assert!(silent(&two, now).is_empty(), "a single one");
    // One each of many peers, and of one peer on two listeners.
    let peers: Vec<Observed> = (0..9)
        .map(|peer| connection(peer, 100 + u64::from(peer) * 9000, 200))
        .collect();
    assert!(silent(&peers, now).is_empty(), "of many peers");
    let other = |one: Observed, listener| Observed { listener, ..one };
    let listeners = [
        connection(1, 100, 200),
        other(connection(1, 9000, 9100), 1),
        connection(1, 50_000, 99_000),
        other(connection(1, 50_000, 99_000), 1),
    ];
    assert!(silent(&listeners, now).is_empty(), "on two listeners");
}

#[test]
fn what_the_kernel_has_heard_counts() {
    let now = at(10_000);
    let off = Liveness::default();
    let probed = Liveness {
        keep_alive: true,
        time: Duration::from_secs(7200),
        ..Liveness::default()
    };
    let state = TcpState {
        local: ([10, 0, 0, 1], 514).into(),
        peer: ([10, 0, 0, 9], 1000).into(),
        rtt: Duration::ZERO,
        retransmits: 0,
        timer: None,
        probes: 0,
        silence: Duration::from_secs(100),
    };
    let heard = |received, is_paused, liveness, state| {
        heard_at(at(received), is_paused, liveness, state, now).nanos / 1_000_000_000
    };
    assert_eq!(heard(200, false, &probed, Some(&state)), 9900);
    assert_eq!(heard(9950, false, &probed, Some(&state)), 9950);
    assert_eq!(heard(200, true, &off, None), 10_000, "it may not send");
    assert_eq!(heard(200, false, &off, None), 200);
    assert_eq!(heard(5000, false, &probed, None), 5000, "no probe yet");
    assert_eq!(heard(2800, false, &probed, None), 10_000, "nobody knows");
}

/// A suspicion of a peer with so many silent connections.
fn suspicion(peer: u16, silent: usize) -> Suspicion {
    let [high, low] = peer.to_be_bytes();
    Suspicion {
        listener: 0,
        peer: [10, 0, high, low].into(),
        connections: silent + 1,
        silent,
        silence: (IDLE, IDLE * 2),
    }
}

#[test]
fn each_peer_is_told_once_and_not_too_many_an_hour() {
    let mut told = Told::default();
    let mut choose = |peers: std::ops::Range<u16>, now: u64| {
        let suspicions = peers.map(|peer| suspicion(peer, 2 + usize::from(peer)));
        told.choose(suspicions.collect(), at(now), |one| one.peer.to_string())
    };
    assert_eq!(choose(0..2, 0), ["10.0.0.1", "10.0.0.0"]);
    assert_eq!(choose(0..3, 60), ["10.0.0.2"]);
    let texts = choose(0..100, 120);
    assert_eq!(texts.len(), TOLD_PER_HOUR - 3 + 1);
    assert_eq!(texts[0], "10.0.0.99", "the worst first");
    let rest = &texts[texts.len() - 1];
    assert!(rest.starts_with("80 more peers"), "{rest}");
    assert!(choose(0..100, 3599).is_empty());
    // In the next hour the next ones.
    assert_eq!(choose(0..100, 3600).len(), TOLD_PER_HOUR + 1);
    for hour in 2..6 {
        choose(0..100, hour * 3600);
    }
    assert!(choose(0..100, 7 * 3600).is_empty(), "all are told");
}

#[test]
fn the_last_ones_are_remembered() {
    let mut told = Told::default();
    for peer in 0..=TOLD_MAX as u16 {
        told.choose(vec![suspicion(peer, 2)], at(u64::from(peer) * 3600), |_| {
            String::new()
        });
    }
    assert_eq!((told.peers.len(), told.order.len()), (TOLD_MAX, TOLD_MAX));
    let later = at(1 << 30);
    let both = vec![suspicion(0, 2), suspicion(1, 2)];
    let texts = told.choose(both, later, |one| one.peer.to_string());
    assert_eq!(texts, ["10.0.0.0"], "the oldest is forgotten");
}

#[test]
fn a_suspicion_is_told_with_its_numbers_and_what_to_set() {
    let options = ListenerOptions {
        address: [127, 0, 0, 1].into(),
        place: "a.conf:3".to_owned(),
        keep_alive: KeepAliveOptions {
            is_on: Some(false),
            ..KeepAliveOptions::default()
        },
        ..ListenerOptions::default()
    };
    let listener = Listener::open(options, &mut Inherited::default()).expect("a listener");
    assert_eq!(
        words(&suspicion(9, 98), &listener, IDLE),
        "peer 10.0.0.9 has 99 connections on listener imptcp, and 98 of them seem half-open: \
         nothing was heard on them for 3600 to 7200 s, and the peer has opened another since; \
         keepalive is off: set keepAlive=\"on\" keepAlive.time=\"300\" (listener at a.conf:3)"
    );
    let late = Liveness {
        keep_alive: true,
        time: Duration::from_secs(7200),
        interval: Duration::from_secs(75),
        probes: 9,
        user_timeout: None,
    };
    let told = advice(&late, Duration::from_secs(120));
    assert!(
        told.contains("after 7200 s only, and gives up after 9 x 75 s more"),
        "{told}"
    );
    assert!(told.contains("keepAlive.time=\"60\""), "{told}");
}
