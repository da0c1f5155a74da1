//! A file system that is full.

use std::time::{Duration, Instant};

use crate::support::{Disk, Flood, Scratch, Setup, to_file, wait_for};

/// Bytes of the file system, and of what fills most of it at first. What is
/// left is less than the flood, even with all that queue and sockets can hold.
const DISK_BYTES: u64 = 96 << 20;
const BALLAST_BYTES: u64 = 80 << 20;

#[test]
fn a_full_disk_pushes_back_and_loses_nothing() {
    let scratch = Scratch::new();
    let disk = Disk::new(&scratch, DISK_BYTES);
    let ballast = disk.path().join("ballast");
    std::fs::write(&ballast, vec![1; BALLAST_BYTES as usize]).unwrap();
    let file = disk.path().join("out.log");
    let rules = to_file(
        "{dir}/disk/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "action.resumeInterval=\"1\"",
    );
    let daemon = Setup::new(rules)
        .queue("queue.size=\"5000\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let flood = Flood {
        message_bytes: 300,
        connections: 2,
        ..Flood::new(200_000)
    };
    let mut sending = flood.start(daemon.port());

    // It stops, and says so once, also when it has tried again.
    let held = daemon.wait_for_accounts("a suspended action", |now| now.is_suspended("out"));
    assert_eq!(held.action("out", "suspensions"), 1);
    daemon.wait_for_accounts("inputs that are pushed back", |now| now.input("held") > 0);
    // The worker goes on until the action's buffer is full, too.
    let mut before = daemon.accounts();
    let full = wait_for("a daemon in which nothing moves", || {
        std::thread::sleep(Duration::from_millis(500));
        let now = daemon.accounts();
        let is_still = now.input("received") == before.input("received");
        before = now.clone();
        (is_still && now.balance().is_ok()).then_some(now)
    });
    let since = Instant::now();
    let later = wait_for("more attempts", || {
        (since.elapsed() > Duration::from_secs(3)).then(|| daemon.accounts())
    });
    assert!(later.is_suspended("out"));
    assert!(later.action("out", "held") > 0);
    // What is in the file counts as delivered, but for the batch that was cut.
    let content = std::fs::read(&file).unwrap();
    let lines = content.iter().filter(|byte| **byte == b'\n').count() as u64;
    let delivered = later.action("out", "delivered");
    assert!(
        (delivered..=delivered + 1024).contains(&lines),
        "{lines} lines, {delivered} delivered"
    );
    for field in ["received", "held", "enqueued"] {
        assert_eq!(
            later.input(field),
            full.input(field),
            "{field} of a full daemon"
        );
    }
    assert!(later.input("received") < flood.messages);
    assert!(!sending.is_over(), "the sender waits");
    assert_eq!(later.balance(), Ok(()));
    let told = daemon.stderr();
    let lines: Vec<&str> = told.lines().filter(|line| line.contains("'out'")).collect();
    assert_eq!(lines.len(), 1, "{told}");
    for part in [
        "suspended",
        "disk/out.log",
        "No space left on device",
        "kept",
    ] {
        assert!(lines[0].contains(part), "{told}");
    }

    // It goes on by itself.
    std::fs::remove_file(&ballast).unwrap();
    daemon.wait_for_accounts("a resumed action", |now| !now.is_suspended("out"));
    sending.finish();
    let after = daemon.wait_until_delivered(flood.messages);
    assert_eq!(after.action("out", "suspensions"), 1);
    assert_eq!(after.action("out", "discarded_retries"), 0);
    daemon.stop();
    flood.check_file(&file);
}

#[test]
fn what_a_full_disk_kept_back_is_told_at_the_stop() {
    let scratch = Scratch::new();
    let disk = Disk::new(&scratch, DISK_BYTES);
    std::fs::write(disk.path().join("ballast"), vec![1; BALLAST_BYTES as usize]).unwrap();
    let rules = to_file("{dir}/disk/out.log", "RSYSLOG_TraditionalFileFormat", "");
    let daemon = Setup::new(rules)
        .queue("queue.timeoutShutdown=\"100\" queue.timeoutActionCompletion=\"100\"")
        .splashdam(&scratch);
    let sending = Flood {
        message_bytes: 300,
        ..Flood::new(200_000)
    }
    .start(daemon.port());
    daemon.wait_for_accounts("inputs that are pushed back", |now| {
        now.is_suspended("out") && now.input("held") > 0
    });
    daemon.signal("TERM");
    assert!(daemon.wait().success());
    drop(sending);
    let told = String::from_utf8(scratch.read("stderr")).unwrap();
    assert!(
        told.contains("messages were discarded: the time to stop was over"),
        "{told}"
    );
    // What is there is a beginning of what was sent.
    let content = std::fs::read(disk.path().join("out.log")).unwrap();
    let flood = Flood {
        message_bytes: 300,
        ..Flood::new(200_000)
    };
    assert_eq!(flood.stream(0).compare(0, &content), Ok(()));
}
