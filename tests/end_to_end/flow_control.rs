//! `flowControl`: who waits while the queue is full, and for how long.

use std::fmt::Write as _;
use std::io::Write as _;
use std::net::TcpStream;

use crate::support::{Flood, Scratch, Setup, to_file};

const MESSAGES: u64 = 3000;

fn messages() -> String {
    let mut text = String::new();
    for number in 0..MESSAGES {
        writeln!(text, "<13>Oct 11 22:14:15 host off: message {number}").unwrap();
    }
    text
}

/// One listener waits for room and loses nothing; the other one does not, and
/// neither holds up the other.
#[test]
fn without_it_what_the_queue_has_no_room_for_is_discarded_in_time() {
    let scratch = Scratch::new();
    let parameters = "createDirs=\"off\" action.resumeInterval=\"1\"";
    let file = "{dir}/later/out.log";
    let daemon = Setup::new(to_file(file, "RSYSLOG_TraditionalFileFormat", parameters))
        .queue("queue.size=\"100\" queue.timeoutShutdown=\"60000\"")
        .statements(
            "input(type=\"imptcp\" name=\"off\" address=\"127.0.0.1\" port=\"0\" \
             flowControl=\"off\" listenPortFileName=\"{dir}/off\")",
        )
        .splashdam(&scratch);
    // More than the action's buffers have room for.
    let on = Flood::new(100_000);
    let sending = on.start(daemon.port());
    let port: u16 = text(&scratch, "off").trim().parse().unwrap();
    let mut off = TcpStream::connect(("127.0.0.1", port)).unwrap();
    let mut sent = 0;
    let discarded = loop {
        off.write_all(messages().as_bytes()).unwrap();
        sent += MESSAGES;
        let now = daemon.wait_for_accounts("messages taken or discarded", |now| {
            now.listener("off", "received") == sent && now.listener("off", "held") == 0
        });
        match now.queue("discarded_full") {
            0 => assert!(sent < 100 * MESSAGES, "nothing is discarded"),
            discarded => break discarded,
        }
    };
    let told = daemon.stderr();
    let words = "listener off: the queue main had no room within queue.timeoutEnqueue, 2000 ms";
    assert_eq!(told.matches(words).count(), 1, "{told}");

    std::fs::create_dir(scratch.join("later")).unwrap();
    sending.finish();
    daemon.wait_until_delivered(on.messages);
    // It goes on with what is sent from now on.
    off.write_all(messages().as_bytes()).unwrap();
    sent += MESSAGES;
    let last = daemon.wait_for_accounts("all messages", |now| {
        now.listener("off", "received") == sent
            && now.listener("off", "held") == 0
            && !now.is_anything_held()
    });
    assert!(last.queue("discarded_full") < discarded + MESSAGES);
    let file = text(&scratch, "later/out.log");
    let taken = file.matches(" off: message ").count() as u64;
    assert_eq!(taken + last.queue("discarded_full"), sent);
    assert_eq!(file.lines().count() as u64, on.messages + taken);
    daemon.stop();
}

fn text(scratch: &Scratch, name: &str) -> String {
    String::from_utf8(scratch.read(name)).unwrap()
}
