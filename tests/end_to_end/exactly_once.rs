//! Every message once, in order, byte for byte; and as rsyslog writes it.
//!
//! `SPLASHDAM_MESSAGES` sets how many are sent.

use crate::support::{Daemon, Flood, Framing, Scratch, Setup, program, to_file};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

/// Messages of one case: the number asked for is spread over all cases with
/// the weights that they have.
fn messages(share: f64) -> u64 {
    let all = match std::env::var("SPLASHDAM_MESSAGES") {
        Ok(text) => text.parse().expect("SPLASHDAM_MESSAGES is a number"),
        Err(_) => 300_000,
    };
    ((all as f64 * share) as u64).max(1)
}

/// Sends a flood to a daemon and stops it when all has been written.
fn deliver(daemon: Daemon, scratch: &Scratch, flood: &Flood) {
    flood.run(daemon.port());
    crate::support::wait_for_bytes(&scratch.join("out.log"), flood.file_bytes());
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
}

/// Sends the same to both daemons. One connection gives the same file; of
/// several, each connection's messages were compared already.
fn deliver_by_both(flood: Flood) {
    let setup = Setup::new(to_file("{dir}/out.log", FORMAT, ""));
    let (ours, theirs) = (Scratch::new(), Scratch::new());
    deliver(setup.splashdam(&ours), &ours, &flood);
    deliver(setup.rsyslog(&theirs), &theirs, &flood);
    if flood.connections == 1 {
        let files = [ours.join("out.log"), theirs.join("out.log")];
        program("cmp").args(files).assert().success();
    }
}

#[test]
fn one_connection_gives_the_file_that_rsyslog_writes() {
    deliver_by_both(Flood::new(messages(1.0)));
}

#[test]
fn twenty_connections_give_the_lines_that_rsyslog_writes() {
    deliver_by_both(Flood {
        connections: 20,
        ..Flood::new(messages(1.0))
    });
}

#[test]
fn octet_counted_messages_give_the_file_that_rsyslog_writes() {
    deliver_by_both(Flood {
        framing: Framing::OctetCounted,
        ..Flood::new(messages(0.5))
    });
}

#[test]
fn octet_counted_messages_of_twenty_connections_give_the_lines_that_rsyslog_writes() {
    deliver_by_both(Flood {
        framing: Framing::OctetCounted,
        connections: 20,
        ..Flood::new(messages(0.3))
    });
}

#[test]
fn short_messages_give_the_file_that_rsyslog_writes() {
    deliver_by_both(Flood {
        message_bytes: 80,
        ..Flood::new(messages(0.5))
    });
}

#[test]
fn messages_of_the_largest_size_give_the_file_that_rsyslog_writes() {
    for framing in [Framing::Lf, Framing::OctetCounted] {
        deliver_by_both(Flood {
            framing,
            // rsyslog's own limit; Splashdam's is 8192.
            message_bytes: 8096,
            connections: 3,
            ..Flood::new(messages(0.01))
        });
    }
}

#[test]
fn odd_sizes_over_many_connections_are_delivered_exactly_once() {
    for (message_bytes, framing) in [
        (81, Framing::OctetCounted),
        (127, Framing::Lf),
        (509, Framing::OctetCounted),
        (1021, Framing::Lf),
        (4093, Framing::Lf),
        (8192, Framing::Lf),
        (8192, Framing::OctetCounted),
    ] {
        let scratch = Scratch::new();
        let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
        let flood = Flood {
            message_bytes,
            framing,
            connections: 20,
            ..Flood::new(messages(0.05))
        };
        deliver(daemon, &scratch, &flood);
    }
}

#[test]
fn a_small_queue_pushes_back_and_loses_nothing() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .queue("queue.size=\"100\" queue.dequeueBatchSize=\"10\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let flood = Flood {
        connections: 5,
        ..Flood::new(messages(0.1))
    };
    flood.run(daemon.port());
    let accounts = daemon.wait_until_delivered(flood.messages);
    assert!(accounts.queue("full") > 0, "the queue was never full");
    assert_eq!(accounts.input("discarded_full"), 0);
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
}

#[test]
fn several_receiving_threads_keep_the_order_of_each_connection() {
    let scratch = Scratch::new();
    let rules = to_file("{dir}/out.log", FORMAT, "");
    let daemon = Setup::new(rules)
        .module("threads=\"3\"")
        .splashdam(&scratch);
    let flood = Flood {
        connections: 20,
        ..Flood::new(messages(0.5))
    };
    deliver(daemon, &scratch, &flood);
}
