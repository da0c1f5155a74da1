//! Who may talk, and over which sockets.

use std::io::{ErrorKind, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use socket2::SockRef;

use crate::support::{
    Daemon, Scratch, Setup, connections, ctl, splashdam, to_file, wait_for, wait_for_text,
};

const MESSAGE: &[u8] = b"<13>Oct 11 22:14:15 host tag: text\n";

/// A template that shows where a message is from.
const FROM: &str = "$template From,\"%fromhost%|%fromhost-ip%|%inputname%|%msg%\\n\"\n";

fn text(scratch: &Scratch, name: &str) -> String {
    String::from_utf8(scratch.read(name)).unwrap()
}

/// Whether the daemon ends the connection. Bytes that were not read make an
/// error of the end.
fn is_ended<S: Read + AsFd>(stream: &mut S) -> bool {
    let patience = Duration::from_secs(30);
    SockRef::from(&*stream)
        .set_read_timeout(Some(patience))
        .unwrap();
    match stream.read(&mut [0]) {
        Ok(len) => len == 0,
        Err(error) => error.kind() != ErrorKind::WouldBlock,
    }
}

fn with_unix(parameters: &str) -> Setup {
    Setup::new(to_file("{dir}/out.log", "From", "")).statements(format!(
        "{FROM}input(type=\"imptcp\" name=\"local\" path=\"{{dir}}/socket\" {parameters})"
    ))
}

#[test]
fn a_unix_socket_takes_messages_of_this_host() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    let daemon = with_unix(
        "fileCreateMode=\"0606\" fileOwner=\"daemon\" fileGroupNum=\"7\" \
         notifyOnConnectionOpen=\"on\" notifyOnConnectionClose=\"on\"",
    )
    .splashdam(&scratch);
    let file = std::fs::metadata(&path).unwrap();
    assert!(file.file_type().is_socket());
    assert_eq!(file.permissions().mode() & 0o7777, 0o606);
    assert_eq!((file.uid(), file.gid()), (1, 7), "daemon has number 1");
    let mut stays = UnixStream::connect(&path).unwrap();
    stays.write_all(b"<13>tag: one\n10 <13>t: two").unwrap();
    wait_for_text(&scratch.join("out.log"), "two");
    // One that has gone before it is looked at.
    let mut goes = UnixStream::connect(&path).unwrap();
    goes.write_all(b"<13>tag: three").unwrap();
    drop(goes);
    wait_for_text(&scratch.join("out.log"), "three");
    let expected = "here|127.0.0.1|local| one\nhere|127.0.0.1|local| two\n\
                    here|127.0.0.1|local| three\n";
    assert_eq!(text(&scratch, "out.log"), expected);

    let table = connections(&scratch, &[]);
    assert_eq!(table.len(), 1, "{table:?}");
    let name = format!("{}#1", path.display());
    assert_eq!(table[0]["peer"], name);
    assert_eq!(table[0]["pid"], std::process::id());
    assert_eq!(table[0]["uid"], 0);
    assert_eq!(table[0]["messages"], 2);
    assert_eq!(table[0]["keep_alive"], Value::Null);
    let (_, said) = ctl(&scratch, &["connections"]);
    let shown = format!("{name} (pid {}, uid 0)", std::process::id());
    assert!(said.contains(&shown), "{said}");
    let (is_ok, said) = ctl(&scratch, &["close", &format!("{}#9", path.display())]);
    assert!(!is_ok && said.contains("no such connection"), "{said}");
    let (is_ok, said) = ctl(&scratch, &["close", &name]);
    assert!(is_ok, "{said}");
    assert!(is_ended(&mut stays));
    let accounts = daemon.accounts();
    assert_eq!(accounts.listener("local", "received"), 3);
    daemon.stop();
    assert!(!path.exists(), "the file is left behind");
    let own = text(&scratch, "own.log");
    assert!(own.contains(&format!("connection opened: peer {name}, listener local\n")));
    assert!(own.contains(&format!(
        "connection closed: peer {name}, listener local, reason operator, age "
    )));
    assert!(own.contains(&format!("listening on {}, 127.0.0.1:", path.display())));
    assert!(!own.contains("listener local on"), "keepalive: {own}");
}

#[test]
fn a_socket_that_was_left_is_replaced_and_one_in_use_is_not() {
    let scratch = Scratch::new();
    let path = scratch.join("socket");
    with_unix("").splashdam(&scratch).kill();
    assert!(path.exists());
    let fails = |parameters: &str, word: &str| {
        let statements = format!(
            "module(load=\"imptcp\")\n\
             input(type=\"imptcp\" path=\"{}\" {parameters})\n*.* /dev/null\n",
            path.display()
        );
        let file = scratch.write("fails.conf", statements);
        let output = splashdam(scratch.path())
            .args(["-n", "-C", "-f"])
            .arg(file)
            .args(["-i", "fails.pid"])
            .output()
            .unwrap();
        let said = String::from_utf8(output.stderr).unwrap();
        assert!(!output.status.success() && said.contains(word), "{said}");
    };
    let daemon = with_unix("").splashdam(&scratch);
    fails("", "cannot listen on");
    UnixStream::connect(&path)
        .unwrap()
        .write_all(MESSAGE)
        .unwrap();
    wait_for_text(&scratch.join("out.log"), "local| text");
    daemon.stop();
    std::fs::write(&path, "somebody's").unwrap();
    fails("unlink=\"on\"", "no socket");
    assert_eq!(text(&scratch, "socket"), "somebody's");
}

/// A connection whose message has arrived.
fn served(daemon: &Daemon, address: &str, messages: u64) -> TcpStream {
    let mut stream = TcpStream::connect((address, daemon.port())).unwrap();
    stream.write_all(MESSAGE).unwrap();
    daemon.wait_until_delivered(messages);
    stream
}

/// A connection from an address of the loopback network.
fn connect_from(from: [u8; 4], daemon: &Daemon) -> TcpStream {
    let socket = socket2::Socket::new(socket2::Domain::IPV4, socket2::Type::STREAM, None).unwrap();
    let address = |ip: [u8; 4], port: u16| std::net::SocketAddr::from((ip, port)).into();
    socket.bind(&address(from, 0)).unwrap();
    socket
        .connect(&address([127, 0, 0, 1], daemon.port()))
        .unwrap();
    socket.into()
}

#[test]
fn senders_that_are_not_allowed_are_refused_and_told_once() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .statements(
        "$AllowedSender TCP, 192.0.2.0/24, [::1]/128, 127.0.0.0/29 # and no others\n\
         input(type=\"imptcp\" name=\"local\" path=\"{dir}/socket\")",
    )
    .input(
        "allow=[\"127.0.0.1\", \"127.0.0.4/30\", \"127.0.1.0/24\"] deny=\"127.0.0.6, 10.0.0.0/8\"",
    )
    .splashdam(&scratch);
    for (from, is_allowed) in [
        ([127, 0, 0, 1], true),
        ([127, 0, 0, 2], false),
        ([127, 0, 0, 5], true),
        ([127, 0, 0, 6], false),
        ([127, 0, 1, 1], false),
    ] {
        let before = daemon.accounts();
        let mut stream = connect_from(from, &daemon);
        match is_allowed {
            true => {
                stream.write_all(MESSAGE).unwrap();
                daemon.wait_until_delivered(before.input("received") + 1);
            }
            false => assert!(is_ended(&mut stream), "{from:?}"),
        }
    }
    // That is about networks.
    let mut local = UnixStream::connect(scratch.join("socket")).unwrap();
    local.write_all(MESSAGE).unwrap();
    let accounts = daemon.wait_for_accounts("a message of this host", |now| {
        now.listener("local", "received") == 1
    });
    assert_eq!(accounts.input("denied"), 3);
    assert_eq!(accounts.input("received"), 2);
    assert_eq!(accounts.input("connections_opened"), 2);
    daemon.stop();
    let own = text(&scratch, "own.log");
    let told = "listener imptcp: connections of senders that are not allowed are refused, 1 so far";
    assert_eq!(own.matches(told).count(), 1, "{own}");
    assert_eq!(own.matches("not allowed").count(), 1, "{own}");
}

#[test]
fn connections_above_the_total_of_all_listeners_are_refused() {
    let scratch = Scratch::new();
    let daemon = with_unix("")
        .module("maxSessionsTotal=\"3\" processOnPoller=\"on\"")
        .splashdam(&scratch);
    let path = scratch.join("socket");
    let _first = served(&daemon, "127.0.0.1", 1);
    let local: Vec<UnixStream> = (0..2)
        .map(|_| UnixStream::connect(&path).unwrap())
        .collect();
    daemon.wait_for_accounts("three connections", |now| {
        now.input("connections") + now.listener("local", "connections") == 3
    });
    assert!(is_ended(&mut daemon.connect()));
    assert!(is_ended(&mut UnixStream::connect(&path).unwrap()));
    assert!(is_ended(&mut daemon.connect()));
    let accounts = daemon.accounts();
    assert_eq!(accounts.input("refused_total"), 2);
    assert_eq!(accounts.listener("local", "refused_total"), 1);
    assert_eq!(accounts.input("refused"), 0);
    drop(local);
    daemon.wait_for_accounts("room", |now| now.listener("local", "connections") == 0);
    let _again = served(&daemon, "127.0.0.1", 2);
    let told = "there are maxSessionsTotal, 3 connections: new ones are refused, 1 so far on \
                listener";
    let stderr = daemon.stderr();
    daemon.stop();
    let own = text(&scratch, "own.log");
    assert_eq!(
        own.matches(told).count(),
        2,
        "once for each listener: {own}"
    );
    assert!(
        stderr.contains("`processOnPoller` has no effect"),
        "{stderr}"
    );
}

fn with_proxy(parameters: &str) -> Setup {
    Setup::new(to_file("{dir}/out.log", "From", ""))
        .statements(FROM)
        .input(&format!("proxyProtocol=\"on\" {parameters}"))
}

#[test]
fn messages_behind_a_proxy_have_their_senders_address() {
    let scratch = Scratch::new();
    let daemon = with_proxy("").splashdam(&scratch);
    let v2 = |version_command: u8| {
        let head = [b"\r\n\r\n\0\r\nQUIT\n", &[version_command, 0x11, 0, 12][..]].concat();
        [
            &head[..],
            &[198, 51, 100, 9],
            &[203, 0, 113, 1],
            &[0, 99, 2, 2],
        ]
        .concat()
    };
    let mut messages = 0;
    let mut send = |header: &[u8], sender: &str, cut: usize| {
        messages += 1;
        let bytes = [header, format!("<13>tag: {messages}\n").as_bytes()].concat();
        let mut stream = daemon.connect();
        stream.set_nodelay(true).unwrap();
        let (head, tail) = bytes.split_at(cut);
        let received = daemon.accounts().input("bytes");
        stream.write_all(head).unwrap();
        daemon.wait_for_accounts("the first part", |now| {
            now.input("bytes") >= received + head.len() as u64
        });
        stream.write_all(tail).unwrap();
        daemon.wait_until_delivered(messages);
        let expected = format!("{sender}|{sender}|imptcp| {messages}");
        wait_for_text(&scratch.join("out.log"), &expected);
        stream
    };
    let line = b"PROXY TCP4 192.0.2.1 203.0.113.1 51234 514\r\n";
    let line6 = b"PROXY TCP6 2001:db8::7 2001:db8::1 51234 514\r\n";
    for cut in [0, 1, 20, line.len() - 1, line.len(), line.len() + 3] {
        send(line, "192.0.2.1", cut);
    }
    send(line6, "2001:db8::7", 9);
    for cut in [0, 1, 12, 14, 27, 28] {
        send(&v2(0x21), "198.51.100.9", cut);
    }
    send(&v2(0x20), "127.0.0.1", 0);
    send(b"PROXY UNKNOWN\r\n", "127.0.0.1", 0);
    let mut open = send(line, "192.0.2.1", 0);
    let by_proxy = send(&v2(0x21), "198.51.100.9", 0);

    let open_table = || -> Vec<Value> {
        let mut table = connections(&scratch, &[]);
        table.retain(|row| row["proxy"] != Value::Null);
        table
    };
    let proxy = open.local_addr().unwrap().to_string();
    wait_for("a table of two", || (open_table().len() == 2).then_some(()));
    let table = open_table();
    let row = table.iter().find(|row| row["proxy"] == proxy);
    let row = row.unwrap_or_else(|| panic!("{table:?}"));
    assert_eq!(row["peer"], "192.0.2.1:51234");
    let (_, said) = ctl(&scratch, &["connections"]);
    assert!(
        said.contains(&format!("192.0.2.1:51234 via {proxy}")),
        "{said}"
    );
    let (is_ok, said) = ctl(&scratch, &["close", "192.0.2.1:51234"]);
    assert!(is_ok, "{said}");
    assert!(is_ended(&mut open));
    let by_proxy_name = by_proxy.local_addr().unwrap().to_string();
    let (is_ok, said) = ctl(&scratch, &["close", &by_proxy_name]);
    assert!(is_ok, "{said}");
    assert_eq!(daemon.accounts().input("proxy_refused"), 0);
    daemon.stop();
}

#[test]
fn a_connection_without_its_proxy_header_is_closed_and_yields_no_message() {
    let scratch = Scratch::new();
    let daemon = with_proxy("notifyOnConnectionClose=\"on\"").splashdam(&scratch);
    for bytes in [
        MESSAGE,
        b"PROXY TCP4 no\r\n<13>tag: x\n",
        b"\r\n\r\n\0\r\nQUIT\n\x31\x11\0\0",
    ] {
        let mut stream = daemon.connect();
        stream.write_all(bytes).unwrap();
        assert!(is_ended(&mut stream));
    }
    // Half a header, and nothing at all, as from a check whether somebody is
    // there.
    let mut half = daemon.connect();
    half.write_all(b"PROXY TCP4 192.0").unwrap();
    half.shutdown(Shutdown::Write).unwrap();
    drop(daemon.connect());
    let accounts = daemon.wait_for_accounts("five ends", |now| {
        now.closed()["error"] == 3 && now.closed()["peer"] == 2
    });
    assert_eq!(accounts.input("proxy_refused"), 4);
    assert_eq!(accounts.input("received"), 0);
    daemon.stop();
    let own = text(&scratch, "own.log");
    assert_eq!(
        own.matches("no PROXY header from 127.0.0.1:").count(),
        1,
        "{own}"
    );
    assert_eq!(own.matches("so far").count(), 1, "{own}");
    assert_eq!(own.matches("reason error").count(), 3, "{own}");
}

/// A test of Splashdam and of rsyslog: of a burst, as many are taken; how many
/// were lost is told.
fn take_a_burst(setup: Setup, start: fn(&Setup, &Scratch) -> Daemon) -> (Scratch, Daemon) {
    let scratch = Scratch::new();
    let daemon = start(&setup, &scratch);
    let lines: Vec<u8> = (0..5000)
        .flat_map(|number| format!("<13>tag: {number}\n").into_bytes())
        .collect();
    daemon.send(lines);
    (scratch, daemon)
}

fn lines(path: &Path) -> usize {
    let log = std::fs::read(path).unwrap_or_default();
    log.iter().filter(|byte| **byte == b'\n').count()
}

#[test]
fn of_a_burst_as_many_are_taken_as_the_rate_limit_says() {
    let setup = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .input("ratelimit.interval=\"2\" ratelimit.burst=\"100\"");
    let (scratch, daemon) = take_a_burst(setup.clone(), Setup::splashdam);
    let accounts = daemon.wait_for_accounts("all messages", |now| now.input("received") == 5000);
    assert_eq!(accounts.input("discarded_rate_limit"), 4900);
    daemon.wait_until_delivered(5000);
    assert_eq!(lines(&scratch.join("out.log")), 100);
    wait_for_text(&scratch.join("own.log"), "messages lost");
    let name = format!("imptcp[127.0.0.1:{}]: ", daemon.port());
    let own = text(&scratch, "own.log");
    let begin = format!("{name}begin to drop messages due to rate-limiting\n");
    assert!(own.contains(&begin), "{own}");
    let lost = format!("{name}4900 messages lost due to rate-limiting\n");
    assert!(own.contains(&lost), "{own}");
    // The window is over.
    daemon.send(b"<13>tag: again\n<13>tag: last");
    daemon.wait_until_delivered(5002);
    assert_eq!(lines(&scratch.join("out.log")), 102);
    daemon.stop();

    let (rsyslog_scratch, rsyslog) = take_a_burst(setup, Setup::rsyslog);
    let out = rsyslog_scratch.join("out.log");
    wait_for("rsyslog's burst", || (lines(&out) == 100).then_some(()));
    rsyslog.stop();
    assert_eq!(lines(&out), 100, "rsyslog takes as many");
    let first = |scratch: &Scratch| {
        let log = text(scratch, "out.log");
        let messages = log
            .lines()
            .map(|line| line.rsplit_once(' ').unwrap().1.to_owned());
        messages.take(100).collect::<Vec<_>>()
    };
    assert_eq!(first(&scratch), first(&rsyslog_scratch));
}

/// What is discarded in a window that has not ended is told at the stop, and a
/// message without its end counts too.
#[test]
fn what_a_rate_limit_has_discarded_is_told_at_the_stop() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .input("ratelimit.interval=\"1000\" ratelimit.burst=\"2\"")
    .splashdam(&scratch);
    daemon.send(b"<13>tag: one\n<13>tag: two");
    daemon.wait_until_delivered(2);
    daemon.send(b"<13>tag: three");
    daemon.wait_until_delivered(3);
    daemon.send(b"<13>tag: four\n");
    daemon.wait_until_delivered(4);
    assert_eq!(daemon.accounts().input("discarded_rate_limit"), 2);
    daemon.stop();
    assert_eq!(lines(&scratch.join("out.log")), 2);
    let own = text(&scratch, "own.log");
    assert!(
        own.contains("]: 2 messages lost due to rate-limiting\n"),
        "{own}"
    );
}
