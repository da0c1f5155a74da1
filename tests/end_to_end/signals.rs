//! SIGTERM, SIGINT, SIGHUP.

use std::path::Path;

use crate::support::{Flood, Scratch, Setup, to_file, wait_for, wait_for_bytes, wait_for_text};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

/// Sends a flood, signals the daemon as soon as it has read all of it, and
/// expects all of it in the file.
fn stop_after_a_flood(signal: &str) {
    let scratch = Scratch::new();
    // All of it can be in the queue when the signal comes.
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .queue("queue.size=\"300000\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let flood = Flood {
        connections: 4,
        ..Flood::new(200_000)
    };
    let sending = flood.start(daemon.port());
    daemon.wait_for_accounts("all bytes to be read", |now| {
        now.input("bytes") == flood.sent_bytes()
    });
    daemon.signal(signal);
    let errors = daemon.stderr();
    let status = daemon.wait();
    assert!(status.success(), "{status}: {errors}");
    sending.finish();
    flood.check_file(&scratch.join("out.log"));
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert!(own.contains("stopping: draining the queues"), "{own}");
    assert!(!own.contains("discarded"), "{own}");
}

#[test]
fn sigterm_drains_and_flushes_what_was_received() {
    stop_after_a_flood("TERM");
}

#[test]
fn sigint_drains_and_flushes_what_was_received() {
    stop_after_a_flood("INT");
}

/// A daemon whose action is suspended with one message: its directory is
/// missing.
fn suspended(scratch: &Scratch, queue: &str) -> crate::support::Daemon {
    let rules = to_file("{dir}/missing/out.log", FORMAT, "createDirs=\"off\"");
    let daemon = Setup::new(rules).queue(queue).splashdam(scratch);
    daemon.send("<13>Oct 11 22:14:15 host tag: one\n");
    daemon.wait_for_accounts("a suspended action", |now| now.is_suspended("out"));
    daemon
}

#[test]
fn a_second_sigterm_stops_at_once_while_an_action_is_suspended() {
    let scratch = Scratch::new();
    // Longer than the test waits for anything.
    let daemon = suspended(&scratch, "queue.timeoutShutdown=\"1000000\"");
    let before = daemon.accounts().own("received");
    daemon.signal("TERM");
    daemon.wait_for_accounts("the first signal to be handled", |now| {
        now.own("received") > before
    });
    daemon.signal("TERM");
    let status = daemon.wait();
    assert_eq!(status.code(), Some(1));
    let told = String::from_utf8(scratch.read("stderr")).unwrap();
    assert!(told.contains("stopping at once: second signal"), "{told}");
}

#[test]
fn what_cannot_be_delivered_in_the_time_to_stop_is_counted_and_told() {
    let scratch = Scratch::new();
    let daemon = suspended(
        &scratch,
        "queue.timeoutShutdown=\"100\" queue.timeoutActionCompletion=\"100\"",
    );
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    let told = String::from_utf8(scratch.read("stderr")).unwrap();
    let line = told
        .lines()
        .find(|line| line.contains("messages were discarded"));
    let line = line.unwrap_or_else(|| panic!("the loss was not told: {told}"));
    assert!(line.contains("the time to stop was over"), "{line}");
}

#[test]
fn sighup_reopens_a_file_that_was_moved_and_loses_nothing() {
    let scratch = Scratch::new();
    let (file, moved) = (scratch.join("out.log"), scratch.join("out.log.1"));
    // Never full: the daemon's own message would go to standard error.
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .queue("queue.size=\"300000\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let flood = Flood::new(200_000);
    let sending = flood.start(daemon.port());
    wait_for_bytes(&file, 1 << 20);
    std::fs::rename(&file, &moved).unwrap();
    daemon.signal("HUP");
    wait_for_text(&scratch.join("own.log"), "reopening output files");
    sending.finish();
    // Whatever of the flood came before the signal: this comes after it.
    let rest = Flood {
        first_connection: 1,
        ..Flood::new(1000)
    };
    rest.run(daemon.port());
    daemon.wait_until_delivered(flood.messages + rest.messages);
    daemon.stop();

    let (old, new) = (
        std::fs::read(&moved).unwrap(),
        std::fs::read(&file).unwrap(),
    );
    assert!(old.len() >= 1 << 20, "the old file keeps what it had");
    assert!(!new.is_empty(), "the new file gets the rest");
    let whole = [old, new].concat();
    let (first, second) = whole.split_at(flood.file_bytes() as usize);
    flood.check_file(&scratch.write("first", first));
    rest.check_file(&scratch.write("second", second));
}

#[test]
fn sighup_keeps_appending_to_a_file_that_was_not_moved() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    let flood = Flood::new(50_000);
    let mut sending = flood.start(daemon.port());
    let mut hangups = 0;
    wait_for("the end of the flood", || {
        daemon.signal("HUP");
        hangups += 1;
        (sending.is_over() && hangups >= 3).then_some(())
    });
    sending.finish();
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
}

#[test]
fn a_file_that_was_removed_is_made_again_by_sighup() {
    let scratch = Scratch::new();
    let file = scratch.join("out.log");
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    daemon.send("<13>Oct 11 22:14:15 host tag: first\n");
    wait_for_text(&file, "first");
    std::fs::remove_file(&file).unwrap();
    daemon.signal("HUP");
    wait_for_text(&scratch.join("own.log"), "reopening output files");
    daemon.send("<13>Oct 11 22:14:15 host tag: second\n");
    daemon.wait_until_delivered(2);
    daemon.stop();
    assert_eq!(read(&file), "Oct 11 22:14:15 host tag: second\n");
}

fn read(path: &Path) -> String {
    String::from_utf8(std::fs::read(path).unwrap()).unwrap()
}
