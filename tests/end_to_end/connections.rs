//! Connections: why they end and what is told about it, the live table, and the
//! end of those that are paused.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Daemon, Flood, Scratch, Setup, connections, ctl, reset, to_file, wait_for, wait_for_text,
};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

const MESSAGE: &[u8] = b"<13>Oct 11 22:14:15 host tag: text\n";

fn name(stream: &TcpStream) -> String {
    stream.local_addr().unwrap().to_string()
}

/// A connection whose message has arrived.
fn connected(daemon: &Daemon, messages: u64) -> TcpStream {
    let mut stream = daemon.connect();
    stream.write_all(MESSAGE).unwrap();
    daemon.wait_until_delivered(messages);
    stream
}

#[test]
fn each_end_has_its_reason_and_a_message_that_says_it() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .input("notifyOnConnectionClose=\"on\" notifyOnConnectionOpen=\"on\" idleTimeout=\"3\"")
        .splashdam(&scratch);
    let closed = connected(&daemon, 1);
    let aborted = connected(&daemon, 2);
    let ended = connected(&daemon, 3);
    let names = [&closed, &aborted, &ended].map(name);
    drop(closed);
    reset(aborted);
    let (is_ok, said) = ctl(&scratch, &["close", &names[2]]);
    assert!(is_ok, "{said}");
    let all = |reasons: &'static [&'static str]| {
        daemon.wait_for_accounts("the ends of connections", |now| {
            reasons.iter().all(|reason| now.closed()[reason] == 1)
        })
    };
    all(&["peer", "reset", "operator"]);
    // It comes after the others have gone, and stays until its time is over.
    let idle = connected(&daemon, 4);
    let idle_name = name(&idle);
    let accounts = all(&["peer", "reset", "operator", "idle-timeout"]);
    assert_eq!(accounts.input("connections"), 0);
    let stays = daemon.connect();
    let stays_name = name(&stays);
    daemon.wait_for_accounts("a connection", |now| now.input("connections") == 1);
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    for (name, reason, counts) in [
        (&names[0], "peer", "1 messages, 35 bytes"),
        (&names[1], "reset", "1 messages, 35 bytes"),
        (&names[2], "operator", "1 messages, 35 bytes"),
        (&idle_name, "idle-timeout", "1 messages, 35 bytes"),
        (&stays_name, "stop", "0 messages, 0 bytes"),
    ] {
        let opened = format!("connection opened: peer {name}, listener imptcp\n");
        assert!(own.contains(&opened), "{opened}: {own}");
        let begin =
            format!("connection closed: peer {name}, listener imptcp, reason {reason}, age ");
        let line = own.lines().find(|line| line.contains(&begin));
        let line = line.unwrap_or_else(|| panic!("{begin}: {own}"));
        assert!(
            line.contains(" s, idle ") && line.ends_with(counts),
            "{line}"
        );
    }
    let idle = own
        .lines()
        .find(|line| line.contains("reason idle-timeout"));
    assert!(
        idle.is_some_and(|line| line.contains("idle 3.0 s")),
        "{own}"
    );
}

#[test]
fn nothing_is_told_about_connections_unless_it_is_asked_for() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    drop(connected(&daemon, 1));
    daemon.wait_for_accounts("its end", |now| now.closed()["peer"] == 1);
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    let is_told = |what: &str| own.contains(&format!("connection {what}"));
    assert!(!is_told("opened") && !is_told("closed"), "{own}");
}

#[test]
fn the_table_shows_what_each_connection_does() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .input("keepAlive.time=\"300\" keepAlive.interval=\"20\" keepAlive.probes=\"4\" tcp_user_timeout=\"60000\"")
        .splashdam(&scratch);
    let quiet = daemon.connect();
    let mut busy = daemon.connect();
    busy.write_all(b"<13>one\n12 <13>host: two<13>three\n9999999999 <13>four\n")
        .unwrap();
    daemon.wait_until_delivered(4);
    let table = connections(&scratch, &["--sort", "messages"]);
    assert_eq!(table.len(), 2);
    assert_eq!(table[0]["peer"], name(&busy));
    assert_eq!(table[0]["listener"], "imptcp");
    assert_eq!(table[0]["messages"], 4);
    assert_eq!(table[0]["bytes"], 54);
    assert_eq!(
        table[0]["framings"],
        serde_json::json!(["lf", "octet-counted"])
    );
    assert_eq!(table[0]["framing_faults"], 1);
    assert_eq!(table[0]["paused_seconds"], Value::Null);
    let keep_alive = serde_json::json!({
        "on": true, "time_seconds": 300, "interval_seconds": 20, "probes": 4,
        "user_timeout_ms": 60000
    });
    assert_eq!(table[0]["keep_alive"], keep_alive);
    assert_eq!(table[1]["peer"], name(&quiet));
    assert_eq!(table[1]["messages"], 0);
    assert_eq!(table[1]["framings"], serde_json::json!([]));
    assert_eq!(connections(&scratch, &["--filter", &name(&quiet)]).len(), 1);
    assert_eq!(connections(&scratch, &["--filter", "nobody"]).len(), 0);
    let (is_ok, said) = ctl(&scratch, &["connections"]);
    assert!(is_ok && said.contains(&name(&busy)), "{said}");
    assert!(said.contains("300s+4x20s, user 60000ms"), "{said}");
    assert!(said.ends_with("2 connections\n"), "{said}");

    let (is_ok, said) = ctl(&scratch, &["close", "127.0.0.1:1"]);
    assert!(!is_ok && said.contains("no such connection"), "{said}");
    drop(busy);
    wait_for("a table of one", || {
        (connections(&scratch, &[]).len() == 1).then_some(())
    });
    daemon.stop();
}

#[test]
fn what_the_kernel_does_about_silent_peers_is_told_at_start() {
    let scratch = Scratch::new();
    let statements = "$InputPTCPServerListenIP 127.0.0.1\n\
                      $InputPTCPServerInputName old\n\
                      $InputPTCPServerKeepAlive on\n\
                      $InputPTCPServerKeepAlive_time 77\n\
                      $InputPTCPServerKeepAlive_intvl 6\n\
                      $InputPTCPServerKeepAlive_probes 5\n\
                      $InputPTCPServerRun 0\n\
                      input(type=\"imptcp\" port=\"0\" name=\"off\" keepAlive=\"off\")";
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .statements(statements)
        .input("keepAlive=\"off\"")
        .splashdam(&scratch);
    let own = scratch.join("own.log");
    wait_for_text(&own, "keepalive is off");
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    let configuration = String::from_utf8(scratch.read("daemon.conf")).unwrap();
    let line = own.lines().find(|line| line.contains("listener old on"));
    let line = line.unwrap_or_else(|| panic!("{own}"));
    for (part, directive) in [
        ("keepalive on", "$InputPTCPServerKeepAlive on"),
        ("time 77 s", "$InputPTCPServerKeepAlive_time"),
        ("interval 6 s", "$InputPTCPServerKeepAlive_intvl"),
        ("probes 5", "$InputPTCPServerKeepAlive_probes"),
    ] {
        let mut lines = configuration.lines();
        let number = lines.position(|line| line.starts_with(directive));
        let number = number.expect("the directive") + 1;
        let place = scratch.join("daemon.conf");
        let part = format!("{part} ({}:{number})", place.display());
        assert!(line.contains(&part), "{part}: {line}");
    }
    assert!(own.contains("keepalive off ("), "{own}");
    // Once for both listeners.
    let mut warnings = own
        .lines()
        .filter(|line| line.contains("firewalls forget an idle connection after 3600 s"));
    let warning = warnings.next().unwrap_or_else(|| panic!("{own}"));
    assert!(warning.contains(" listeners "), "{warning}");
    assert!(warning.contains("off on [::]:"), "{warning}");
    assert_eq!(warnings.next(), None);
}

/// Connections that send a little while the queue is full.
const TALKERS: usize = 40;

/// Peers that close or break their connection while the queue is full are
/// noticed then, not when it has room again; what they sent is kept.
#[test]
fn the_end_of_a_paused_connection_is_noticed() {
    let scratch = Scratch::new();
    let rules = to_file(
        "{dir}/missing/out.log",
        FORMAT,
        "createDirs=\"off\" action.resumeInterval=\"1\"",
    );
    let daemon = Setup::new(rules)
        .queue("queue.size=\"1000\" queue.timeoutShutdown=\"60000\"")
        .input("notifyOnConnectionClose=\"on\"")
        .splashdam(&scratch);
    let flood = Flood {
        message_bytes: 4000,
        ..Flood::new(20_000)
    };
    let mut sending = flood.start(daemon.port());
    daemon.wait_for_accounts("inputs that are pushed back", |now| now.input("held") > 0);
    let paused = || {
        let table = connections(&scratch, &[]);
        let is_paused = |connection: &&Value| connection["paused_seconds"].is_f64();
        table.iter().filter(is_paused).count()
    };
    // Small messages find short chunks, as long as there are some. One talker alone
    // might be received late, fill a short chunk, and then wait for a whole one.
    let mut talkers: Vec<TcpStream> = (0..TALKERS).map(|_| daemon.connect()).collect();
    let mut talked = 0;
    wait_for("talkers that are paused", || {
        for talker in &mut talkers {
            talker.write_all(MESSAGE).unwrap();
            std::thread::sleep(Duration::from_micros(300));
            talked += 1;
        }
        (paused() == 1 + TALKERS).then_some(())
    });
    let mut silent: Vec<TcpStream> = (0..20).map(|_| daemon.connect()).collect();
    wait_for("connections that are paused", || {
        (paused() == 21 + TALKERS).then_some(())
    });
    // What it has to say is received beyond what the queue has room for.
    let mut last = silent.pop().unwrap();
    last.write_all(MESSAGE).unwrap();
    drop(last);
    silent.drain(..10).for_each(drop);
    silent.drain(..).for_each(reset);
    let accounts = daemon.wait_for_accounts("the end of paused connections", |now| {
        now.closed()["peer"] == 11 && now.closed()["reset"] == 9
    });
    assert!(accounts.input("held") > 0, "the queue has room");
    assert_eq!(accounts.input("connections"), 1 + TALKERS as u64);
    assert_eq!(paused(), 1 + TALKERS);
    assert!(!sending.is_over());
    std::fs::create_dir(scratch.join("missing")).unwrap();
    sending.finish();
    drop(talkers);
    daemon.wait_until_delivered(flood.messages + talked + 1);
    let ended = 12 + TALKERS;
    daemon.wait_for_accounts("all ends", |now| now.closed()["peer"] == ended);
    // What was told while the queue was full is told all the same.
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert_eq!(own.matches("reason peer").count(), ended, "{own}");
    assert_eq!(own.matches("reason reset").count(), 9, "{own}");
}

#[test]
fn connections_above_max_sessions_are_refused_and_told_once() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .input("maxSessions=\"3\"")
        .splashdam(&scratch);
    let mut served: Vec<TcpStream> = (1..=3).map(|count| connected(&daemon, count)).collect();
    for _ in 0..5 {
        let mut refused = daemon.connect();
        // An end or a reset, and no wait for a message.
        let read = refused.read(&mut [0]);
        assert!(matches!(read, Ok(0) | Err(_)), "{read:?}");
    }
    let accounts = daemon.wait_for_accounts("five refusals", |now| now.input("refused") == 5);
    assert_eq!(accounts.input("connections"), 3);
    served.pop();
    daemon.wait_for_accounts("room", |now| now.input("connections") == 2);
    let _again = connected(&daemon, 4);
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert_eq!(own.matches("maxSessions").count(), 1, "{own}");
}

/// With no descriptor left the daemon serves what is there, and takes the others
/// when it can.
#[test]
fn a_daemon_without_descriptors_serves_on_and_says_so_once() {
    const CONNECTIONS: usize = 40;
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .descriptors(40)
        .splashdam(&scratch);
    let mut first = connected(&daemon, 1);
    let mut others: Vec<TcpStream> = (0..CONNECTIONS).map(|_| daemon.connect()).collect();
    for stream in &mut others {
        stream.write_all(MESSAGE).unwrap();
    }
    wait_for_text(&scratch.join("stderr"), "cannot accept");
    let lines = || {
        let log = scratch.read("out.log");
        log.iter().filter(|byte| **byte == b'\n').count()
    };
    let mut before = lines();
    wait_for("an end of the messages that can come", || {
        std::thread::sleep(Duration::from_millis(300));
        let now = lines();
        let is_still = now == before;
        before = now;
        is_still.then_some(())
    });
    assert!(before < CONNECTIONS, "all were accepted");
    // The operator is answered.
    let served = connections(&scratch, &[]).len();
    assert_eq!(served, before);
    first.write_all(MESSAGE).unwrap();
    wait_for("the message of one that is served", || {
        (lines() > before).then_some(())
    });
    // They were accepted in their order, and make room for the rest.
    drop(others);
    wait_for("the messages of all", || {
        (lines() == CONNECTIONS + 2).then_some(())
    });
    let told = daemon.stderr();
    assert_eq!(told.matches("cannot accept").count(), 1, "{told}");
    daemon.stop();
}
