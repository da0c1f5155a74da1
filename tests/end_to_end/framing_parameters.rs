//! The parameters of how bytes become frames, beside the distribution's rsyslog
//! where it has them and they work there.

use std::io::Write;
use std::net::TcpStream;

use crate::support::{Accounts, Daemon, Scratch, Setup, memory_kib, to_file, wait_for_text};

/// The smallest `maxMessageSize`.
const MAX: usize = 480;

/// In the last message of a stream whose connection stays open.
const LAST: &str = "THE-LAST";

fn setup() -> Setup {
    with_globals("")
}

/// Raw messages into `out.log`, with more parameters of `global()`.
fn with_globals(globals: &str) -> Setup {
    Setup::new(to_file("{dir}/out.log", "RAW", "")).statements(format!(
        "template(name=\"RAW\" type=\"string\" string=\"%rawmsg%\\n\")\n\
         global(maxMessageSize=\"{MAX}\" {globals})"
    ))
}

/// Sends a stream in one piece, waits for its last message, and returns the
/// file up to it. The connection is open meanwhile: no message is awaited that
/// only its end ends.
fn until_last(daemon: Daemon, scratch: &Scratch, stream: &[u8]) -> Vec<u8> {
    let mut connection = daemon.connect();
    connection.write_all(stream).unwrap();
    wait_for_text(&scratch.join("out.log"), LAST);
    let mut content = scratch.read("out.log");
    drop(connection);
    daemon.stop();
    let text = String::from_utf8_lossy(&content);
    let end = text.find(LAST).map(|at| at + LAST.len() + "\n".len());
    content.truncate(end.unwrap_or_default());
    content
}

/// Both daemons make the same of a stream.
#[track_caller]
fn same_as_rsyslog(setup: &Setup, stream: impl AsRef<[u8]>) -> String {
    let (ours, theirs) = (Scratch::new(), Scratch::new());
    let our = until_last(setup.splashdam(&ours), &ours, stream.as_ref());
    let their = until_last(setup.rsyslog(&theirs), &theirs, stream.as_ref());
    let our = String::from_utf8_lossy(&our).into_owned();
    assert_eq!(our, String::from_utf8_lossy(&their));
    our
}

/// Sends a stream in pieces, closes the connection, and returns the accounts
/// and the file.
#[track_caller]
fn after(setup: &Setup, pieces: &[&[u8]]) -> (Accounts, String) {
    let scratch = Scratch::new();
    let daemon = setup.splashdam(&scratch);
    let mut connection = daemon.connect();
    connection.set_nodelay(true).unwrap();
    for piece in pieces {
        connection.write_all(piece).unwrap();
    }
    drop(connection);
    let accounts = daemon.wait_for_accounts("all to be delivered", |now| {
        now.input("connections") == 0
            && now.input("connections_opened") == 1
            && !now.is_anything_held()
            && now.balance().is_ok()
    });
    daemon.stop();
    let content = scratch.read("out.log");
    (accounts, String::from_utf8(content).unwrap())
}

fn single_bytes(stream: &str) -> Vec<&[u8]> {
    stream.as_bytes().chunks(1).collect()
}

#[test]
fn another_byte_ends_frames() {
    for (byte, delimiter) in [(0, '\0'), (59, ';'), (124, '|')] {
        let setup = setup().input(&format!("addtlFrameDelimiter=\"{byte}\""));
        let stream = format!(
            "<13>one{delimiter}<13>two\n13 <13>an;\0 |other{delimiter}{delimiter}<13>{LAST}\n"
        );
        let text = same_as_rsyslog(&setup, &stream);
        assert!(text.starts_with("<13>one\n<13>two\n"), "{text}");
        let (accounts, content) = after(&setup, &single_bytes(&stream));
        assert_eq!(content, text);
        assert_eq!(
            accounts.input("received") - accounts.input("discarded_empty"),
            text.lines().count() as u64
        );
    }
}

#[test]
fn a_byte_beyond_ascii_ends_frames_too() {
    let setup = setup().input("addtlFrameDelimiter=\"255\"");
    let (_, content) = after(&setup, &[b"<13>one\xff<13>two\n"]);
    assert_eq!(content, "<13>one\n<13>two\n");
}

#[test]
fn messages_of_several_lines_begin_with_a_priority() {
    let stream = format!("<13>a\n b\n\n c\n<14>d\n<15>e\n5\n<13>{LAST}\n<13>behind\n");
    let setup = setup().input("multiLine=\"on\"");
    let text = same_as_rsyslog(&setup, &stream);
    assert_eq!(
        text,
        format!("<13>a#012 b#012#012 c\n<14>d\n<15>e#0125\n<13>{LAST}\n")
    );
}

#[test]
fn messages_of_several_lines_may_come_in_any_pieces() {
    let stream = "<13>a\n b\n<14>c\n d\n";
    let (accounts, content) = after(&setup().input("multiLine=\"on\""), &single_bytes(stream));
    assert_eq!(content, "<13>a#012 b\n<14>c#012 d\n");
    assert_eq!(accounts.input("received"), 2);
    assert_eq!(accounts.input("framing_cut"), 0);
}

#[test]
fn with_several_lines_another_delimiter_needs_a_priority_behind_it() {
    let stream = format!("<13>a;b\nc;<14>d\n<13>{LAST}\n<13>behind\n");
    let setup = setup().input("multiLine=\"on\" addtlFrameDelimiter=\"59\"");
    let text = same_as_rsyslog(&setup, &stream);
    assert_eq!(text, format!("<13>a;b#012c\n<14>d\n<13>{LAST}\n"));
}

#[test]
fn an_expression_says_where_messages_begin() {
    let setup = setup().input("framing.delimiter.regex=\"^<[0-9]{2}>|^[0-9]{4}-\"");
    let stream =
        format!("<13>a\n b\n<1>c\n\n<14>d\n2026-01-01 e\n5 f\n g\n<13>{LAST}\n<13>behind it\n");
    let text = same_as_rsyslog(&setup, &stream);
    assert_eq!(
        text,
        format!("<13>a#012 b#012<1>c\n<14>d\n2026-01-01 e#0125 f#012 g\n<13>{LAST}\n")
    );
    let (accounts, content) = after(&setup, &single_bytes(&stream));
    assert_eq!(content, format!("{text}<13>behind it\n"));
    assert_eq!(accounts.input("received"), 5);
}

#[test]
fn spaces_in_front_of_a_frame_can_be_ignored() {
    let setup = setup().input("framingfix.cisco.asa=\"on\"");
    let stream = format!("<13>a\n <13>b\n  7 <13>c d <13>e \n  <13>{LAST}\n");
    let text = same_as_rsyslog(&setup, &stream);
    assert_eq!(text, format!("<13>a\n<13>b\n<13>c d\n<13>e \n<13>{LAST}\n"));
    let (_, content) = after(&setup, &single_bytes(&stream));
    assert_eq!(content, text);
}

#[test]
fn a_larger_octet_count_than_the_largest_frame_is_text() {
    let setup = setup().input("maxFrameSize=\"9\"");
    let (accounts, content) = after(&setup, &[b"8 <13>a\nbc10 <13>ab\n<13>c\n"]);
    assert_eq!(content, "<13>a#012bc\n10 <13>ab\n<13>c\n");
    assert_eq!(accounts.input("framing_count_too_large"), 1);
    // rsyslog takes the same for frames, and writes the text without the space.
    let stream = format!("8 <13>a\nbc10 <13>ab\n<13>{LAST}\n");
    let scratch = Scratch::new();
    let their = until_last(setup.rsyslog(&scratch), &scratch, stream.as_bytes());
    assert_eq!(
        String::from_utf8(their).unwrap(),
        format!("<13>a#012bc\n10<13>ab\n<13>{LAST}\n")
    );
}

/// A message of so many bytes, all of them different enough.
fn long(bytes: usize) -> String {
    let mut text = "<13>tag: ".to_owned();
    while text.len() < bytes {
        text.push_str(&text.len().to_string());
    }
    text.truncate(bytes);
    text
}

/// What becomes of a line and of an octet-counted frame of 1000 bytes.
fn lines_of_long(setup: &Setup) -> (Accounts, Vec<String>) {
    let long = long(1000);
    let stream = format!("{long}\n1000 {long}<13>end\n");
    let (accounts, content) = after(setup, &[stream.as_bytes()]);
    let bytewise = after(setup, &single_bytes(&stream));
    assert_eq!(content, bytewise.1);
    (accounts, content.lines().map(str::to_owned).collect())
}

#[test]
fn long_messages_are_truncated_by_default() {
    let (accounts, lines) = lines_of_long(&setup());
    let begin = &long(1000)[..MAX];
    assert_eq!(lines, [begin, begin, "<13>end"]);
    assert_eq!(accounts.input("truncated"), 2);
    assert_eq!(accounts.input("received"), 3);
}

#[test]
fn long_messages_can_be_split() {
    let setup = with_globals("oversizemsg.input.mode=\"split\"");
    let (accounts, lines) = lines_of_long(&setup);
    let long = long(1000);
    let pieces = [&long[..MAX], &long[MAX..2 * MAX], &long[2 * MAX..]];
    assert_eq!(lines, [&pieces[..], &pieces, &["<13>end"]].concat());
    assert_eq!(accounts.input("split"), 2);
    assert_eq!(accounts.input("truncated"), 0);
    assert_eq!(accounts.input("received"), 7);
}

#[test]
fn the_rest_of_long_messages_can_be_discarded() {
    let setup =
        with_globals("oversizemsg.input.mode=\"split\"").input("discardTruncatedMsg=\"on\"");
    let (accounts, lines) = lines_of_long(&setup);
    let begin = &long(1000)[..MAX];
    assert_eq!(lines, [begin, begin, "<13>end"]);
    assert_eq!(accounts.input("truncated"), 2);
}

#[test]
fn long_messages_can_be_accepted_up_to_the_largest_frame() {
    let setup = with_globals("oversizemsg.input.mode=\"accept\"");
    let (accounts, lines) = lines_of_long(&setup);
    let whole = long(1000);
    assert_eq!(lines, [&whole, &whole, "<13>end"]);
    assert_eq!(accounts.input("accepted"), 2);
    let (accounts, lines) = lines_of_long(&setup.input("maxFrameSize=\"999\""));
    // Beyond that an octet count is none.
    assert_eq!(lines[0], whole[..999]);
    assert_eq!(lines[1], format!("1000 {whole}<13>end")[..999]);
    assert_eq!(accounts.input("truncated"), 2);
    assert_eq!(accounts.input("framing_count_too_large"), 1);
}

/// With an expression rsyslog's modes work, but for a message that has control
/// characters: accepted, it is truncated when they are escaped.
#[test]
fn modes_are_rsyslogs_where_an_expression_says_where_messages_begin() {
    for mode in ["truncate", "accept"] {
        let setup = with_globals(&format!("oversizemsg.input.mode=\"{mode}\""))
            .input("framing.delimiter.regex=\"^<[0-9]{2}>\"");
        let stream = format!("<13>a\n{}\n<13>{LAST}\n<13>behind\n", long(700));
        let text = same_as_rsyslog(&setup, stream);
        let second = text.lines().nth(1).unwrap();
        let expected = match mode {
            "truncate" => long(700)[..MAX].to_owned(),
            _ => long(700),
        };
        assert_eq!(second, expected);
    }
}

#[test]
fn long_octet_counted_messages_are_truncated_as_in_rsyslog() {
    let long = long(1000);
    same_as_rsyslog(
        &setup(),
        format!("1000 {long}480 {}<13>{LAST}\n", &long[..MAX]),
    );
}

const ERROR_FILE: &str = "oversizemsg.errorfile=\"{dir}/oversize.log\"";

#[test]
fn long_messages_stand_in_the_error_file_as_in_rsyslog() {
    let setup = with_globals(ERROR_FILE).input("framing.delimiter.regex=\"^<[0-9]{2}>\"");
    let mut stream = format!("<13>a\n{}", long(600)).into_bytes();
    stream.extend(b" \"\\/\x08\x09\x0c\x0d\x01\x1f\x7f\xe4\xc3\xa9\n");
    stream.extend(format!("more\n<13>{LAST}\n<13>behind\n").bytes());
    let (ours, theirs) = (Scratch::new(), Scratch::new());
    until_last(setup.splashdam(&ours), &ours, &stream);
    until_last(setup.rsyslog(&theirs), &theirs, &stream);
    let (ours, theirs) = (ours.read("oversize.log"), theirs.read("oversize.log"));
    assert_eq!(
        ours.escape_ascii().to_string(),
        theirs.escape_ascii().to_string()
    );
    assert!(ours.starts_with(b"{ \"rawmsg\": \"<13>tag: "));
    assert_eq!(ours.iter().filter(|byte| **byte == b'\n').count(), 1);
}

#[test]
fn the_error_file_has_each_long_message_whole_in_every_mode() {
    for mode in ["truncate", "split", "accept"] {
        let scratch = Scratch::new();
        let globals = format!("{ERROR_FILE} oversizemsg.input.mode=\"{mode}\"");
        let daemon = with_globals(&globals).splashdam(&scratch);
        let long = long(1000);
        daemon.send(format!("{long}\n1000 {long}<13>short\n{long}"));
        // It is written before the daemon ends.
        daemon.wait_for_accounts("the end of the connection", |now| {
            now.input("connections_opened") == 1 && now.input("connections") == 0
        });
        daemon.stop();
        let line = format!("{{ \"rawmsg\": \"{long}\", \"input\": \"imptcp\" }}\n");
        let content = String::from_utf8(scratch.read("oversize.log")).unwrap();
        assert_eq!(content, line.repeat(3), "{mode}");
    }
}

#[test]
fn the_error_file_is_opened_again_at_sighup() {
    let scratch = Scratch::new();
    let daemon = with_globals(ERROR_FILE).splashdam(&scratch);
    let path = scratch.join("oversize.log");
    daemon.send(format!("{}\n", long(1000)));
    wait_for_text(&path, "rawmsg");
    std::fs::rename(&path, scratch.join("oversize.log.1")).unwrap();
    daemon.signal("HUP");
    wait_for_text(&scratch.join("own.log"), "reopening output files");
    daemon.send(format!("{}\n", long(1000)));
    wait_for_text(&path, "rawmsg");
    daemon.stop();
    assert_eq!(scratch.read("oversize.log"), scratch.read("oversize.log.1"));
}

#[test]
fn an_error_file_that_cannot_be_written_is_told_and_counted() {
    let scratch = Scratch::new();
    let globals = "oversizemsg.errorfile=\"{dir}/no/such/directory\"";
    let daemon = with_globals(globals).splashdam(&scratch);
    daemon.send(format!("{}\n", long(1000)).repeat(3));
    daemon.wait_for_accounts("what is not written", |now| {
        now.input("oversize_unwritten") == 3 && now.action("out", "delivered") == 3
    });
    daemon.stop();
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    let told = own
        .matches("cannot write the oversizemsg.errorfile")
        .count();
    assert_eq!(told, 1, "{own}");
}

#[test]
fn long_messages_are_told_once() {
    for (globals, told) in [("", 1), ("oversizemsg.report=\"off\"", 0)] {
        let scratch = Scratch::new();
        let daemon = with_globals(globals).splashdam(&scratch);
        for count in 1..=3 {
            daemon.send(format!("{}\n", long(1000)));
            daemon.wait_until_delivered(count);
        }
        daemon.stop();
        let own = String::from_utf8(scratch.read("own.log")).unwrap();
        let words = "listener imptcp receives messages longer than maxMessageSize";
        assert_eq!(own.matches(words).count(), told, "{own}");
    }
}

#[test]
fn a_message_without_end_takes_no_memory_in_any_mode() {
    for (mode, input) in [
        ("split", ""),
        ("accept", "multiLine=\"on\""),
        ("truncate", "framing.delimiter.regex=\"^<\""),
        ("split", "framing.delimiter.regex=\"^<\""),
        ("accept", "addtlFrameDelimiter=\"0\""),
    ] {
        let scratch = Scratch::new();
        let globals = format!("oversizemsg.input.mode=\"{mode}\" {ERROR_FILE}");
        let daemon = with_globals(&globals).input(input).splashdam(&scratch);
        let connections: Vec<TcpStream> = (0..10).map(|_| daemon.connect()).collect();
        // Lines, where they end nothing.
        let end = match input.contains("multiLine") || input.contains("regex") {
            true => '\n',
            false => '\r',
        };
        let piece = format!("text without end{end}").repeat(2500);
        let mut sent = 0;
        for _ in 0..200 {
            for mut connection in &connections {
                connection.write_all(piece.as_bytes()).unwrap();
                sent += piece.len() as u64;
            }
        }
        daemon.wait_for_accounts("all to be read", |now| now.input("bytes") == sent);
        let highest = memory_kib(daemon.pid(), "VmHWM");
        drop(connections);
        daemon.wait_for_accounts("the end of the connections", |now| {
            now.input("connections") == 0 && now.balance().is_ok()
        });
        daemon.stop();
        assert!(highest < 140 << 10, "{mode} {input}: {highest} KiB at most");
    }
}
