//! At every moment an output file holds a beginning of what was sent, and not
//! a byte else: whoever reads it, copies and truncates it, or kills the daemon.

use std::fs::File;
use std::hash::{BuildHasher, RandomState};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::support::{Flood, Framing, Scratch, Setup, program, to_file, wait_for_bytes};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

/// Bytes at the end of what was seen that are read once more: a page that was
/// written again would show there.
const AGAIN_BYTES: u64 = 16 * 1024;

/// Reads a file as fast as it can while a flood goes into it: each byte that
/// its size promises must be there, and be what was sent.
fn follow(flood: Flood, environment: &str) {
    let scratch = Scratch::new();
    let path = scratch.join("out.log");
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .environment("SPLASHDAM_WITHOUT", environment)
        .splashdam(&scratch);
    let sending = flood.start(daemon.port());
    wait_for_bytes(&path, 1);
    let file = File::open(&path).unwrap();
    let mut stream = flood.stream(0);
    let mut seen = 0;
    let mut looks = 0;
    while seen < flood.file_bytes() {
        let len = file.metadata().unwrap().len();
        assert!(len >= seen, "the file shrank from {seen} to {len} bytes");
        let from = seen.saturating_sub(AGAIN_BYTES);
        let mut bytes = vec![0; (len - from) as usize];
        file.read_exact_at(&mut bytes, from)
            .expect("the bytes that its size promises");
        if let Err(error) = stream.compare(from, &bytes) {
            panic!("look {looks}, {len} bytes: {error}");
        }
        looks += u64::from(len > seen);
        seen = len;
        std::thread::yield_now();
    }
    sending.finish();
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    assert!(looks > 5, "the file was seen growing only {looks} times");
    flood.check_file(&path);
}

#[test]
fn a_reader_sees_only_a_beginning_of_what_was_sent() {
    follow(Flood::new(1_000_000), "");
}

#[test]
fn a_reader_sees_only_a_beginning_of_what_was_sent_without_direct_writes() {
    follow(Flood::new(1_000_000), "direct");
}

#[test]
fn a_reader_of_long_messages_sees_only_a_beginning_of_what_was_sent() {
    let flood = Flood {
        message_bytes: 5000,
        framing: Framing::OctetCounted,
        ..Flood::new(10_000)
    };
    follow(flood, "");
}

#[test]
fn actions_that_write_the_same_file_tear_no_line_of_each_other() {
    let scratch = Scratch::new();
    let rules = format!(
        "{}user.* {{dir}}/out.log;{FORMAT}\nuser.notice {{dir}}/out.log;{FORMAT}\n",
        to_file("{dir}/out.log", FORMAT, "")
    );
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(100_000);
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    let content = scratch.read("out.log");
    let mut lines: Vec<&[u8]> = content.split_inclusive(|byte| *byte == b'\n').collect();
    lines.sort();
    // The same message three times is three equal neighbours.
    let (triples, rest) = lines.as_chunks::<3>();
    assert!(rest.is_empty());
    let mut stream = flood.stream(0);
    for (triple, at) in triples
        .iter()
        .zip((0..).step_by(flood.line_bytes() as usize))
    {
        for line in triple {
            assert_eq!(stream.compare(at, line), Ok(()));
            assert_eq!(line.len() as u64, flood.line_bytes());
        }
    }
    assert_eq!(triples.len() as u64, flood.messages);
}

#[test]
fn after_sigkill_the_file_holds_a_beginning_of_what_was_sent() {
    let flood = Flood::new(400_000);
    for round in 0..6_u64 {
        let scratch = Scratch::new();
        let path = scratch.join("out.log");
        let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
        let sending = flood.start(daemon.port());
        // Anywhere in the first half; the message tells where it was.
        let at = 1 + RandomState::new().hash_one(round) % (flood.file_bytes() / 2);
        wait_for_bytes(&path, at);
        daemon.kill();
        // It finds its peer gone.
        drop(sending);
        let content = std::fs::read(&path).unwrap();
        assert!(content.len() as u64 >= at);
        // No NUL byte, no padding: what is there was sent, from the first byte
        // on. Only the end may lie within a message, since whole pages are
        // written.
        if let Err(error) = flood.stream(0).compare(0, &content) {
            panic!(
                "killed at {at} bytes, {} in the file: {error}",
                content.len()
            );
        }
    }
}

#[test]
fn a_daemon_that_was_killed_appends_to_its_file_at_the_next_start() {
    let scratch = Scratch::new();
    let path = scratch.join("out.log");
    let setup = Setup::new(to_file("{dir}/out.log", FORMAT, ""));
    let flood = Flood::new(200_000);
    let daemon = setup.splashdam(&scratch);
    let sending = flood.start(daemon.port());
    wait_for_bytes(&path, flood.file_bytes() / 4);
    daemon.kill();
    drop(sending);
    let before = std::fs::read(&path).unwrap();

    let daemon = setup.splashdam(&scratch);
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    let content = std::fs::read(&path).unwrap();
    let (old, new) = content.split_at(before.len());
    assert!(old == before, "what was there has changed");
    flood.check_file(&scratch.write("new", new));
}

#[test]
fn a_rotation_cuts_no_line() {
    const ROTATIONS: usize = 8;
    let scratch = Scratch::new();
    let path = scratch.join("out.log");
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    let flood = Flood {
        rate: 300_000,
        ..Flood::new(500_000)
    };
    let sending = flood.start(daemon.port());
    let mut parts = Vec::new();
    for number in 0..ROTATIONS {
        wait_for_bytes(&path, 100_000);
        let part = scratch.join(&format!("out.log.{number}"));
        std::fs::rename(&path, &part).unwrap();
        daemon.signal("HUP");
        parts.push(part);
    }
    parts.push(path);
    sending.finish();
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    let mut stream = flood.stream(0);
    let mut at = 0;
    for part in parts {
        let content = std::fs::read(&part).unwrap();
        assert!(
            content.ends_with(b"\n"),
            "{} ends within a line",
            part.display()
        );
        if let Err(error) = stream.compare(at, &content) {
            panic!("{}: {error}", part.display());
        }
        at += content.len() as u64;
    }
    assert_eq!(at, flood.file_bytes());
}

#[test]
fn copytruncate_leaves_pieces_of_what_was_sent() {
    let scratch = Scratch::new();
    let path = scratch.join("out.log");
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    let configuration = format!(
        "{} {{\n copytruncate\n rotate 1000\n nodateext\n nocompress\n}}\n",
        path.display()
    );
    let configuration = scratch.write("logrotate.conf", configuration);
    // Long enough for several rotations, however fast the machine is.
    let flood = Flood {
        rate: 300_000,
        ..Flood::new(500_000)
    };
    let mut sending = flood.start(daemon.port());
    let mut rotations = 0_u64;
    while !sending.is_over() {
        wait_for_bytes(&path, 1);
        rotate(&configuration, &scratch);
        rotations += 1;
    }
    sending.finish();
    daemon.wait_until_delivered(flood.messages);
    // Whoever comes after the last rotation begins a file.
    rotate(&configuration, &scratch);
    rotations += 1;
    let last = Flood {
        first_connection: 1,
        ..Flood::new(1000)
    };
    last.run(daemon.port());
    daemon.wait_until_delivered(flood.messages + last.messages);
    daemon.stop();
    last.check_file(&path);

    // The oldest has the highest number.
    let mut stream = flood.stream(0);
    let mut at = 0;
    let mut lost = 0;
    for number in (1..=rotations).rev() {
        let name = format!("out.log.{number}");
        let content = scratch.read(&name);
        if content.is_empty() {
            continue;
        }
        assert!(!content.contains(&0), "a NUL byte in {name}");
        let start = stream.locate(&content);
        let start = start.unwrap_or_else(|| panic!("no message in {name}"));
        if let Err(error) = stream.compare(start, &content) {
            panic!("{name} is not one piece of what was sent: {error}");
        }
        assert!(start >= at, "{name} repeats what is in the file before it");
        // What came between logrotate's copy and its truncation.
        lost += start - at;
        at = start + content.len() as u64;
    }
    assert!(at <= flood.file_bytes());
    assert!(
        rotations > 2,
        "the flood was over before it was rotated twice"
    );
    let lost = lost + flood.file_bytes() - at;
    println!("{rotations} rotations; copytruncate itself lost {lost} bytes");
}

fn rotate(configuration: &Path, scratch: &Scratch) {
    let mut command = program("logrotate");
    command
        .args(["--force", "--state"])
        .arg(scratch.join("state"))
        .arg(configuration);
    command.assert().success();
}

#[test]
fn a_file_that_was_truncated_goes_on_at_its_beginning() {
    let scratch = Scratch::new();
    let path = scratch.join("out.log");
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    // Sizes around pages, so that the next write would and would not be aligned.
    for (round, messages) in [1_u64, 27, 28, 5000, 100_000].into_iter().enumerate() {
        let flood = Flood::new(messages);
        flood.run(daemon.port());
        wait_for_bytes(&path, flood.file_bytes());
        flood.check_file(&path);
        let file = File::options().write(true).open(&path).unwrap();
        file.set_len(0).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0, "round {round}");
    }
    daemon.stop();
}
