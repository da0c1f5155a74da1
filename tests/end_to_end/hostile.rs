//! Peers that do harm, on purpose or by accident: the others are served, nothing
//! of what they said is lost, and what the daemon holds stays bounded.

use std::io::Write;
use std::net::TcpStream;
use std::path::Path;
use std::thread;

use crate::support::{Daemon, Scratch, Setup, memory_kib, reset, to_file, wait_for};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

const MESSAGE: &[u8] = b"<13>Oct 11 22:14:15 host tag: text\n";

/// What the daemon may use beside what it does at rest, in KiB: its pools, the
/// buffers of the outputs, and the main queue of 20,000 messages, which may be
/// of garbage that is three times as long once it is escaped.
const MEMORY_KIB: u64 = 64 * 1024;

struct Case {
    scratch: Scratch,
    daemon: Daemon,
    /// Resident memory at rest, in KiB.
    rest_kib: u64,
    descriptors: usize,
}

impl Case {
    fn new() -> Case {
        let scratch = Scratch::new();
        let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
        // Opens the output.
        daemon.send(MESSAGE);
        daemon.wait_until_delivered(1);
        daemon.wait_for_accounts("its end", |now| now.input("connections") == 0);
        Case {
            rest_kib: memory_kib(daemon.pid(), "VmRSS"),
            descriptors: descriptors(&daemon),
            scratch,
            daemon,
        }
    }

    /// Asserts that the daemon serves others, has let go of everything, and used
    /// no more memory than it may; stops it and returns what it wrote of the
    /// `messages` of the test, two of its own around them.
    fn finish(self, messages: u64) -> Vec<u8> {
        self.daemon.send(MESSAGE);
        self.daemon.wait_until_delivered(messages + 2);
        self.daemon
            .wait_for_accounts("the end of all connections", |now| {
                now.input("connections") == 0
            });
        let highest = memory_kib(self.daemon.pid(), "VmHWM");
        assert!(
            highest < self.rest_kib + MEMORY_KIB,
            "{highest} KiB, {} at rest",
            self.rest_kib
        );
        wait_for("closed descriptors", || {
            (descriptors(&self.daemon) <= self.descriptors).then_some(())
        });
        self.daemon.stop();
        let written = self.scratch.read("out.log");
        assert_eq!(lines(&written) as u64, messages + 2);
        written
    }
}

fn descriptors(daemon: &Daemon) -> usize {
    let path = format!("/proc/{}/fd", daemon.pid());
    std::fs::read_dir(Path::new(&path)).unwrap().count()
}

fn lines(text: &[u8]) -> usize {
    text.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn messages_that_come_byte_by_byte_are_whole() {
    const PEERS: usize = 100;
    let case = Case::new();
    let mut peers: Vec<TcpStream> = (0..PEERS).map(|_| case.daemon.connect()).collect();
    for peer in &peers {
        peer.set_nodelay(true).unwrap();
    }
    for (index, byte) in MESSAGE.iter().enumerate() {
        for peer in &mut peers {
            peer.write_all(&[*byte]).unwrap();
        }
        // Each byte is a reception of its own; another peer is not kept waiting.
        case.daemon.send(MESSAGE);
        case.daemon.wait_until_delivered(index as u64 + 2);
    }
    drop(peers);
    let written = case.finish((MESSAGE.len() + PEERS) as u64);
    let expected = &MESSAGE[b"<13>".len()..];
    let mut lines = written.split_inclusive(|byte| *byte == b'\n');
    assert!(lines.all(|line| line == expected));
}

#[test]
fn a_million_line_feeds_are_no_messages() {
    const BYTES: u64 = 32 << 20;
    let case = Case::new();
    let mut peer = case.daemon.connect();
    let feeds = vec![b'\n'; 1 << 20];
    for _ in 0..BYTES >> 20 {
        peer.write_all(&feeds).unwrap();
    }
    drop(peer);
    let accounts = case
        .daemon
        .wait_for_accounts("all line feeds", |now| now.input("received") == BYTES + 1);
    assert_eq!(accounts.input("discarded_empty"), BYTES);
    case.finish(0);
}

#[test]
fn a_flood_of_connections_leaves_nothing_behind() {
    const THREADS: usize = 4;
    const EACH: usize = 1500;
    let case = Case::new();
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| {
                for round in 0..EACH {
                    let mut peer = case.daemon.connect();
                    match round % 3 {
                        // Says nothing.
                        0 => {}
                        1 => peer.write_all(MESSAGE).unwrap(),
                        // A line that its end completes.
                        _ => peer.write_all(&MESSAGE[..MESSAGE.len() - 1]).unwrap(),
                    }
                }
            });
        }
    });
    let connections = (THREADS * EACH) as u64;
    let accounts = case
        .daemon
        .wait_for_accounts("all ends", |now| now.closed()["peer"] == connections + 1);
    assert_eq!(accounts.input("connections_opened"), connections + 1);
    case.finish(connections * 2 / 3);
}

#[test]
fn half_a_frame_before_a_reset_is_a_message_that_is_cut() {
    const PEERS: u64 = 300;
    let case = Case::new();
    let mut bytes = MESSAGE.len() as u64;
    for index in 0..PEERS {
        let mut peer = case.daemon.connect();
        // As lines, and with an octet count of far more than comes.
        let half: &[u8] = match index % 2 {
            0 => b"<13>Oct 11 22:14:15 host tag: ha",
            _ => b"9000 <13>Oct 11 22:14:15 host tag: ha",
        };
        peer.write_all(half).unwrap();
        // A reset takes away what has not been read.
        bytes += half.len() as u64;
        case.daemon
            .wait_for_accounts("the half frame", |now| now.input("bytes") == bytes);
        reset(peer);
    }
    let accounts = case
        .daemon
        .wait_for_accounts("all resets", |now| now.closed()["reset"] == PEERS);
    assert_eq!(accounts.input("framing_cut"), PEERS);
    let written = case.finish(PEERS);
    let cut = b"Oct 11 22:14:15 host tag: ha";
    let cuts = written
        .split(|byte| *byte == b'\n')
        .filter(|line| line == cut);
    assert_eq!(cuts.count() as u64, PEERS);
}

/// A reset takes the peer's address away; not what it sent before.
#[test]
fn what_was_sent_before_a_reset_is_kept() {
    const PEERS: u64 = 300;
    let case = Case::new();
    for _ in 0..PEERS {
        let mut peer = case.daemon.connect();
        peer.write_all(MESSAGE).unwrap();
        reset(peer);
    }
    let accounts = case
        .daemon
        .wait_for_accounts("all resets", |now| now.closed()["reset"] == PEERS);
    assert_eq!(accounts.input("connections_opened"), PEERS + 1);
    case.finish(PEERS);
}

/// Frames that never end, from as many peers as would fill the memory if each
/// were kept.
#[test]
fn frames_without_an_end_are_truncated_and_hold_no_memory() {
    const PEERS: u64 = 20;
    const BYTES: usize = 4 << 20;
    let case = Case::new();
    let mut text = b"<13>Oct 11 22:14:15 host tag: ".to_vec();
    text.resize(BYTES, b'x');
    thread::scope(|scope| {
        for peer in 0..PEERS {
            let (case, text) = (&case, &text);
            scope.spawn(move || {
                let mut stream = case.daemon.connect();
                if peer % 2 == 0 {
                    stream.write_all(b"199999 ").unwrap();
                }
                stream.write_all(text).unwrap();
            });
        }
    });
    case.daemon
        .wait_for_accounts("all ends", |now| now.closed()["peer"] == PEERS + 1);
    let accounts = case.daemon.accounts();
    // A counted frame ends after 199999 bytes; what follows is a line.
    let messages = PEERS / 2 + PEERS / 2 * 2;
    assert_eq!(accounts.input("received"), messages + 1);
    assert_eq!(accounts.input("truncated"), messages);
    case.finish(messages);
}

#[test]
fn garbage_on_many_connections_is_accounted_for() {
    const PEERS: u64 = 16;
    const BYTES: usize = 1 << 20;
    let case = Case::new();
    thread::scope(|scope| {
        for peer in 0..PEERS {
            let case = &case;
            scope.spawn(move || {
                let mut state = peer + 1;
                let garbage: Vec<u8> = (0..BYTES).map(|_| random(&mut state)).collect();
                case.daemon.connect().write_all(&garbage).unwrap();
            });
        }
    });
    let accounts = case
        .daemon
        .wait_for_accounts("all ends", |now| now.closed()["peer"] == PEERS + 1);
    let sent = PEERS * BYTES as u64 + MESSAGE.len() as u64;
    assert_eq!(accounts.input("bytes"), sent);
    let messages = accounts.input("received") - accounts.input("discarded_empty") - 1;
    assert!(messages > PEERS * 1000, "{messages} messages");
    case.finish(messages);
}

/// A byte of a linear congruential generator (Knuth, MMIX).
fn random(state: &mut u64) -> u8 {
    *state = state
        .wrapping_mul(6_364_136_223_846_793_005)
        .wrapping_add(1_442_695_040_888_963_407);
    (*state >> 56) as u8
}
