//! Half-open connections: behind a firewall that forgets idle flows and drops
//! what comes of them later, the kernel holds dead connections as established
//! unless keepalive finds out, or keeps the firewall from forgetting.
//!
//! Where times matter they are the kernel's, and only too early is wrong: late
//! is what a busy machine makes of everything.

use std::collections::BTreeSet;
use std::io::Write;
use std::net::{SocketAddr, SocketAddrV4, TcpStream};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::json;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::support::network::{SERVER, Segment};
use crate::support::{
    Daemon, Namespace, Network, Scratch, Setup, to_file, wait_for, wait_for_text,
};

/// Idle time after which the firewall forgets a flow.
const FORGOTTEN_AFTER: Duration = Duration::from_secs(3);

/// Where the daemon listens.
const LISTENER: SocketAddrV4 = SocketAddrV4::new(SERVER, 514);

/// What a timer of the kernel may be too early, by its resolution, and too late,
/// on a machine that does something else.
const EARLY_S: f64 = 0.5;
const LATE_S: f64 = 10.0;

/// In which of the two languages the listener is configured, and for which
/// module.
#[derive(Clone, Copy, Debug)]
enum Syntax {
    RainerScript,
    Directives,
    DirectivesOfImtcp,
}

/// Keepalive of a listener; times in seconds.
#[derive(Clone, Copy)]
struct KeepAlive {
    on: bool,
    time: u32,
    interval: u32,
    probes: u32,
}

impl KeepAlive {
    /// Comes after the firewall has forgotten the flow.
    const LATE: KeepAlive = KeepAlive {
        on: true,
        time: 4,
        interval: 1,
        probes: 3,
    };

    /// Comes before.
    const EARLY: KeepAlive = KeepAlive {
        time: 1,
        ..KeepAlive::LATE
    };

    const OFF: KeepAlive = KeepAlive {
        on: false,
        ..KeepAlive::EARLY
    };

    /// Seconds from the last byte until the connection is given up.
    fn patience(self) -> u32 {
        self.time + self.interval * self.probes
    }

    /// The listener's statements.
    fn listener(self, syntax: Syntax) -> String {
        let KeepAlive {
            time,
            interval,
            probes,
            ..
        } = self;
        let on = if self.on { "on" } else { "off" };
        let (address, port) = (LISTENER.ip(), LISTENER.port());
        match syntax {
            Syntax::RainerScript => format!(
                "input(type=\"imptcp\" address=\"{address}\" port=\"{port}\" \
                 keepAlive=\"{on}\" keepAlive.time=\"{time}\" \
                 keepAlive.interval=\"{interval}\" keepAlive.probes=\"{probes}\" \
                 notifyOnConnectionClose=\"on\")\n"
            ),
            Syntax::Directives => format!(
                "$InputPTCPServerKeepAlive {on}\n\
                 $InputPTCPServerKeepAlive_time {time}\n\
                 $InputPTCPServerKeepAlive_intvl {interval}\n\
                 $InputPTCPServerKeepAlive_probes {probes}\n\
                 $InputPTCPServerNotifyOnConnectionClose on\n\
                 $InputPTCPServerListenIP {address}\n\
                 $InputPTCPServerRun {port}\n"
            ),
            // Named as the others, it is told in the same words.
            Syntax::DirectivesOfImtcp => format!(
                "$ModLoad imtcp\n\
                 $InputTCPServerKeepAlive {on}\n\
                 $InputTCPServerKeepAlive_time {time}\n\
                 $InputTCPServerKeepAlive_intvl {interval}\n\
                 $InputTCPServerKeepAlive_probes {probes}\n\
                 $InputTCPServerNotifyOnConnectionClose on\n\
                 $InputTCPServerInputName imptcp\n\
                 $InputTCPServerRun {port}\n"
            ),
        }
    }

    /// A daemon in the server's namespace that listens so.
    fn daemon(self, syntax: Syntax, network: &Network, scratch: &Scratch) -> Daemon {
        let rules = to_file("{dir}/out.log", "RSYSLOG_TraditionalFileFormat", "");
        Setup::new(rules)
            .namespace(network.server())
            // The one that tells the port, which is not used.
            .input("name=\"loopback\"")
            .statements(self.listener(syntax))
            .splashdam(scratch)
    }
}

/// A connection from behind the firewall.
struct Client {
    stream: TcpStream,
    address: SocketAddr,
    /// Bytes sent.
    bytes: usize,
}

impl Client {
    /// So many connections, of which each has sent its first message.
    fn connect(count: u32, namespace: &Namespace) -> Vec<Client> {
        let mut clients: Vec<Client> = namespace.enter(|| {
            let connect = |_| {
                let stream = TcpStream::connect(LISTENER).unwrap();
                let address = stream.local_addr().unwrap();
                Client {
                    stream,
                    address,
                    bytes: 0,
                }
            };
            (0..count).map(connect).collect()
        });
        for client in &mut clients {
            client.send("first");
        }
        clients
    }

    fn send(&mut self, word: &str) {
        let message = format!("<13>Oct 11 22:14:15 host tag: {}\n", self.says(word));
        self.stream.write_all(message.as_bytes()).unwrap();
        self.bytes += message.len();
    }

    fn says(&self, word: &str) -> String {
        format!("{word} of {}", self.address.port())
    }

    /// The line of a message in the file.
    fn line(&self, word: &str) -> String {
        format!("Oct 11 22:14:15 host tag: {}\n", self.says(word))
    }
}

/// Expects these messages of each client in the file, each once, and no others.
#[track_caller]
fn check_file(scratch: &Scratch, clients: &[Client], words: &[&str]) {
    let content = String::from_utf8(scratch.read("out.log")).unwrap();
    let mut lines: Vec<String> = content.split_inclusive('\n').map(str::to_owned).collect();
    let sent = clients
        .iter()
        .flat_map(|client| words.iter().map(|word| client.line(word)));
    let mut sent: Vec<String> = sent.collect();
    lines.sort();
    sent.sort();
    assert_eq!(lines, sent);
}

/// What a close message says.
#[derive(Debug)]
struct Close {
    peer: SocketAddr,
    listener: String,
    reason: String,
    age_s: f64,
    idle_s: f64,
    messages: u64,
    bytes: usize,
}

impl Close {
    /// Reads `connection closed: peer 10.7.1.2:40000, listener imptcp, reason
    /// keepalive, age 7.0 s, idle 7.0 s, 1 messages, 47 bytes`.
    fn parse(line: &str) -> Option<Close> {
        let (_, text) = line.split_once("connection closed: ")?;
        let mut parts = text.split(", ");
        let mut part = |before: &str, after: &str| {
            let part = parts.next()?.strip_prefix(before)?;
            part.strip_suffix(after).map(str::to_owned)
        };
        let close = Close {
            peer: part("peer ", "")?.parse().ok()?,
            listener: part("listener ", "")?,
            reason: part("reason ", "")?,
            age_s: part("age ", " s")?.parse().ok()?,
            idle_s: part("idle ", " s")?.parse().ok()?,
            messages: part("", " messages")?.parse().ok()?,
            bytes: part("", " bytes")?.parse().ok()?,
        };
        parts.next().is_none().then_some(close)
    }
}

/// Waits until each of the clients has its close message, and returns them in
/// the clients' order.
#[track_caller]
fn closes(scratch: &Scratch, clients: &[Client]) -> Vec<Close> {
    let own = || String::from_utf8(scratch.read("own.log")).unwrap();
    let is_close = |line: &&str| line.contains("connection closed");
    wait_for("a close message of each connection", || {
        (own().lines().filter(is_close).count() >= clients.len()).then_some(())
    });
    let parse = |line: &str| Close::parse(line).unwrap_or_else(|| panic!("{line}"));
    let mut closes: Vec<Close> = own().lines().filter(is_close).map(parse).collect();
    let in_order = clients.iter().map(|client| {
        let found = closes.iter().position(|close| close.peer == client.address);
        closes.swap_remove(found.unwrap_or_else(|| panic!("no end of {}", client.address)))
    });
    let in_order = in_order.collect();
    assert!(closes.is_empty(), "ends of no client: {closes:?}");
    in_order
}

/// Lets time pass.
fn sleep_until(time: Instant) {
    std::thread::sleep(time.saturating_duration_since(Instant::now()));
}

/// Does it in both syntaxes at once, each in its own network.
fn in_both_syntaxes(test: impl Fn(Syntax) + Sync) {
    in_each(&[Syntax::RainerScript, Syntax::Directives], test);
}

/// The same in each of these.
fn in_each(syntaxes: &[Syntax], test: impl Fn(Syntax) + Sync) {
    std::thread::scope(|scope| {
        for &syntax in syntaxes {
            let test = &test;
            std::thread::Builder::new()
                .name(format!("{syntax:?}"))
                .spawn_scoped(scope, move || test(syntax))
                .unwrap();
        }
    });
}

#[test]
fn connections_that_a_firewall_forgot_are_reaped_in_time_and_reported() {
    let syntaxes = [
        Syntax::RainerScript,
        Syntax::Directives,
        Syntax::DirectivesOfImtcp,
    ];
    in_each(&syntaxes, |syntax| {
        let keep_alive = KeepAlive::LATE;
        let network = Network::new(FORGOTTEN_AFTER);
        let scratch = Scratch::new();
        let daemon = keep_alive.daemon(syntax, &network, &scratch);
        let capture = network.capture(&scratch, "tcp port 514");
        let begin = Instant::now();
        let clients = Client::connect(200, network.client());
        let delivered = daemon.wait_until_delivered(200);
        assert_eq!(delivered.input("connections"), 200);
        assert_eq!(delivered.closed(), &json!({}));

        // None before. Each leaves a message (below), so that the first one is
        // the first end.
        wait_for_text(&scratch.join("own.log"), "connection closed");
        let patience = Duration::from_secs(keep_alive.patience().into());
        let first = begin.elapsed();
        assert!(first >= patience - Duration::from_secs(1), "{first:?}");

        // All then.
        let reaped = daemon.wait_for_accounts("the end of all connections", |now| {
            now.input("connections") == 0
        });
        assert_eq!(reaped.closed(), &json!({"keepalive": 200}));
        for (client, close) in clients.iter().zip(closes(&scratch, &clients)) {
            assert_eq!(close.listener, "imptcp", "{close:?}");
            assert_eq!(close.reason, "keepalive", "{close:?}");
            assert_eq!(close.messages, 1, "{close:?}");
            assert_eq!(close.bytes, client.bytes, "{close:?}");
            // What the daemon measures begins when it had time to look.
            assert!(close.idle_s >= keep_alive.time.into(), "{close:?}");
            assert!(close.age_s >= close.idle_s, "{close:?}");
        }

        let is_reset = |segment: &&Segment| segment.flags.contains('R');
        let segments = capture.wait_for_segments("a reset of each connection", |segments| {
            segments.iter().filter(is_reset).count() == clients.len()
        });
        for client in &clients {
            check_probes(&segments, client.address, keep_alive);
        }
        let probes = u64::from(keep_alive.probes);
        assert_eq!(network.forgotten(), (probes + 1) * 200);
        daemon.stop();
        check_file(&scratch, &clients, &["first"]);
    });
}

/// Expects in a capture, after the last byte of a peer, the probes at their
/// times, the reset that the kernel ends it with, and nothing else.
#[track_caller]
fn check_probes(segments: &[Segment], peer: SocketAddr, keep_alive: KeepAlive) {
    let flow: Vec<&Segment> = segments
        .iter()
        .filter(|segment| {
            [segment.from, segment.to]
                .map(SocketAddr::V4)
                .contains(&peer)
        })
        .collect();
    let sent = flow.iter().rposition(|segment| segment.length > 0);
    let sent = sent.unwrap_or_else(|| panic!("no data of {peer}: {flow:?}"));
    // What acknowledges the data comes at once.
    let silence = f64::from(keep_alive.time) / 2.0;
    let later = flow[sent..].iter();
    let later: Vec<&&Segment> = later
        .skip_while(|segment| segment.at - flow[sent].at < silence)
        .collect();
    let probes = keep_alive.probes as usize;
    assert_eq!(later.len(), probes + 1, "{flow:?}");
    let mut previous = flow[sent];
    for (number, segment) in later.iter().enumerate() {
        assert_eq!(segment.from, LISTENER, "{flow:?}");
        assert_eq!(segment.length, 0, "{flow:?}");
        assert_eq!(segment.flags.contains('R'), number == probes, "{flow:?}");
        let expected_s = f64::from(match number {
            0 => keep_alive.time,
            _ => keep_alive.interval,
        });
        let gap_s = segment.at - previous.at;
        assert!(
            (expected_s - EARLY_S..expected_s + LATE_S).contains(&gap_s),
            "{gap_s} s and not {expected_s} s before segment {number} of {flow:?}"
        );
        previous = segment;
    }
}

#[test]
fn connections_that_are_probed_in_time_survive_the_firewall() {
    in_both_syntaxes(|syntax| {
        let network = Network::new(FORGOTTEN_AFTER);
        let scratch = Scratch::new();
        let daemon = KeepAlive::EARLY.daemon(syntax, &network, &scratch);
        let mut clients = Client::connect(50, network.client());
        daemon.wait_until_delivered(50);
        sleep_until(Instant::now() + FORGOTTEN_AFTER * 2);
        for client in &mut clients {
            client.send("late");
        }
        let later = daemon.wait_until_delivered(100);
        assert_eq!(later.input("connections"), 50);
        assert_eq!(later.closed(), &json!({}));
        assert_eq!(network.forgotten(), 0);
        // They end as their peers want it.
        for client in &clients {
            client.stream.shutdown(std::net::Shutdown::Both).unwrap();
        }
        for close in closes(&scratch, &clients) {
            assert_eq!(close.reason, "peer", "{close:?}");
            assert_eq!(close.messages, 2, "{close:?}");
        }
        daemon.stop();
        check_file(&scratch, &clients, &["first", "late"]);
    });
}

/// The incident itself: what the tests above are about does not happen by
/// itself.
#[test]
fn connections_that_a_firewall_forgot_stay_without_keepalive() {
    in_both_syntaxes(|syntax| {
        let network = Network::new(FORGOTTEN_AFTER);
        // Off is off, whatever the kernel would do.
        for parameter in ["time", "intvl", "probes"] {
            let name = format!("ipv4/tcp_keepalive_{parameter}");
            network.server().set(&name, "1");
        }
        let scratch = Scratch::new();
        let daemon = KeepAlive::OFF.daemon(syntax, &network, &scratch);
        let mut clients = Client::connect(50, network.client());
        daemon.wait_until_delivered(50);
        let patience = Duration::from_secs(KeepAlive::LATE.patience().into());
        sleep_until(Instant::now() + patience + Duration::from_secs(2));
        assert_eq!(network.forgotten(), 0, "nobody has said anything");
        for client in &mut clients {
            client.send("late");
        }
        wait_for("the firewall to drop what was sent late", || {
            (network.forgotten() >= 50).then_some(())
        });
        let later = daemon.accounts();
        assert_eq!(later.input("connections"), 50);
        assert_eq!(later.closed(), &json!({}));
        assert_eq!(later.input("received"), 50);
        daemon.stop();
        for close in closes(&scratch, &clients) {
            assert_eq!(close.reason, "stop", "{close:?}");
        }
        check_file(&scratch, &clients, &["first"]);
    });
}

#[test]
fn peers_are_accepted_while_their_names_cannot_be_looked_up() {
    const PEERS: u16 = 1000;
    let network = Network::new(FORGOTTEN_AFTER);
    network.use_dead_nameserver();
    let scratch = Scratch::new();
    let queries = network.capture(&scratch, "udp port 53");
    let daemon = Setup::new(to_file("{dir}/out.log", "peers", ""))
        .namespace(network.server())
        .resolve_names()
        .input("name=\"loopback\"")
        .statements(format!(
            "template(name=\"peers\" type=\"string\" \
             string=\"%fromhost-ip% %fromhost% %msg%\\n\")\n\
             input(type=\"imptcp\" address=\"{}\" port=\"{}\")\n",
            LISTENER.ip(),
            LISTENER.port()
        ))
        .splashdam(&scratch);

    // A lookup that begins before the first peer comes. It is still under way
    // when the messages of the last one have arrived.
    let mut lookup = Command::new("/usr/sbin/ip")
        .args(["netns", "exec", network.server().name()])
        .args(["getent", "hosts", "10.7.1.99"])
        .stdout(Stdio::null())
        .spawn()
        .unwrap();
    wait_for("the query of the lookup", || {
        (network.names() > 0).then_some(())
    });
    network.client().enter(|| {
        for number in 0..PEERS {
            let address = Network::client_address(number);
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
            let source = SocketAddrV4::new(address, 0);
            socket.bind(&SockAddr::from(source)).unwrap();
            socket.connect(&SockAddr::from(LISTENER)).unwrap();
            let message = format!("<13>Oct 11 22:14:15 host tag: I am {address}\n");
            TcpStream::from(socket)
                .write_all(message.as_bytes())
                .unwrap();
        }
    });
    let delivered = daemon.wait_until_delivered(PEERS.into());
    assert_eq!(lookup.try_wait().unwrap(), None, "the lookup is over");
    assert_eq!(delivered.input("connections_opened"), u64::from(PEERS));
    // Names are asked for, or all this would show nothing.
    wait_for("a query for the name of a peer", || {
        let lines = queries.lines();
        let is_of_peer = |line: &String| line.contains("PTR? ") && line.contains(".7.10.in-addr.");
        let mut lines = lines.iter().filter(|line| is_of_peer(line));
        lines
            .any(|line| !line.contains(" 99.1.7.10."))
            .then_some(())
    });
    let looked_up = daemon.wait_for_accounts("a lookup to run out of time", |now| {
        now.names("timeouts") > 0
    });
    assert_eq!(looked_up.names("found") + looked_up.names("no_name"), 0);

    assert!(!lookup.wait().unwrap().success(), "there is a nameserver");
    daemon.stop();
    let content = String::from_utf8(scratch.read("out.log")).unwrap();
    let lines: BTreeSet<&str> = content.lines().collect();
    let sent = (0..PEERS).map(|number| {
        let address = Network::client_address(number);
        format!("{address} {address}  I am {address}")
    });
    let sent: BTreeSet<String> = sent.collect();
    assert_eq!(lines, sent.iter().map(String::as_str).collect());
    assert_eq!(content.lines().count(), usize::from(PEERS));
}
