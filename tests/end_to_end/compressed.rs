//! Compressed streams: from rsyslog, damaged, and of a few bytes that become
//! very many.

use std::io::{Error, ErrorKind, Read, Write};
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;

use crate::support::{Scratch, Setup, memory_kib, to_file, wait_for, wait_for_bytes};

const MESSAGES: usize = 30_000;

fn deflated(text: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    encoder.write_all(text).unwrap();
    encoder.finish().unwrap()
}

fn setup() -> Setup {
    Setup::new(to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "",
    ))
    .input("compression.mode=\"stream:always\"")
}

/// rsyslog as sender: whether it flushes after each batch or not, and with both
/// framings, all comes and in order.
#[test]
fn what_rsyslog_compresses_comes_as_it_was() {
    for (flush, framing) in [("on", "traditional"), ("off", "octet-counted")] {
        let scratch = Scratch::new();
        let daemon = setup().splashdam(&scratch);
        let sender = Scratch::new();
        let rules = format!(
            "action(type=\"omfwd\" target=\"127.0.0.1\" port=\"{}\" protocol=\"tcp\" \
             template=\"RSYSLOG_TraditionalForwardFormat\" TCP_Framing=\"{framing}\" \
             compression.mode=\"stream:always\" compression.stream.flushOnTXEnd=\"{flush}\")",
            daemon.port()
        );
        let rsyslog = Setup::new(rules).rsyslog(&sender);
        let text: Vec<u8> = (0..MESSAGES)
            .flat_map(|number| {
                format!("<13>Oct 11 22:14:15 host tag: number {number:06}\n").into_bytes()
            })
            .collect();
        rsyslog.send(text);
        let expected: String = (0..MESSAGES)
            .map(|number| format!("Oct 11 22:14:15 host tag: number {number:06}\n"))
            .collect();
        if flush == "on" {
            // Before the stream ends.
            wait_for_bytes(&scratch.join("out.log"), expected.len() as u64);
        }
        // Its stop ends the stream.
        rsyslog.stop();
        wait_for_bytes(&scratch.join("out.log"), expected.len() as u64);
        let accounts = daemon.wait_until_delivered(MESSAGES as u64);
        assert_eq!(accounts.input("corrupt"), 0);
        assert!(accounts.input("inflated_bytes") > 5 * accounts.input("bytes"));
        daemon.stop();
        let log = String::from_utf8(scratch.read("out.log")).unwrap();
        assert!(log == expected, "flush {flush}, {framing}");
    }
}

#[test]
fn a_damaged_stream_ends_its_connection_behind_what_is_whole() {
    let scratch = Scratch::new();
    let daemon = setup().splashdam(&scratch);
    let mut bytes = deflated(b"<13>tag: one\n<13>tag: two");
    *bytes.last_mut().unwrap() ^= 1;
    for bytes in [&bytes[..], b"<13>tag: not compressed\n"] {
        let mut stream = daemon.connect();
        stream.write_all(bytes).unwrap();
        let patience = Some(Duration::from_secs(60));
        stream.set_read_timeout(patience).unwrap();
        // Bytes that were not read make an error of the end.
        let end = stream.read(&mut [0]);
        let is_late = |error: &Error| error.kind() == ErrorKind::WouldBlock;
        assert!(!end.as_ref().is_err_and(is_late) && end.unwrap_or(0) == 0);
    }
    // The end of a stream is the end of its last message.
    daemon.send(deflated(b"<13>tag: three"));
    let accounts = daemon.wait_until_delivered(3);
    assert_eq!(accounts.input("corrupt"), 2);
    assert_eq!(accounts.closed()["error"], 2);
    assert_eq!(accounts.input("framing_cut"), 1, "two");
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert_eq!(
        own.matches("a damaged compressed stream from 127.0.0.1:")
            .count(),
        1
    );
    assert_eq!(own.matches("so far").count(), 1, "{own}");
}

/// 100 MB in less than 1 MB. While the queue is full nothing is inflated; and
/// what waits to be inflated is delivered although its sender has gone and the
/// daemon is to stop.
#[test]
fn a_few_bytes_that_become_many_take_no_memory_and_no_other_connections_time() {
    const LINES: u64 = 100_000;
    let scratch = Scratch::new();
    let rules = to_file(
        "{dir}/missing/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "createDirs=\"off\" action.resumeInterval=\"1\"",
    );
    let daemon = Setup::new(rules)
        .input("compression.mode=\"stream:always\" proxyProtocol=\"on\"")
        .queue("queue.size=\"1000\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    let line = format!("<13>Oct 11 22:14:15 host tag: {}\n", "x".repeat(970));
    for _ in 0..LINES {
        encoder.write_all(line.as_bytes()).unwrap();
    }
    let bomb = encoder.finish().unwrap();
    assert!(bomb.len() < 1_000_000, "{}", bomb.len());
    let before = memory_kib(daemon.pid(), "VmHWM");
    let header = b"PROXY TCP4 192.0.2.1 203.0.113.1 51234 514\r\n";
    let sent = bomb.clone();
    let mut stream = daemon.connect();
    let sending = std::thread::spawn(move || stream.write_all(&[&header[..], &sent].concat()));
    let accounts =
        daemon.wait_for_accounts("an input that is pushed back", |now| now.input("held") > 0);
    assert!(
        accounts.input("inflated_bytes") < 40_000_000,
        "{accounts:?}"
    );
    std::fs::create_dir(scratch.join("missing")).unwrap();
    sending.join().unwrap().unwrap();
    // Another one is served meanwhile.
    let other = deflated(b"<13>Oct 11 22:14:15 host tag: other\n");
    daemon.send([&header[..], &other].concat());
    wait_for("all bytes to be received", || {
        let all = bomb.len() + other.len() + 2 * header.len();
        (daemon.accounts().input("bytes") == all as u64).then_some(())
    });
    let after = memory_kib(daemon.pid(), "VmHWM");
    daemon.signal("TERM");
    let status = daemon.wait();
    assert!(status.success(), "{status}");
    assert!(
        after < before + 60_000,
        "{before} KiB before, {after} after"
    );
    let log = std::fs::read(scratch.join("missing/out.log")).unwrap();
    let lines = log.iter().filter(|byte| **byte == b'\n').count() as u64;
    assert_eq!(lines, LINES + 1);
}
