//! Three network namespaces in a row: client, firewall, server. The firewall
//! forgets flows that were idle for some seconds and drops what belongs to no
//! known flow without a word, as firewalls between data centres do.
//!
//! It needs root, `ip` (iproute2), `nft` (nftables) and `tcpdump`; a test fails
//! where they are missing. Nothing touches the namespace of the test itself, so
//! that all addresses are the same in every test.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

use super::{Scratch, program, wait_for, wait_for_text};

/// Address of the client. It can send from any address that
/// [`Network::client_address`] gives as well.
pub const CLIENT: Ipv4Addr = Ipv4Addr::new(10, 7, 1, 2);

/// Address of the server.
pub const SERVER: Ipv4Addr = Ipv4Addr::new(10, 7, 2, 2);

/// Address of the server's nameserver, to which a way leads but from which none
/// comes back.
const NAMESERVER: Ipv4Addr = Ipv4Addr::new(10, 7, 1, 53);

/// Interface of the client and of the server that leads to the firewall.
const UPLINK: &str = "uplink";

/// Gives each network of this process its number.
static NETWORKS: AtomicU32 = AtomicU32::new(0);

/// What the firewall does. Only a handshake makes a flow known, and with
/// `nf_conntrack_tcp_loose=0` nothing makes a forgotten one known again.
const RULES: &str = "
table inet firewall {
    counter forgotten { }
    counter names { }
    chain forward {
        type filter hook forward priority filter; policy drop;
        udp dport 53 counter name names drop
        ct state established accept
        ct state new tcp flags & (fin | syn | rst | ack) == syn accept
        counter name forgotten
    }
}
";

/// What loses the server's answers to handshakes.
const LOSS: &str = "
table inet loss {
    counter answers { }
    chain forward {
        type filter hook forward priority filter - 1; policy accept;
        tcp flags & (syn | ack) == syn | ack counter name answers drop
    }
}
";

/// A network namespace, removed with all that is in it when the value goes away.
pub struct Namespace(String);

impl Namespace {
    /// One that leads nowhere, with its loopback interface up.
    pub fn alone() -> Namespace {
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        Namespace::new(format!("splashdam-test-{}-{number}", std::process::id()))
    }

    fn new(name: String) -> Namespace {
        let namespace = Namespace(name);
        program("ip")
            .args(["netns", "add", namespace.name()])
            .assert()
            .success();
        namespace.run("ip", "link set lo up");
        namespace
    }

    /// Has programs that are started in it by `ip netns exec` see this text as
    /// the file of this name in `/etc`.
    pub fn etc(&self, name: &str, text: &str) {
        std::fs::create_dir_all(self.files()).unwrap();
        std::fs::write(self.files().join(name), text).unwrap();
    }

    /// Its name, for `ip netns exec`.
    pub fn name(&self) -> &str {
        &self.0
    }

    /// Does `work` in it, on a thread of its own. Sockets that are made there
    /// and programs that are started there belong to it for ever.
    #[track_caller]
    pub fn enter<T: Send>(&self, work: impl FnOnce() -> T + Send) -> T {
        let path = Path::new("/run/netns").join(self.name());
        let file = File::open(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let inside = || {
            move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).unwrap();
            work()
        };
        let result = std::thread::scope(|scope| scope.spawn(inside).join());
        result.unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Runs a program in it that has to succeed; the arguments have no spaces.
    #[track_caller]
    fn run(&self, name: &str, arguments: &str) {
        self.enter(|| {
            let mut command = program(name);
            command.args(arguments.split_whitespace());
            command.assert().success();
        });
    }

    /// Sets a parameter below `/proc/sys/net`, which is that of the thread's
    /// namespace.
    #[track_caller]
    pub fn set(&self, parameter: &str, value: &str) {
        let path = Path::new("/proc/sys/net").join(parameter);
        let result = self.enter(|| std::fs::write(&path, value));
        result.unwrap_or_else(|error| panic!("{} = {value}: {error}", path.display()));
    }

    /// Directory of the files that stand for those of `/etc` in it.
    fn files(&self) -> PathBuf {
        Path::new("/etc/netns").join(self.name())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        // There may be none.
        let _ = std::fs::remove_dir_all(self.files());
        // It must not panic while a test fails; the next lines tell.
        let output = program("ip")
            .args(["netns", "delete", self.name()])
            .output();
        let success = output.is_ok_and(|output| output.status.success());
        if !success && !std::thread::panicking() {
            panic!("cannot remove the network namespace {}", self.name());
        }
    }
}

/// The three namespaces. What runs in them has to end before.
pub struct Network {
    client: Namespace,
    firewall: Namespace,
    server: Namespace,
}

impl Network {
    /// A network whose firewall forgets a flow that was idle for
    /// `forgotten_after`, in whole seconds.
    pub fn new(forgotten_after: Duration) -> Network {
        let number = NETWORKS.fetch_add(1, Ordering::Relaxed);
        let namespace = |role: &str| {
            Namespace::new(format!(
                "splashdam-test-{}-{number}-{role}",
                std::process::id()
            ))
        };
        let network = Network {
            client: namespace("client"),
            firewall: namespace("firewall"),
            server: namespace("server"),
        };
        network.link(&network.client, 1);
        network.link(&network.server, 2);
        network.give_more_addresses();
        network.filter(forgotten_after);
        network
    }

    pub fn client(&self) -> &Namespace {
        &self.client
    }

    pub fn server(&self) -> &Namespace {
        &self.server
    }

    /// One of the client's addresses, of which there are 16384.
    pub fn client_address(number: u16) -> Ipv4Addr {
        assert!(number < 1 << 14);
        let [high, low] = number.to_be_bytes();
        Ipv4Addr::new(10, 7, 64 + high, low)
    }

    /// Connects the firewall with `end`, by 10.7.`subnet`.0/24: the firewall is
    /// 1 in it, the end 2.
    fn link(&self, end: &Namespace, subnet: u8) {
        let name = end.name();
        self.firewall.run(
            "ip",
            &format!("link add to{subnet} type veth peer name {UPLINK} netns {name}"),
        );
        for (namespace, interface, host) in [
            (&self.firewall, &*format!("to{subnet}"), 1),
            (end, UPLINK, 2),
        ] {
            let address = format!("10.7.{subnet}.{host}/24");
            namespace.run("ip", &format!("address add {address} dev {interface}"));
            namespace.run("ip", &format!("link set {interface} up"));
        }
        end.run("ip", &format!("route add default via 10.7.{subnet}.1"));
    }

    fn give_more_addresses(&self) {
        self.client.run("ip", "route add local 10.7.64.0/18 dev lo");
        self.firewall
            .run("ip", &format!("route add 10.7.64.0/18 via {CLIENT}"));
    }

    fn filter(&self, forgotten_after: Duration) {
        self.apply(RULES);
        let seconds = forgotten_after.as_secs().to_string();
        for (parameter, value) in [
            ("netfilter/nf_conntrack_tcp_timeout_established", &*seconds),
            ("netfilter/nf_conntrack_tcp_loose", "0"),
            ("ipv4/ip_forward", "1"),
        ] {
            self.firewall.set(parameter, value);
        }
    }

    /// Has the firewall lose one answer to a handshake: it loses all of them
    /// until the first was lost, while `connect` tries to connect.
    #[track_caller]
    pub fn lose_an_answer<T: Send>(&self, connect: impl FnOnce() -> T + Send) -> T {
        self.apply(LOSS);
        std::thread::scope(|scope| {
            let connecting = scope.spawn(|| self.client.enter(connect));
            wait_for("a lost answer", || {
                (self.dropped("loss", "answers") > 0).then_some(())
            });
            self.apply("delete table inet loss");
            connecting.join()
        })
        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    }

    /// Gives the firewall rules, in the language of nft(8).
    #[track_caller]
    fn apply(&self, rules: &'static str) {
        self.firewall.enter(|| {
            let mut command = program("nft");
            command.args(["--file", "-"]).write_stdin(rules);
            command.assert().success();
        });
    }

    /// Gives programs that are started in the server's namespace by
    /// `ip netns exec` a nameserver that never answers. A lookup gives up after
    /// the resolver's default, five seconds.
    pub fn use_dead_nameserver(&self) {
        let text = format!("nameserver {NAMESERVER}\noptions attempts:1\n");
        self.server.etc("resolv.conf", &text);
    }

    /// Packets that the firewall has dropped because they belong to no flow that
    /// it knows.
    pub fn forgotten(&self) -> u64 {
        self.dropped("firewall", "forgotten")
    }

    /// Queries for names that the firewall has dropped.
    pub fn names(&self) -> u64 {
        self.dropped("firewall", "names")
    }

    fn dropped(&self, table: &str, counter: &str) -> u64 {
        let output = self.firewall.enter(|| {
            let mut command = program("nft");
            command.args(["list", "counter", "inet", table, counter]);
            command.assert().success().get_output().stdout.clone()
        });
        let text = String::from_utf8(output).unwrap();
        let mut words = text.split_whitespace();
        words.find(|word| *word == "packets");
        let packets = words.next().and_then(|word| word.parse().ok());
        packets.unwrap_or_else(|| panic!("no count of packets in {text}"))
    }

    /// Begins to record what passes the server's interface and `filter`
    /// (pcap-filter(7)).
    pub fn capture(&self, scratch: &Scratch, filter: &str) -> Capture {
        let path = scratch.join("capture");
        let errors = scratch.join("capture.stderr");
        let child = self.server.enter(|| {
            let mut command = Command::new("tcpdump");
            // Each packet takes the room of the longest: with the default
            // length, eight fill the buffer, and the others are lost.
            command
                .args(["-i", UPLINK, "--snapshot-length", "192"])
                .args(["--buffer-size", "8192", "--immediate-mode"])
                .args(["-n", "-tt", "-l", filter])
                .stdin(Stdio::null())
                .stdout(File::create(&path).unwrap())
                .stderr(File::create(&errors).unwrap());
            command
                .spawn()
                .unwrap_or_else(|error| panic!("cannot start tcpdump: {error}"))
        });
        let capture = Capture { child, path };
        wait_for_text(&errors, "listening on");
        capture
    }
}

/// `tcpdump` at work, ended when the value goes away.
pub struct Capture {
    child: Child,
    path: PathBuf,
}

impl Capture {
    /// The lines so far.
    pub fn lines(&self) -> Vec<String> {
        let text = std::fs::read_to_string(&self.path).unwrap();
        // The last line may be half written.
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(str::to_owned).collect()
    }

    /// The TCP segments so far.
    pub fn segments(&self) -> Vec<Segment> {
        let lines = self.lines();
        let parsed = lines.iter().map(|line| {
            let segment = Segment::parse(line);
            segment.unwrap_or_else(|| panic!("not a TCP segment: {line}"))
        });
        parsed.collect()
    }

    /// Waits until what is recorded satisfies a condition, and returns it.
    #[track_caller]
    pub fn wait_for_segments(&self, what: &str, is: impl Fn(&[Segment]) -> bool) -> Vec<Segment> {
        wait_for(what, || Some(self.segments()).filter(|all| is(all)))
    }
}

impl Drop for Capture {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A TCP segment on its way.
#[derive(Clone, Debug, PartialEq)]
pub struct Segment {
    /// Seconds since 1970, by the kernel.
    pub at: f64,
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    /// As tcpdump writes them: `S` SYN, `F` FIN, `R` RST, `P` PSH, `.` ACK.
    pub flags: String,
    /// Bytes of data.
    pub length: usize,
}

impl Segment {
    fn parse(line: &str) -> Option<Segment> {
        let (at, rest) = line.split_once(" IP ")?;
        let (from, rest) = rest.split_once(" > ")?;
        let (to, rest) = rest.split_once(": Flags [")?;
        let (flags, rest) = rest.split_once(']')?;
        let (_, length) = rest.rsplit_once("length ")?;
        Some(Segment {
            at: at.parse().ok()?,
            from: parse_address(from)?,
            to: parse_address(to)?,
            flags: flags.to_owned(),
            // What follows is of a protocol that the port stands for.
            length: length.split(':').next()?.parse().ok()?,
        })
    }
}

/// Reads `10.7.1.2.514`.
fn parse_address(text: &str) -> Option<SocketAddrV4> {
    let (host, port) = text.rsplit_once('.')?;
    Some(SocketAddrV4::new(host.parse().ok()?, port.parse().ok()?))
}

#[test]
fn a_line_of_tcpdump_is_read() {
    let probe = "1785000000.250000 IP 10.7.2.2.514 > 10.7.1.2.40000: Flags [.], ack 61, \
                 win 510, options [nop,nop,TS val 1 ecr 2], length 0";
    let segment = Segment::parse(probe).unwrap();
    assert_eq!(segment.at, 1_785_000_000.25);
    assert_eq!(segment.from, SocketAddrV4::new(SERVER, 514));
    assert_eq!(segment.to, SocketAddrV4::new(CLIENT, 40_000));
    assert_eq!((&*segment.flags, segment.length), (".", 0));
    let reset = "1.5 IP 10.7.2.2.5 > 10.7.1.2.6: Flags [R.], seq 1, ack 61, win 510, length 0";
    assert_eq!(Segment::parse(reset).unwrap().flags, "R.");
    let named = "1.5 IP 10.7.1.2.6 > 10.7.2.2.514: Flags [P.], seq 1:9, length 8: SHELL";
    assert_eq!(Segment::parse(named).unwrap().length, 8);
    assert_eq!(Segment::parse("1.5 ARP, Request who-has 10.7.2.1"), None);
}
