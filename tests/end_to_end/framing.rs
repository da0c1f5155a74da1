//! What a stream of bytes is taken for: garbage, cut frames, wrong counts. The
//! daemon lives, counts what happened, and takes the next message.

use std::io::Write;
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpStream};

use socket2::{Domain, Socket, Type};

use crate::support::{Accounts, Daemon, Scratch, Setup, memory_kib, reset, to_file};

const MESSAGE: &str = "<13>Oct 11 22:14:15 host tag: text";

/// What MESSAGE is in the file.
const LINE: &str = "Oct 11 22:14:15 host tag: text\n";

const LAST: &str = "Oct 11 22:14:15 host tag: sent afterwards\n";

/// A daemon and its files.
struct Case {
    scratch: Scratch,
    daemon: Daemon,
}

impl Case {
    fn new() -> Case {
        Case::with(Setup::new(to_file(
            "{dir}/out.log",
            "RSYSLOG_TraditionalFileFormat",
            "",
        )))
    }

    fn with(setup: Setup) -> Case {
        let scratch = Scratch::new();
        let daemon = setup.splashdam(&scratch);
        Case { scratch, daemon }
    }

    /// Waits until so many bytes have been read from sockets.
    fn wait_until_read(&self, bytes: u64) {
        let what = format!("{bytes} bytes to be read");
        self.daemon
            .wait_for_accounts(&what, |now| now.input("bytes") == bytes);
    }

    /// Waits until all connections are closed, then sends a message, which must
    /// arrive; ends the daemon. Returns its accounts without that message, and
    /// the file without its line.
    #[track_caller]
    fn end(self) -> (Accounts, Vec<u8>) {
        let accounts = self
            .daemon
            .wait_for_accounts("the end of all connections", |now| {
                now.input("connections") == 0
                    && now.input("connections_opened") > 0
                    && !now.is_anything_held()
                    && now.balance().is_ok()
            });
        let before = accounts.input("received");
        self.daemon
            .send("<13>Oct 11 22:14:15 host tag: sent afterwards\n");
        self.daemon.wait_until_delivered(before + 1);
        self.daemon.stop();
        let content = self.scratch.read("out.log");
        let content = content.strip_suffix(LAST.as_bytes());
        (
            accounts,
            content.expect("the last message arrives").to_vec(),
        )
    }
}

/// Sends pieces over one connection, and closes it. Returns accounts and file.
#[track_caller]
fn after(pieces: &[&[u8]]) -> (Accounts, Vec<u8>) {
    let case = Case::new();
    let mut connection = case.daemon.connect();
    let mut sent = 0;
    for piece in pieces {
        connection.write_all(piece).unwrap();
        sent += piece.len() as u64;
        // Each piece is received by itself.
        case.wait_until_read(sent);
    }
    drop(connection);
    case.end()
}

/// As [`after`], with the file as text.
#[track_caller]
fn text_after(pieces: &[&str]) -> (Accounts, String) {
    let pieces: Vec<&[u8]> = pieces.iter().map(|piece| piece.as_bytes()).collect();
    let (accounts, content) = after(&pieces);
    (accounts, String::from_utf8(content).unwrap())
}

#[test]
fn garbage_is_survived_and_every_line_of_it_is_a_message() {
    // Every byte value, in an order that repeats only after all pairs.
    let garbage: Vec<u8> = (0..=255_u8)
        .flat_map(|step| (0..=255_u8).map(move |byte| byte.wrapping_mul(step | 1) ^ step))
        .collect();
    // No octet counts: they could take the last message for their text.
    let garbage: Vec<u8> = garbage
        .into_iter()
        .filter(|byte| !byte.is_ascii_digit())
        .collect();
    let frames = garbage.split(|byte| *byte == b'\n').count() as u64;
    let (accounts, content) = after(&[&garbage]);
    let last_is_empty = u64::from(garbage.ends_with(b"\n"));
    assert_eq!(accounts.input("received"), frames - last_is_empty);
    assert!(accounts.input("escaped") > 0);
    assert!(!content.contains(&0));
    let delivered = accounts.action("out", "delivered");
    let lines = content.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(lines, delivered);
}

#[test]
fn nul_bytes_are_escaped_but_for_one_at_the_end_as_rsyslog_does() {
    let (accounts, content) = text_after(&["<13>Oct 11 22:14:15 host tag: a\0b\0\n"]);
    assert_eq!(content, "Oct 11 22:14:15 host tag: a#000b\n");
    assert_eq!(accounts.input("escaped"), 1);
    assert_eq!(accounts.input("received"), 1);
}

#[test]
fn bytes_that_are_not_utf8_are_kept() {
    let (accounts, content) = after(&[b"<13>Oct 11 22:14:15 host tag: \xff\xfe\xc3(\xe4\n"]);
    assert_eq!(content, b"Oct 11 22:14:15 host tag: \xff\xfe\xc3(\xe4\n");
    assert_eq!(accounts.input("escaped"), 0);
}

#[test]
fn twenty_megabytes_without_a_line_feed_are_one_truncated_message() {
    let mut text = MESSAGE.to_owned().into_bytes();
    text.resize(20 << 20, b'x');
    let (accounts, content) = after(&[&text, b"\n", MESSAGE.as_bytes(), b"\n"]);
    assert_eq!(accounts.input("received"), 2);
    assert_eq!(accounts.input("truncated"), 1);
    let (long, line) = content.split_at(content.len() - LINE.len());
    assert_eq!(line, LINE.as_bytes());
    assert_eq!(long.len(), 8192 - "<13>".len() + 1);
    assert!(long.starts_with(LINE.trim_end().as_bytes()));
}

#[test]
fn a_line_without_end_takes_no_memory() {
    let case = Case::new();
    // Small receives and large ones take different ways.
    let connections: Vec<TcpStream> = (0..100).map(|_| case.daemon.connect()).collect();
    let mut sent = 0;
    for _ in 0..64 {
        for mut connection in &connections {
            connection.write_all(&[b'x'; 16 << 10]).unwrap();
            sent += 16 << 10;
        }
        case.wait_until_read(sent);
    }
    for _ in 0..100 {
        (&connections[0]).write_all(&[b'x'; 1 << 20]).unwrap();
        sent += 1 << 20;
    }
    case.wait_until_read(sent);
    drop(connections);
    let highest = memory_kib(case.daemon.pid(), "VmHWM");
    let (accounts, _) = case.end();
    assert_eq!(accounts.input("received"), 100);
    assert_eq!(accounts.input("truncated"), 100);
    assert!(highest < 64 << 10, "{highest} KiB at most");
}

#[test]
fn pieces_of_many_connections_keep_their_senders() {
    let case = Case::new();
    // Messages without a hostname: the sender's address takes its place.
    let text = format!("tag: {:x<8000}\n", "");
    let connections: Vec<(String, TcpStream)> = (2..42)
        .map(|host| {
            let address = format!("127.0.0.{host}");
            let connection = connect_from(&address, case.daemon.port());
            (address, connection)
        })
        .collect();
    // Each piece is likely to be received by itself, after one of another
    // connection.
    for byte in text.as_bytes() {
        for (_, connection) in &connections {
            (&mut &*connection).write_all(&[*byte]).unwrap();
        }
    }
    let addresses: Vec<String> = connections
        .into_iter()
        .map(|(address, _)| address)
        .collect();
    let (accounts, content) = case.end();
    assert_eq!(accounts.input("received"), addresses.len() as u64);
    let content = String::from_utf8(content).unwrap();
    for address in addresses {
        let found = content
            .lines()
            .filter(|line| line.contains(&format!(" {address} tag: ")));
        assert_eq!(found.count(), 1, "messages of {address}");
    }
}

/// A connection from this address, which writes each piece at once.
fn connect_from(address: &str, port: u16) -> TcpStream {
    let socket = Socket::new(Domain::IPV4, Type::STREAM, None).unwrap();
    let local = SocketAddr::new(address.parse().unwrap(), 0);
    socket.bind(&local.into()).unwrap();
    let peer = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    socket.connect(&peer.into()).unwrap();
    socket.set_tcp_nodelay(true).unwrap();
    socket.into()
}

#[test]
fn an_octet_count_that_is_too_large_is_taken_as_text() {
    let (accounts, content) = text_after(&["99999999999 x\n", MESSAGE, "\n"]);
    assert_eq!(accounts.input("framing_count_too_large"), 1);
    assert_eq!(accounts.input("received"), 2);
    assert!(content.contains("99999999999"), "{content}");
    assert!(content.ends_with(LINE), "{content}");
}

#[test]
fn a_digit_that_begins_no_octet_count_is_text() {
    let (accounts, content) = text_after(&["0 x\n12:30 tag: y\n", MESSAGE, "\n"]);
    assert_eq!(accounts.input("framing_no_count"), 2);
    assert_eq!(accounts.input("received"), 3);
    assert!(content.ends_with(LINE), "{content}");
}

#[test]
fn octet_counted_frames_may_contain_line_feeds() {
    let message = "<13>Oct 11 22:14:15 host tag: a\nb";
    let frame = format!("{} {message}", message.len());
    let (accounts, content) = text_after(&[&frame, &frame]);
    assert_eq!(content, "Oct 11 22:14:15 host tag: a#012b\n".repeat(2));
    assert_eq!(accounts.input("received"), 2);
    assert_eq!(accounts.input("framing_cut"), 0);
}

#[test]
fn both_framings_may_be_mixed_on_one_connection() {
    let counted = format!("{} {MESSAGE}", MESSAGE.len());
    let line = format!("{MESSAGE}\n");
    let (accounts, content) = text_after(&[&counted, &line, &counted, &line]);
    assert_eq!(content, LINE.repeat(4));
    assert_eq!(accounts.input("received"), 4);
}

#[test]
fn octet_counting_can_be_switched_off() {
    let setup = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .input("supportOctetCountedFraming=\"off\"");
    let case = Case::with(setup);
    case.daemon.send("5 abcdefgh\n");
    let (accounts, content) = case.end();
    assert_eq!(accounts.input("received"), 1);
    let content = String::from_utf8(content).unwrap();
    assert!(content.contains("abcdefgh"), "{content}");
}

#[test]
fn a_last_line_without_a_line_feed_is_a_message() {
    let (accounts, content) = text_after(&[MESSAGE, "\n", MESSAGE]);
    assert_eq!(content, LINE.repeat(2));
    assert_eq!(accounts.input("received"), 2);
    assert_eq!(accounts.input("framing_cut"), 0);
}

#[test]
fn a_frame_that_the_close_cuts_is_counted_and_what_came_is_delivered() {
    let (accounts, content) = text_after(&["1000 ", MESSAGE]);
    assert_eq!(content, LINE);
    assert_eq!(accounts.input("framing_cut"), 1);
    assert_eq!(accounts.input("received"), 1);
}

#[test]
fn a_reset_in_the_middle_of_a_frame_is_survived() {
    let case = Case::new();
    let mut connection = case.daemon.connect();
    write!(connection, "{MESSAGE}\n1000 {MESSAGE}").unwrap();
    case.wait_until_read((2 * MESSAGE.len() + "\n1000 ".len()) as u64);
    reset(connection);
    let (accounts, content) = case.end();
    assert_eq!(accounts.input("framing_cut"), 1);
    assert_eq!(String::from_utf8(content).unwrap(), LINE.repeat(2));
}

#[test]
fn a_connection_that_is_half_closed_is_read_to_its_end() {
    let case = Case::new();
    let mut connection = case.daemon.connect();
    connection.write_all(MESSAGE.as_bytes()).unwrap();
    connection.shutdown(Shutdown::Write).unwrap();
    let (_, content) = case.end();
    assert_eq!(String::from_utf8(content).unwrap(), LINE);
    drop(connection);
}

#[test]
fn single_bytes_make_the_same_messages() {
    let counted = format!("{} {MESSAGE}", MESSAGE.len());
    let stream = format!("{MESSAGE}\n{counted}{counted}\n\n{MESSAGE}\n");
    let case = Case::new();
    let mut connection = case.daemon.connect();
    connection.set_nodelay(true).unwrap();
    for byte in stream.as_bytes() {
        connection.write_all(&[*byte]).unwrap();
    }
    drop(connection);
    let (accounts, content) = case.end();
    assert_eq!(String::from_utf8(content).unwrap(), LINE.repeat(4));
    assert_eq!(
        accounts.input("received"),
        4 + accounts.input("discarded_empty")
    );
    assert_eq!(accounts.input("bytes"), stream.len() as u64);
}

#[test]
fn a_thousand_connections_that_say_nothing_hinder_nobody() {
    let case = Case::new();
    let silent: Vec<TcpStream> = (0..1000).map(|_| case.daemon.connect()).collect();
    case.daemon.send(format!("{MESSAGE}\n"));
    case.daemon
        .wait_for_accounts("a message beside them", |now| {
            now.input("connections") == 1000 && now.action("out", "delivered") == 1
        });
    for (index, connection) in silent.into_iter().enumerate() {
        if index % 2 == 0 {
            reset(connection);
        }
    }
    let (accounts, content) = case.end();
    assert_eq!(accounts.input("connections_opened"), 1001);
    assert_eq!(accounts.input("received"), 1);
    assert_eq!(String::from_utf8(content).unwrap(), LINE);
}
