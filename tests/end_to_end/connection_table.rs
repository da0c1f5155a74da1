//! What the kernel knows of live connections, and the suspicion of half-open
//! ones.

use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::time::Duration;

use serde_json::Value;

use crate::support::network::SERVER;
use crate::support::{Network, Scratch, Setup, connections, ctl, to_file, wait_for, wait_for_text};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

const MESSAGE: &[u8] = b"<13>Oct 11 22:14:15 host tag: text\n";

#[test]
fn the_table_shows_what_the_kernel_does() {
    let scratch = Scratch::new();
    let statements = "input(type=\"imptcp\" port=\"0\" name=\"off\" keepAlive=\"off\" \
                      listenPortFileName=\"{dir}/off\")";
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .input("keepAlive.time=\"300\"")
        .statements(statements)
        .splashdam(&scratch);
    let _probed = daemon.connect();
    let port = String::from_utf8(scratch.read("off")).unwrap();
    // Its listener is one for IPv6 and IPv4.
    let _silent = TcpStream::connect(format!("127.0.0.1:{port}")).unwrap();
    let connections = wait_for("two connections", || {
        Some(connections(&scratch, &["--sort", "listener"])).filter(|table| table.len() == 2)
    });
    for connection in &connections {
        let rtt = connection["rtt_ms"].as_f64().expect("a time");
        assert!(rtt > 0.0 && rtt < 10_000.0, "{connection}");
        assert_eq!(connection["retransmits"], 0);
        assert_eq!(connection["probes"], 0);
    }
    assert_eq!(connections[0]["timer"], "keepalive");
    let left = connections[0]["timer_expires_seconds"].as_f64();
    let left = left.expect("a time");
    assert!(left > 0.0 && left <= 300.0, "{left}");
    assert_eq!(connections[1]["listener"], "off");
    assert_eq!(connections[1]["timer"], Value::Null);
    assert_eq!(connections[1]["timer_expires_seconds"], Value::Null);
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert!(!own.contains("sock_diag"), "{own}");
}

#[test]
fn the_table_shows_retransmits_and_unanswered_probes() {
    let network = Network::new(Duration::from_secs(1));
    let scratch = Scratch::new();
    let listener = SocketAddrV4::new(SERVER, 514);
    let statements = format!(
        "input(type=\"imptcp\" address=\"{SERVER}\" port=\"514\" keepAlive.time=\"3\" \
         keepAlive.interval=\"2\" keepAlive.probes=\"100\")\n"
    );
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .namespace(network.server())
        .statements(statements)
        .splashdam(&scratch);
    let _first = network
        .client()
        .enter(|| TcpStream::connect(listener).unwrap());
    let second = network.lose_an_answer(|| TcpStream::connect(listener).unwrap());
    let again = second.local_addr().unwrap().to_string();
    let table = wait_for("both connections", || {
        Some(connections(&scratch, &["--sort", "retransmits"])).filter(|table| table.len() == 2)
    });
    assert_eq!(table[0]["peer"], again);
    assert!(table[0]["retransmits"].as_u64() >= Some(1), "{table:?}");
    assert_eq!(table[1]["retransmits"], 0);
    // The firewall has forgotten them when they are probed.
    let unanswered = |connection: &Value| connection["probes"].as_u64() >= Some(2);
    let table = wait_for("probes without an answer", || {
        Some(connections(&scratch, &[])).filter(|table| table.iter().all(unanswered))
    });
    for connection in table {
        assert_eq!(connection["timer"], "keepalive");
        let left = connection["timer_expires_seconds"].as_f64();
        assert!(left.is_some_and(|left| left <= 2.0), "{connection}");
    }
    let (is_ok, said) = ctl(&scratch, &["connections"]);
    assert!(is_ok && said.contains(" unanswered"), "{said}");
    daemon.stop();
}

/// Two listeners with the same traffic: some connections that are silent, and
/// later another one. Nobody knows whether the silent ones live where they are
/// not probed; where they are, each probe is answered.
#[test]
fn half_open_connections_are_suspected_once_and_living_ones_are_not() {
    const IDLE: Duration = Duration::from_secs(3);
    let scratch = Scratch::new();
    let statements = format!(
        "global(halfOpenIdle=\"{}\")\n\
         input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" name=\"probed\" \
         listenPortFileName=\"{{dir}}/probed\" keepAlive.time=\"1\" keepAlive.interval=\"1\")",
        IDLE.as_secs()
    );
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .input("name=\"silent\" keepAlive=\"off\"")
        .statements(statements)
        .splashdam(&scratch);
    let probed = String::from_utf8(scratch.read("probed")).unwrap();
    let connect = || {
        let mut connections = [
            daemon.connect(),
            TcpStream::connect(format!("127.0.0.1:{probed}")).unwrap(),
        ];
        for connection in &mut connections {
            connection.write_all(MESSAGE).unwrap();
        }
        connections
    };
    let older: Vec<_> = (0..4).map(|_| connect()).collect();
    wait_for("the messages of all", || {
        let log = std::fs::read_to_string(scratch.join("out.log")).unwrap_or_default();
        (log.lines().count() == 8).then_some(())
    });
    // What is opened soon is a connection beside them, and too young.
    std::thread::sleep(IDLE + Duration::from_secs(1));
    let newer = connect();
    let own = scratch.join("own.log");
    wait_for_text(&own, "seem half-open");
    // Others come, and it is looked for some times more.
    let newest = connect();
    std::thread::sleep(IDLE * 3);
    let connections = connections(&scratch, &[]);
    let peers = connections.iter().map(|connection| {
        connection["peer"]
            .as_str()
            .and_then(|peer| peer.parse().ok())
    });
    let peers: Vec<SocketAddr> = peers.map(|peer| peer.expect("an address")).collect();
    assert_eq!(peers.len(), 12, "one has ended");
    assert!(peers.is_sorted(), "{peers:?}");
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    let told: Vec<&str> = own
        .lines()
        .filter(|line| line.contains("half-open:"))
        .collect();
    let [told] = &told[..] else {
        panic!("told once: {own}")
    };
    for part in [
        "peer 127.0.0.1 has 5 connections on listener silent, and 4 of them seem half-open",
        "keepalive is off: set keepAlive=\"on\" keepAlive.time=\"1\"",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let (_, silence) = told.split_once("nothing was heard on them for ").unwrap();
    let mut numbers = silence.split(|char: char| !char.is_ascii_digit());
    let shortest: u64 = numbers.next().unwrap().parse().unwrap();
    assert!(shortest >= IDLE.as_secs(), "{told}");
    drop((older, newer, newest));
}
