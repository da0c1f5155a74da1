//! What the daemon uses while it has nothing to do, and at most.

use std::time::{Duration, Instant};

use crate::support::{Flood, Scratch, Setup, memory_kib, to_file, wait_for};

const FORMAT: &str = "RSYSLOG_TraditionalFileFormat";

/// CPU time of a process, in clock ticks: utime and stime of proc(5).
fn cpu_ticks(pid: u32) -> u64 {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name, in parentheses, may hold anything.
    let (_, fields) = stat.rsplit_once(')').unwrap();
    let fields: Vec<&str> = fields.split_whitespace().collect();
    [fields[11], fields[12]]
        .iter()
        .map(|ticks| ticks.parse::<u64>().unwrap())
        .sum()
}

/// Lets time pass.
fn rest(time: Duration) {
    let begin = Instant::now();
    wait_for("time to pass", || (begin.elapsed() >= time).then_some(()));
}

#[test]
fn a_daemon_at_rest_uses_no_cpu() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    let flood = Flood {
        connections: 10,
        ..Flood::new(100_000)
    };
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    let silent = daemon.connect();
    rest(Duration::from_secs(2));
    let before = cpu_ticks(daemon.pid());
    rest(Duration::from_secs(3));
    let used = cpu_ticks(daemon.pid()) - before;
    assert!(used <= 1, "{used} ticks in three seconds of rest");
    drop(silent);
    daemon.stop();
}

#[test]
fn a_daemon_with_a_suspended_action_at_rest_uses_no_cpu() {
    let scratch = Scratch::new();
    let rules = to_file(
        "{dir}/missing/out.log",
        FORMAT,
        "createDirs=\"off\" action.resumeInterval=\"600\"",
    );
    let daemon = Setup::new(rules)
        .queue(
            "queue.size=\"1000\" queue.timeoutShutdown=\"0\" queue.timeoutActionCompletion=\"0\"",
        )
        .splashdam(&scratch);
    // More than driver, queue and sockets can hold: everything waits.
    let flood = Flood {
        message_bytes: 4000,
        ..Flood::new(20_000)
    };
    let mut sending = flood.start(daemon.port());
    daemon.wait_for_accounts("inputs that are pushed back", |now| now.input("held") > 0);
    rest(Duration::from_secs(2));
    let before = cpu_ticks(daemon.pid());
    rest(Duration::from_secs(3));
    let used = cpu_ticks(daemon.pid()) - before;
    assert!(
        used <= 1,
        "{used} ticks in three seconds in which everything waits"
    );
    assert!(!sending.is_over());
    daemon.check_accounts();
    daemon.signal("TERM");
    assert!(daemon.wait().success());
}

#[test]
fn a_fresh_daemon_is_small() {
    let scratch = Scratch::new();
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, "")).splashdam(&scratch);
    // What is mapped of the program itself is shared, and twice as much where
    // it is not optimised.
    let field = if cfg!(debug_assertions) {
        "RssAnon"
    } else {
        "VmRSS"
    };
    let resident = memory_kib(daemon.pid(), field);
    assert!(resident < 24 << 10, "{field}: {resident} KiB");
    daemon.stop();
}

#[test]
fn memory_is_bounded_under_a_flood() {
    let scratch = Scratch::new();
    // The queue of the default configuration.
    let daemon = Setup::new(to_file("{dir}/out.log", FORMAT, ""))
        .queue("queue.size=\"200000\" queue.maxMemory=\"256m\" queue.timeoutShutdown=\"60000\"")
        .splashdam(&scratch);
    let flood = Flood {
        connections: 20,
        ..Flood::new(1_000_000)
    };
    flood.run(daemon.port());
    daemon.wait_until_delivered(flood.messages);
    let highest = memory_kib(daemon.pid(), "VmHWM");
    assert!(highest < 128 << 10, "{highest} KiB at most");
    daemon.stop();
}
