//! What an operator sees of the queues, and does to them.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::Value;

use crate::support::{
    Daemon, Flood, Scratch, Setup, ctl, splashdam, to_file, wait_for, wait_for_text,
};

const MESSAGES: u64 = 20_000;

const SCRAPE_TIME_MAX: Duration = Duration::from_secs(20);

/// A daemon whose action `out` has a queue, and which exports metrics.
fn start(scratch: &Scratch) -> Daemon {
    let rules = to_file(
        "{dir}/out.log",
        "RSYSLOG_TraditionalFileFormat",
        "queue.type=\"LinkedList\" queue.size=\"4000\" queue.timeoutShutdown=\"60000\"",
    );
    Setup::new(rules)
        .own_hostname("metricsListen=\"127.0.0.1:0\"")
        .splashdam(scratch)
}

fn queue(scratch: &Scratch, name: &str) -> Value {
    let (is_ok, said) = ctl(scratch, &["queues", "--json"]);
    assert!(is_ok, "{said}");
    let queues: Value = serde_json::from_str(&said).unwrap();
    let queues = queues.as_array().expect("an array");
    let names: Vec<&str> = queues
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["main", "out"]);
    let found = queues.iter().find(|queue| queue["name"] == name);
    found.unwrap().clone()
}

fn count(queue: &Value, field: &str) -> u64 {
    let count = queue[field].as_u64();
    count.unwrap_or_else(|| panic!("no count {field} in {queue}"))
}

/// What was discarded for all reasons.
fn discarded(queue: &Value) -> u64 {
    let fields = queue.as_object().unwrap().iter();
    let fields = fields.filter(|(name, _)| name.starts_with("discarded_"));
    fields.filter_map(|(_, count)| count.as_u64()).sum()
}

fn balances(queue: &Value) -> bool {
    let gone = count(queue, "acknowledged") + discarded(queue);
    let there = count(queue, "held") + count(queue, "in_hand");
    count(queue, "enqueued") == gone + there
}

/// Waits until a queue is as it should be.
#[track_caller]
fn wait_for_queue(scratch: &Scratch, name: &str, what: &str, is: impl Fn(&Value) -> bool) -> Value {
    wait_for(what, || Some(queue(scratch, name)).filter(&is))
}

fn order(scratch: &Scratch, arguments: &[&str]) -> String {
    let (is_ok, said) = ctl(scratch, &[&["queue"], arguments].concat());
    assert!(is_ok, "{said}");
    said
}

/// Messages of the severities err and info in turn.
fn mixed(count: usize, word: &str) -> String {
    let line = |index: usize| {
        let (priority, severity) = if index.is_multiple_of(2) {
            (11, "err")
        } else {
            (14, "info")
        };
        format!("<{priority}>Oct 11 22:14:15 host tag: {word} {index} {severity}\n")
    };
    (0..count).map(line).collect()
}

/// The port at which metrics are read, as the daemon says at its start.
fn metrics_port(scratch: &Scratch) -> u16 {
    let log = scratch.join("own.log");
    wait_for_text(&log, "/metrics\n");
    let text = std::fs::read_to_string(log).unwrap();
    let (_, rest) = text.split_once("metrics at http://127.0.0.1:").unwrap();
    rest.split('/').next().unwrap().parse().unwrap()
}

fn scrape(port: u16, request: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    write!(
        stream,
        "{request} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    )
    .unwrap();
    // Shorter than a silent client may keep its place.
    stream.set_read_timeout(Some(SCRAPE_TIME_MAX)).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// The value of a series.
fn metric(text: &str, series: &str) -> u64 {
    let mut lines = text.lines();
    let value = lines.find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    let value = value.unwrap_or_else(|| panic!("no {series} in {text}"));
    value.trim().parse().unwrap()
}

#[test]
fn a_queue_is_seen_paused_purged_and_resumed() {
    let scratch = Scratch::new();
    let daemon = start(&scratch);
    // It is seen to flow as long as messages come.
    let mut messages = MESSAGES;
    wait_for("the queue to flow", || {
        daemon.send("<13>Oct 11 22:14:15 host tag: flows\n");
        messages += 1;
        let seen = queue(&scratch, "out");
        let is_in = seen["enqueued_per_second"].as_f64().expect("a rate") > 0.0;
        let is_out = seen["handed_over_per_second"].as_f64().expect("a rate") > 0.0;
        (seen["state"][0] == "flowing" && is_in && is_out).then_some(())
    });
    Flood::new(MESSAGES).run(daemon.port());
    for name in ["main", "out"] {
        let what = format!("the account of {name} to balance");
        let seen = wait_for_queue(&scratch, name, &what, |queue| {
            count(queue, "acknowledged") >= messages && balances(queue)
        });
        assert_eq!(seen["oldest_seconds"], Value::Null, "{seen}");
        assert_eq!(count(&seen, "workers_max"), 1);
    }

    let said = order(&scratch, &["out", "pause"]);
    assert!(said.contains("paused"), "{said}");
    daemon.send(mixed(500, "purged"));
    let held = wait_for_queue(&scratch, "out", "500 messages to wait", |queue| {
        count(queue, "held") == 500
    });
    assert_eq!(held["state"], serde_json::json!(["paused"]), "{held}");
    assert!(balances(&held), "{held}");
    let age = held["oldest_seconds"].as_f64().expect("an age");
    wait_for_queue(&scratch, "out", "the oldest to get older", |queue| {
        assert_eq!(count(queue, "held"), 500);
        queue["oldest_seconds"].as_f64().expect("an age") > age
    });
    let (is_ok, table) = ctl(&scratch, &["queues"]);
    let line = table.lines().find(|line| line.starts_with("out "));
    let line = line.unwrap_or_else(|| panic!("{table}"));
    assert!(
        is_ok && line.contains(" 500/4000 ") && line.contains(" paused "),
        "{table}"
    );

    let said = order(&scratch, &["out", "purge", "--severity", "info"]);
    assert!(
        said.contains("250 messages of severity info or less"),
        "{said}"
    );
    let purged = queue(&scratch, "out");
    assert_eq!(count(&purged, "held"), 250, "{purged}");
    assert_eq!(count(&purged, "discarded_purged"), 250, "{purged}");
    assert!(balances(&purged), "{purged}");
    assert_eq!(
        daemon.accounts().listener("imptcp", "received"),
        messages + 500
    );

    order(&scratch, &["out", "resume"]);
    let end = wait_for_queue(&scratch, "out", "the rest to be written", |queue| {
        count(queue, "acknowledged") == messages + 250
    });
    assert!(balances(&end), "{end}");
    let written = String::from_utf8(scratch.read("out.log")).unwrap();
    let rest: Vec<&str> = written
        .lines()
        .filter_map(|line| line.split_once("tag: purged ").map(|(_, rest)| rest))
        .collect();
    let expected: Vec<String> = (0..500)
        .step_by(2)
        .map(|index| format!("{index} err"))
        .collect();
    assert_eq!(rest, expected);
    assert_eq!(written.lines().count() as u64, messages + 250);

    // What an operator has done is told.
    for told in [
        "queue 'out': paused; 0 messages are in it (by ctl)",
        "queue 'out': 250 messages of severity info or less important were discarded (by ctl)",
        "queue 'out': resumed (by ctl)",
    ] {
        wait_for_text(&scratch.join("own.log"), told);
    }

    // The same numbers are exported.
    let port = metrics_port(&scratch);
    let answer = scrape(port, "GET /metrics");
    assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
    assert!(
        answer.contains("content-type: text/plain; version=0.0.4"),
        "{answer}"
    );
    let of = |name: &str| metric(&answer, &format!("splashdam_queue_{name}{{queue=\"out\"}}"));
    assert_eq!(of("enqueued_total"), count(&end, "enqueued"));
    assert_eq!(of("acknowledged_total"), count(&end, "acknowledged"));
    assert_eq!(of("held"), 0);
    let series = "splashdam_queue_discarded_total{queue=\"out\",reason=\"purged\"}";
    assert_eq!(metric(&answer, series), 250);
    let series = "splashdam_action_delivered_total{action=\"out\"}";
    assert_eq!(metric(&answer, series), messages + 250);
    let series = format!(
        "splashdam_input_received_total{{input=\"imptcp\",address=\"127.0.0.1:{}\"}}",
        daemon.port()
    );
    assert_eq!(metric(&answer, &series), messages + 500);
    assert!(scrape(port, "POST /queues/out/pause").starts_with("HTTP/1.1 404"));
    assert!(scrape(port, "GET /connections").starts_with("HTTP/1.1 404"));
    assert!(scrape(port, "POST /metrics").starts_with("HTTP/1.1 405"));

    daemon.signal("TERM");
    assert!(daemon.wait().success());
}

#[test]
fn queues_and_actions_that_are_called_alike_have_numbers_everywhere() {
    let scratch = Scratch::new();
    let rules = to_file("{dir}/out.log", "RSYSLOG_FileFormat", "");
    let daemon = Setup::new(format!(
        "ruleset(name=\"twice\" queue.type=\"LinkedList\") {{ {} }}\n{rules}",
        "action(type=\"omfile\" file=\"{dir}/twice.log\" name=\"twice\" \
         queue.type=\"LinkedList\")\ncall third\n"
    ))
    .statements("ruleset(name=\"third\") { action(type=\"omdiscard\" name=\"twice\") }\n")
    .splashdam(&scratch);
    let (is_ok, said) = ctl(&scratch, &["stats"]);
    let has = |line: &str| said.lines().any(|found| found.starts_with(line));
    assert!(is_ok && has("queue   twice ("), "{said}");
    assert!(has("queue   twice#2 ("), "{said}");
    assert!(has("action  twice:") && has("action  twice#2:"), "{said}");
    daemon.stop();
}

#[test]
fn a_stop_ends_a_pause_and_an_unknown_queue_is_refused() {
    let scratch = Scratch::new();
    let daemon = start(&scratch);
    for (arguments, expected) in [
        (
            &["ot", "pause"][..],
            "there is no queue 'ot'; did you mean 'out'?",
        ),
        (
            &["zzz", "purge"][..],
            "there is no queue 'zzz', but main, out",
        ),
        (
            &["out", "purge", "--severity", "loud"][..],
            "there is no severity 'loud', but 0 to 7 and emerg, alert",
        ),
        (
            &["out", "purge", "--severity", "8"][..],
            "there is no severity '8', but 0 to 7",
        ),
        (
            &["out", "purge", "--severity", ""][..],
            "a value is required for '--severity",
        ),
    ] {
        let (is_ok, said) = ctl(&scratch, &[&["queue"], arguments].concat());
        assert!(!is_ok && said.contains(expected), "{said}");
    }
    order(&scratch, &["out", "pause"]);
    daemon.send(mixed(10, "kept"));
    wait_for_queue(&scratch, "out", "10 messages to wait", |queue| {
        count(queue, "held") == 10
    });

    let said = order(&scratch, &["out", "purge", "--severity", "7"]);
    assert!(
        said.contains("0 messages of severity debug or less"),
        "{said}"
    );

    // Clients that ask nothing keep nobody out.
    let port = metrics_port(&scratch);
    let silent = || TcpStream::connect(("127.0.0.1", port)).unwrap();
    let silent: Vec<TcpStream> = std::iter::repeat_with(silent).take(100).collect();
    assert!(scrape(port, "GET /metrics").contains("splashdam_queue_paused"));
    drop(silent);

    // The port of the metrics is taken: a second daemon says so.
    let taken = metrics_port(&scratch);
    scratch.write(
        "second.conf",
        format!(
            "global(adminSocket=\"second.sock\" metricsListen=\"127.0.0.1:{taken}\")\n\
             *.* /dev/null\n"
        ),
    );
    let mut second = splashdam(scratch.path());
    let output = second.args(["-n", "-f", "second.conf"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    let expected = format!("cannot listen on 127.0.0.1:{taken} for metrics (metricsListen)");
    assert!(!output.status.success(), "{error}");
    assert!(
        error.contains(&expected) && error.contains("in use"),
        "{error}"
    );

    daemon.signal("TERM");
    assert!(daemon.wait().success());
    let written = String::from_utf8(scratch.read("out.log")).unwrap();
    assert_eq!(written.matches("tag: kept ").count(), 10);
}
