//! Names of peers: from a nameserver and /etc/hosts as rsyslog has them, and
//! what becomes of connections while a name is not known.

use std::io::Write;
use std::net::{Ipv4Addr, SocketAddrV4, TcpStream};
use std::time::Duration;

use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::{
    Daemon, Nameserver, Namespace, Scratch, Setup, connections, ctl, to_file, wait_for,
    wait_for_text,
};

const MIXED: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 1);
const SHORT: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 2);
const IN_HOSTS: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 3);
const NAMELESS: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 4);
const MALICIOUS: Ipv4Addr = Ipv4Addr::new(127, 7, 0, 5);

const NAMES: [(Ipv4Addr, &str); 4] = [
    (MIXED, "Mixed.Case.Example.COM"),
    (SHORT, "short"),
    (IN_HOSTS, "not-this-one.example"),
    (MALICIOUS, "10.0.0.1"),
];

/// The line of each peer: of a message with a HOSTNAME and of one without.
const PEERS: &str = "template(name=\"peers\" type=\"string\" \
                     string=\"%fromhost-ip% %fromhost% %hostname%%msg%\\n\")\n";

fn namespace() -> Namespace {
    let namespace = Namespace::alone();
    namespace.etc(
        "hosts",
        "127.0.0.1 localhost\n127.7.0.3 First.Example second third\n",
    );
    namespace
}

fn setup(namespace: &Namespace) -> Setup {
    Setup::new(to_file("{dir}/out.log", "peers", ""))
        .namespace(namespace)
        .resolve_names()
        .statements(PEERS)
}

/// A connection from one of the loopback's addresses.
fn connect(daemon: &Daemon, namespace: &Namespace, from: Ipv4Addr) -> TcpStream {
    namespace.enter(|| {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
        socket
            .bind(&SockAddr::from(SocketAddrV4::new(from, 0)))
            .unwrap();
        let to = SocketAddrV4::new(Ipv4Addr::LOCALHOST, daemon.port());
        socket.connect(&SockAddr::from(to)).unwrap();
        socket.into()
    })
}

fn send(stream: &mut TcpStream, text: &str) {
    let message = format!("<13>Oct 11 22:14:15 host tag: {text}\n");
    stream.write_all(message.as_bytes()).unwrap();
}

/// Lines of the output, in order.
fn lines(scratch: &Scratch) -> Vec<String> {
    let text = String::from_utf8(scratch.read("out.log")).unwrap();
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

#[test]
fn names_are_those_that_rsyslog_finds() {
    let run = |start: fn(&Setup, &Scratch) -> Daemon| {
        let namespace = namespace();
        let _nameserver = Nameserver::start(&namespace, &NAMES);
        let scratch = Scratch::new();
        let daemon = start(&setup(&namespace), &scratch);
        for from in [MIXED, SHORT, IN_HOSTS, NAMELESS, Ipv4Addr::LOCALHOST] {
            let mut stream = connect(&daemon, &namespace, from);
            send(&mut stream, "with");
            stream.write_all(b"<13>tag: without\n").unwrap();
        }
        wait_for("all lines", || {
            let text = std::fs::read_to_string(scratch.join("out.log")).ok()?;
            (text.lines().count() == 10).then_some(())
        });
        daemon.stop();
        lines(&scratch)
    };
    let ours = run(Setup::splashdam);
    assert_eq!(ours, run(Setup::rsyslog));
    let expected = [
        "127.0.0.1 localhost host with",
        "127.0.0.1 localhost localhost without",
        "127.7.0.1 Mixed.Case.Example.COM Mixed.Case.Example.COM without",
        "127.7.0.1 Mixed.Case.Example.COM host with",
        "127.7.0.2 short host with",
        "127.7.0.2 short short without",
        "127.7.0.3 First.Example First.Example without",
        "127.7.0.3 First.Example host with",
        "127.7.0.4 127.7.0.4 127.7.0.4 without",
        "127.7.0.4 127.7.0.4 host with",
    ];
    assert_eq!(ours, expected);
}

#[test]
fn a_name_that_is_an_address_is_not_used() {
    let namespace = namespace();
    let _nameserver = Nameserver::start(&namespace, &NAMES);
    let scratch = Scratch::new();
    let daemon = setup(&namespace).splashdam(&scratch);
    send(&mut connect(&daemon, &namespace, MALICIOUS), "x");
    let accounts = daemon.wait_until_delivered(1);
    assert_eq!(accounts.names("malicious"), 1);
    wait_for_text(
        &scratch.join("own.log"),
        "malicious PTR record: 127.7.0.5 is not 10.0.0.1",
    );
    daemon.stop();
    assert_eq!(lines(&scratch), ["127.7.0.5 127.7.0.5 host x"]);
}

#[test]
fn a_name_is_asked_for_once_and_shown() {
    let namespace = namespace();
    let nameserver = Nameserver::start(&namespace, &NAMES);
    let scratch = Scratch::new();
    let daemon = setup(&namespace).splashdam(&scratch);
    let mut streams = Vec::new();
    for number in 1..=3 {
        let mut stream = connect(&daemon, &namespace, SHORT);
        send(&mut stream, "x");
        streams.push(stream);
        daemon.wait_until_delivered(number);
    }
    assert_eq!(nameserver.queries(SHORT), 1);
    let accounts = daemon.accounts();
    let counts = ["cached", "lookups", "found", "entries"].map(|field| accounts.names(field));
    assert_eq!(counts, [2, 1, 1, 1]);
    let connections = connections(&scratch, &[]);
    assert_eq!(connections.len(), 3);
    for connection in &connections {
        assert_eq!(connection["peer_name"], "short", "{connection}");
    }
    daemon.stop();
    assert_eq!(lines(&scratch), ["127.7.0.2 short host x"; 3]);
}

#[test]
fn with_the_lookup_off_nobody_is_asked() {
    let namespace = namespace();
    let nameserver = Nameserver::start(&namespace, &NAMES);
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", "peers", ""))
        .namespace(&namespace)
        .statements(PEERS)
        .splashdam(&scratch);
    for from in [MIXED, IN_HOSTS] {
        send(&mut connect(&daemon, &namespace, from), "x");
    }
    let accounts = daemon.wait_until_delivered(2);
    assert!(!accounts.has_names());
    daemon.stop();
    assert_eq!(nameserver.all_queries(), 0);
    let addresses = ["127.7.0.1 127.7.0.1 host x", "127.7.0.3 127.7.0.3 host x"];
    assert_eq!(lines(&scratch), addresses);
}

/// A daemon whose new connections wait for a name for long, with a nameserver
/// that is silent.
fn waiting(namespace: &Namespace, scratch: &Scratch, input: &str) -> (Nameserver, Daemon) {
    let nameserver = Nameserver::start(namespace, &NAMES);
    nameserver.be_silent(true);
    let daemon = setup(namespace)
        .statements(format!("global(net.dnsTimeout=\"60000\")\n{PEERS}"))
        .input(input)
        .splashdam(scratch);
    (nameserver, daemon)
}

#[test]
fn the_first_message_waits_for_the_name() {
    let namespace = namespace();
    let scratch = Scratch::new();
    let (nameserver, daemon) = waiting(&namespace, &scratch, "idleTimeout=\"1\"");
    let mut stream = connect(&daemon, &namespace, SHORT);
    send(&mut stream, "early");
    wait_for("a query", || (nameserver.queries(SHORT) > 0).then_some(()));
    // Another peer, whose name is known from a file, does not wait with it.
    send(&mut connect(&daemon, &namespace, IN_HOSTS), "known");
    let accounts = daemon.wait_until_delivered(1);
    assert_eq!(accounts.input("received"), 1);
    assert_eq!(accounts.input("connections_opened"), 2);
    // Who is not received from is not idle.
    std::thread::sleep(Duration::from_millis(1500));
    nameserver.be_silent(false);
    daemon.wait_until_delivered(2);
    daemon.stop();
    let expected = [
        "127.7.0.2 short host early",
        "127.7.0.3 First.Example host known",
    ];
    assert_eq!(lines(&scratch), expected);
}

#[test]
fn a_connection_that_waits_for_its_name_can_end() {
    let namespace = namespace();
    let scratch = Scratch::new();
    let (nameserver, daemon) = waiting(&namespace, &scratch, "");
    let closed = |reason: &str| {
        let now = daemon.wait_for_accounts(reason, |now| now.closed()[reason] == 1);
        let answers = ["found", "no_name", "failures"].map(|field| now.names(field));
        assert_eq!(answers, [0, 0, 0], "it did not wait for its name");
    };
    // By its peer.
    drop(connect(&daemon, &namespace, SHORT));
    closed("peer");
    // By an operator; and what waits in the same place is another one.
    let stream = connect(&daemon, &namespace, MIXED);
    let peer = stream.local_addr().unwrap().to_string();
    wait_for("a query", || (nameserver.queries(MIXED) > 0).then_some(()));
    let (is_ok, said) = ctl(&scratch, &["close", &peer]);
    assert!(is_ok, "{said}");
    closed("operator");
    let mut next = connect(&daemon, &namespace, NAMELESS);
    send(&mut next, "x");
    wait_for("a query", || {
        (nameserver.queries(NAMELESS) > 0).then_some(())
    });
    assert_eq!(daemon.accounts().input("received"), 0);
    nameserver.be_silent(false);
    daemon.wait_until_delivered(1);
    // By the stop.
    nameserver.be_silent(true);
    let _last = connect(&daemon, &namespace, Ipv4Addr::new(127, 7, 0, 77));
    daemon.wait_for_accounts("another one", |now| now.input("connections_opened") == 4);
    daemon.stop();
    assert_eq!(lines(&scratch), ["127.7.0.4 127.7.0.4 host x"]);
}

#[test]
fn the_name_of_this_host_keeps_its_domain_if_that_is_asked_for() {
    let kernel = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap();
    let kernel = kernel.trim();
    let hosts = format!("127.0.0.1 localhost\n127.0.1.1 {kernel}.Sub.Example {kernel}\n");
    let (short, domain) = kernel.split_once('.').unwrap_or((kernel, "Sub.Example"));
    let full = format!("{short}.{}", domain.to_lowercase());
    for (parameters, expected) in [("", short), ("preserveFQDN=\"on\"", &*full)] {
        let namespace = Namespace::alone();
        namespace.etc("hosts", &hosts);
        let scratch = Scratch::new();
        let daemon = Setup::new(to_file("{dir}/out.log", "RSYSLOG_FileFormat", ""))
            .namespace(&namespace)
            .resolve_names()
            .own_hostname(parameters)
            .splashdam(&scratch);
        wait_for_text(&scratch.join("own.log"), &format!(" {expected} splashdam["));
        daemon.stop();
    }
}

#[test]
fn a_connection_is_idle_from_when_it_is_received_from() {
    let namespace = namespace();
    let nameserver = Nameserver::start(&namespace, &NAMES);
    nameserver.be_silent(true);
    let scratch = Scratch::new();
    let daemon = setup(&namespace)
        .statements(format!("global(net.dnsTimeout=\"1000\")\n{PEERS}"))
        .input("idleTimeout=\"1\" notifyOnConnectionClose=\"on\"")
        .splashdam(&scratch);
    let _stream = connect(&daemon, &namespace, SHORT);
    let log = scratch.join("own.log");
    wait_for_text(&log, "reason idle-timeout, age ");
    let text = std::fs::read_to_string(log).unwrap();
    let (_, age) = text.split_once("reason idle-timeout, age ").unwrap();
    let age: f64 = age.split_once(' ').unwrap().0.parse().unwrap();
    assert!(age > 1.9, "it was idle while it waited for its name: {age}");
    daemon.stop();
}

#[test]
fn a_dead_resolver_costs_the_name_until_it_answers_again() {
    let namespace = namespace();
    let nameserver = Nameserver::start(&namespace, &NAMES);
    nameserver.be_silent(true);
    let scratch = Scratch::new();
    let daemon = setup(&namespace).splashdam(&scratch);
    let mut stream = connect(&daemon, &namespace, SHORT);
    send(&mut stream, "first");
    daemon.wait_until_delivered(1);
    wait_for_text(&scratch.join("own.log"), "the resolver does not answer");
    // Its name comes late, and holds from then on.
    nameserver.be_silent(false);
    daemon.wait_for_accounts("the late answer", |now| now.names("found") == 1);
    wait_for("the name of the connection", || {
        (connections(&scratch, &[])[0]["peer_name"] == "short").then_some(())
    });
    send(&mut stream, "second");
    daemon.wait_until_delivered(2);
    // One that is asked for now comes in time.
    let _other = connect(&daemon, &namespace, MIXED);
    wait_for_text(&scratch.join("own.log"), "the resolver answers again");
    daemon.stop();
    let expected = [
        "127.7.0.2 127.7.0.2 host first",
        "127.7.0.2 short host second",
    ];
    assert_eq!(lines(&scratch), expected);
}
