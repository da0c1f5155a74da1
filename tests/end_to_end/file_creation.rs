//! Where output files are made, how, and on which file systems.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use crate::support::{Flood, Scratch, Setup, splashdam, to_file, wait_for_text};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

/// The permission bits of a file or directory.
fn mode(path: &Path) -> u32 {
    let metadata = std::fs::metadata(path);
    let metadata = metadata.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    metadata.permissions().mode() & 0o7777
}

fn octal(mode: u32) -> String {
    format!("{mode:04o}")
}

/// Starts a daemon that writes `a/b/out.log` under these settings, and compares
/// the modes of `a`, `a/b`, and the file.
#[track_caller]
fn check_modes(statements: &str, parameters: &str, expected: [u32; 3]) {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/a/b/out.log", FORMAT, parameters))
        .statements(statements)
        .splashdam(&scratch);
    daemon.send("<13>Oct 11 22:14:15 host tag: text\n");
    daemon.wait_until_delivered(1);
    daemon.stop();
    assert_eq!(
        scratch.read("a/b/out.log"),
        b"Oct 11 22:14:15 host tag: text\n"
    );
    let modes = ["a", "a/b", "a/b/out.log"].map(|name| mode(&scratch.join(name)));
    assert_eq!(modes.map(octal), expected.map(octal));
}

#[test]
fn directories_and_files_have_the_default_modes() {
    check_modes("global(umask=\"0000\")", "", [0o700, 0o700, 0o644]);
}

#[test]
fn directories_and_files_have_the_modes_of_the_action() {
    check_modes(
        "$Umask 0000",
        "fileCreateMode=\"0640\" dirCreateMode=\"0751\"",
        [0o751, 0o751, 0o640],
    );
}

#[test]
fn the_umask_takes_from_the_modes() {
    check_modes(
        "global(umask=\"0027\")",
        "fileCreateMode=\"0666\" dirCreateMode=\"0777\"",
        [0o750, 0o750, 0o640],
    );
}

#[test]
fn a_file_that_is_there_keeps_its_mode_and_its_content() {
    let scratch = Scratch::new();
    let path = scratch.write("out.log", "what was there\n");
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o604)).unwrap();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    daemon.send("<13>Oct 11 22:14:15 host tag: text\n");
    daemon.wait_until_delivered(1);
    daemon.stop();
    assert_eq!(mode(&path), 0o604);
    let content = scratch.read("out.log");
    assert_eq!(content, b"what was there\nOct 11 22:14:15 host tag: text\n");
}

#[test]
fn a_missing_directory_suspends_the_action_until_it_is_made() {
    let scratch = Scratch::new();
    let rules = to_file(
        "{dir}/missing/out.log",
        FORMAT,
        "createDirs=\"off\" action.resumeInterval=\"1\"",
    );
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(1000);
    flood.run(daemon.port());
    let accounts = daemon.wait_for_accounts("a suspended action", |now| {
        now.is_suspended("out") && now.action("out", "held") == flood.messages
    });
    assert_eq!(accounts.balance(), Ok(()));
    let told = daemon.stderr();
    assert!(
        told.contains("'out' suspended") && told.contains("No such file"),
        "{told}"
    );
    assert!(!scratch.join("missing").exists());
    std::fs::create_dir(scratch.join("missing")).unwrap();
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    flood.check_file(&scratch.join("missing/out.log"));
    let own = String::from_utf8(scratch.read("own.log")).unwrap();
    assert!(own.contains("action 'out' resumed"), "{own}");
}

#[test]
fn an_action_that_may_not_retry_gives_up_and_counts_what_it_gave_up() {
    let scratch = Scratch::new();
    let rules = to_file(
        "{dir}/missing/out.log",
        FORMAT,
        "createDirs=\"off\" action.resumeRetryCount=\"0\"",
    );
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(1000);
    flood.run(daemon.port());
    let accounts = daemon.wait_until_delivered(flood.messages);
    assert_eq!(accounts.action("out", "discarded_retries"), flood.messages);
    // It counts as suspended until it has written something.
    assert!(accounts.is_suspended("out"));
    daemon.stop();
    let told = String::from_utf8(scratch.read("stderr")).unwrap();
    let given_up = format!("'out' gave up {} messages", flood.messages);
    assert!(told.contains(&given_up), "{told}");
}

#[test]
fn a_suspended_action_beside_another_one_delays_it_and_loses_nothing() {
    let scratch = Scratch::new();
    let rules = format!(
        "{}*.* action(type=\"omfile\" name=\"late\" file=\"{{dir}}/missing/late.log\" \
         template=\"{FORMAT}\" createDirs=\"off\" action.resumeInterval=\"1\")\n",
        to_file("{dir}/out.log", FORMAT, "")
    );
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(100_000);
    let sending = flood.start(daemon.port());
    daemon.wait_for_accounts("a suspended action", |now| now.is_suspended("late"));
    std::fs::create_dir(scratch.join("missing")).unwrap();
    sending.finish();
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
    flood.check_file(&scratch.join("missing/late.log"));
}

/// Sends a flood through a daemon that writes below `directory`.
fn deliver(directory: &Path, without: &str) {
    let scratch = Scratch::below(directory);
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .environment("SPLASHDAM_WITHOUT", without)
        .splashdam(&scratch);
    let flood = Flood {
        connections: 3,
        ..Flood::new(100_000)
    };
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
}

#[test]
fn a_file_system_in_memory_takes_the_same_file() {
    // Without O_DIRECT in older kernels, with it in newer ones.
    deliver(Path::new("/dev/shm"), "");
}

#[test]
fn without_direct_writes_the_file_is_the_same() {
    deliver(&std::env::temp_dir(), "direct");
}

#[test]
fn without_receive_bundles_the_file_is_the_same() {
    deliver(&std::env::temp_dir(), "bundles");
}

#[test]
fn without_both_the_file_is_the_same() {
    deliver(&std::env::temp_dir(), "direct,bundles");
}

#[test]
fn an_ability_that_nobody_knows_stops_the_start() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    daemon.stop();
    let mut command = splashdam(scratch.path());
    command
        .args(["-n", "-f", "daemon.conf"])
        .env("SPLASHDAM_WITHOUT", "warp");
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8(output.stderr).unwrap();
    assert!(
        told.contains("SPLASHDAM_WITHOUT: unknown word 'warp'"),
        "{told}"
    );
}

#[test]
fn synchronous_writes_make_the_same_file() {
    let scratch = Scratch::new();
    let rules = to_file("{dir}/out.log", FORMAT, "sync=\"on\"");
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(50_000);
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    daemon.stop();
    flood.check_file(&scratch.join("out.log"));
}

#[test]
fn a_device_can_be_written() {
    let scratch = Scratch::new();
    let rules = to_file("/dev/null", FORMAT, "");
    let daemon = Setup::new(rules).splashdam(&scratch);
    let flood = Flood::new(10_000);
    flood.run(daemon.port());
    let accounts = daemon.wait_until_delivered(flood.messages);
    assert_eq!(accounts.action("out", "delivered"), flood.messages);
    daemon.stop();
}

#[test]
fn a_single_message_appears_without_more_coming() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    let connection = daemon.connect();
    std::io::Write::write_all(&mut &connection, b"<13>Oct 11 22:14:15 host tag: alone\n").unwrap();
    wait_for_text(&scratch.join("out.log"), "host tag: alone\n");
    drop(connection);
    daemon.stop();
}
