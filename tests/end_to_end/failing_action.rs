//! An action that cannot do its work: what it says, and what becomes of its
//! messages.

use std::time::{Duration, Instant};

use crate::support::{Flood, Scratch, Setup, program, to_file, wait_for};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";
const NAME: &str = "out";
const MESSAGE: &str = "<13>Oct 11 22:14:15 host tag: text\n";

#[test]
fn an_action_that_gives_up_says_so_once_though_its_own_messages_go_to_it() {
    let scratch = Scratch::new();
    let parameters = "createDirs=\"off\" action.resumeRetryCount=\"0\"";
    let daemon =
        Setup::new(to_file("{dir}/missing/out.log", FORMAT, parameters)).splashdam(&scratch);
    for sent in 1..=5 {
        daemon.send(MESSAGE);
        daemon.wait_for_accounts("messages given up", |accounts| {
            accounts.action(NAME, "discarded_retries") >= sent
        });
    }
    // A flood of own messages would show at once.
    let start = Instant::now();
    wait_for("half a second", || {
        (start.elapsed() > Duration::from_millis(500)).then_some(())
    });
    let accounts = daemon.accounts();
    assert_eq!(accounts.action(NAME, "suspensions"), 1);
    assert!(
        accounts.own("received") <= 5,
        "{}",
        accounts.own("received")
    );
    let told = daemon.stderr();
    assert_eq!(told.matches("suspended").count(), 1, "{told}");
    assert!(told.contains("No such file or directory"), "{told}");
    daemon.stop();
}

/// At a stop only what is lost is told as lost, not what came behind it and is
/// in the file of another action.
#[test]
fn what_another_action_has_written_is_not_told_as_discarded() {
    let scratch = Scratch::new();
    let rules = format!(
        "*.=crit action(type=\"omfile\" name=\"lost\" file=\"{{dir}}/missing/out.log\" \
         createDirs=\"off\")\n{}",
        to_file("{dir}/out.log", FORMAT, "")
    );
    let daemon = Setup::new(rules)
        .queue("queue.timeoutShutdown=\"100\" queue.timeoutActionCompletion=\"100\"")
        .splashdam(&scratch);
    daemon.send("<10>Oct 11 22:14:15 host tag: critical\n");
    daemon.wait_for_accounts("a suspended action", |now| now.is_suspended("lost"));
    let flood = Flood::new(5000);
    flood.run(daemon.port());
    daemon.wait_for_accounts("all in the other file", |now| {
        now.action("out", "delivered") == flood.messages + 1
    });
    daemon.signal("TERM");
    let stderr = scratch.join("stderr");
    assert!(daemon.wait().success());
    let told = std::fs::read_to_string(stderr).unwrap();
    assert!(told.contains(" 1 messages were discarded"), "{told}");
}

#[test]
fn a_fifo_without_a_reader_suspends_and_does_not_hang() {
    let scratch = Scratch::new();
    program("mkfifo")
        .arg(scratch.join("pipe"))
        .assert()
        .success();
    let daemon = Setup::new(to_file("{dir}/pipe", FORMAT, ""))
        .queue("queue.timeoutShutdown=\"100\" queue.timeoutActionCompletion=\"100\"")
        .splashdam(&scratch);
    daemon.send(MESSAGE);
    daemon.wait_for_accounts("a suspended action", |accounts| accounts.is_suspended(NAME));
    daemon.signal("TERM");
    let stderr = scratch.join("stderr");
    assert!(daemon.wait().success());
    let told = std::fs::read_to_string(stderr).unwrap();
    assert!(told.contains("messages were discarded"), "{told}");
}
