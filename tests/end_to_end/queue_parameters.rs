//! Every parameter of a queue in memory, in both syntaxes, in front of a ruleset and
//! of an action: what an operator sees of it.

use std::path::Path;
use std::time::Duration;

use crate::support::{Daemon, Scratch, Setup, ctl, wait_for};

/// What the queue stands in front of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    Ruleset,
    Action,
}

/// How it is configured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Syntax {
    /// `queue.size="100"`
    New,
    /// `$MainMsgQueueSize 100`, `$ActionQueueSize 100`
    Old,
}

/// Name of the queue, of its ruleset and of its action.
const NAME: &str = "out";

/// The directive's end where it is not that of the new syntax; nothing where there
/// is no directive.
fn legacy(name: &str) -> Option<String> {
    let suffix = match name {
        "maxMemory"
        | "lightDelayMark"
        | "fullDelayMark"
        | "samplingInterval"
        | "minDequeueBatchSize"
        | "minDequeueBatchSize.timeout" => return None,
        "timeoutWorkerThreadShutdown" => "WorkerTimeoutThreadShutdown",
        _ => name,
    };
    let (first, rest) = suffix.split_at(1);
    Some(format!("Queue{}{rest}", first.to_uppercase()))
}

/// A daemon whose one queue beside the main queue has these parameters.
struct Case {
    place: Place,
    syntax: Syntax,
    parameters: Vec<(&'static str, String)>,
    /// More parameters of the listener.
    input: &'static str,
    /// More parameters of the action, in the new syntax.
    action: &'static str,
}

impl Case {
    fn new(place: Place, syntax: Syntax, parameters: &[(&'static str, &str)]) -> Case {
        let kind = ("type", "LinkedList");
        let has_kind = parameters.iter().any(|(name, _)| *name == kind.0);
        let all = parameters.iter().chain(Some(&kind).filter(|_| !has_kind));
        Case {
            place,
            syntax,
            parameters: all
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect(),
            input: "",
            action: "",
        }
    }

    fn input(self, input: &'static str) -> Case {
        Case { input, ..self }
    }

    fn action(self, action: &'static str) -> Case {
        Case { action, ..self }
    }

    fn setup(&self) -> Setup {
        let file = "{dir}/out.log";
        let prefix = match self.place {
            Place::Ruleset => "MainMsg",
            Place::Action => "Action",
        };
        let mut new = String::new();
        let mut old = String::new();
        for (name, value) in &self.parameters {
            new.push_str(&format!("queue.{name}=\"{value}\" "));
            if self.syntax == Syntax::Old {
                let suffix = legacy(name).expect("a parameter with a directive");
                old.push_str(&format!("${prefix}{suffix} {value}\n"));
            }
        }
        let action = |queue: &str| {
            format!(
                "action(type=\"omfile\" name=\"{NAME}\" file=\"{file}\" {} {queue})",
                self.action
            )
        };
        let ruleset =
            |queue: &str, rule: &str| format!("ruleset(name=\"{NAME}\" {queue}) {{\n{rule}\n}}\n");
        let rules = match (self.place, self.syntax) {
            (Place::Ruleset, Syntax::New) => ruleset(&new, &action("")),
            (Place::Action, Syntax::New) => ruleset("", &action(&new)),
            (Place::Ruleset, Syntax::Old) => format!(
                "$RuleSet {NAME}\n{old}$RulesetCreateMainQueue on\n{}\n\
                 $RuleSet RSYSLOG_DefaultRuleset\n",
                action("")
            ),
            (Place::Action, Syntax::Old) => format!(
                "$RuleSet {NAME}\n{old}$ActionName {NAME}\n*.* {file}\n\
                 $RuleSet RSYSLOG_DefaultRuleset\n"
            ),
        };
        let rules = format!("{rules}*.* action(type=\"omfile\" file=\"{{dir}}/own.log\")");
        Setup::new(rules).input(&format!("ruleset=\"{NAME}\" {}", self.input))
    }

    fn start(&self, scratch: &Scratch) -> Running {
        Running(self.setup().splashdam(scratch))
    }
}

/// Runs a test with a queue of each kind of place and syntax.
fn everywhere(parameters: &[(&'static str, &str)], test: impl Fn(Case)) {
    for place in [Place::Ruleset, Place::Action] {
        test(Case::new(place, Syntax::New, parameters));
        if parameters.iter().all(|(name, _)| legacy(name).is_some()) {
            test(Case::new(place, Syntax::Old, parameters));
        }
    }
}

struct Running(Daemon);

impl Running {
    /// Sends messages of a severity, on a connection of their own.
    fn send(&self, count: u64, severity: u8) {
        let message = format!("<{}>Oct 11 22:14:15 host tag: text\n", 8 + severity);
        self.0.send(message.repeat(count as usize));
    }

    /// A count of the queue.
    #[track_caller]
    fn wait(&self, what: &str, field: &str, count: u64) {
        let what = format!("{what}: {field} = {count}");
        self.0
            .wait_for_accounts(&what, |now| now.queue_of(NAME, field) == count);
    }

    /// The same, and a while later it still is so.
    #[track_caller]
    fn stays(&self, what: &str, field: &str, count: u64) {
        self.wait(what, field, count);
        std::thread::sleep(Duration::from_millis(150));
        assert_eq!(self.count(field), count, "{what}: {field}");
    }

    fn count(&self, field: &str) -> u64 {
        self.0.accounts().queue_of(NAME, field)
    }

    /// Its main queue, paused, becomes full to its light delay mark.
    #[track_caller]
    fn main_is_full(self, scratch: &Scratch, kind: &str) {
        self.send(3000, 6);
        // The daemon's own messages are among them.
        self.0
            .wait_for_accounts("a full main queue", |now| now.queue("held") == 700);
        wait_for("two workers", || {
            let (_, said) = ctl(scratch, &["queues"]);
            (said.contains(kind) && said.contains("2/2")).then_some(())
        });
        let (is_ok, said) = ctl(scratch, &["queue", "main", "resume"]);
        assert!(is_ok, "{said}");
        self.0.wait_until_delivered(3000);
        self.end();
    }

    fn switch(&self, scratch: &Scratch, command: &str) {
        let (is_ok, said) = ctl(scratch, &["queue", NAME, command]);
        assert!(is_ok, "{said}");
    }

    /// Its worker threads of the queue.
    fn workers(&self) -> usize {
        let tasks = format!("/proc/{}/task", self.0.pid());
        let tasks = std::fs::read_dir(Path::new(&tasks)).unwrap();
        let names =
            tasks.filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("comm")).ok());
        names.filter(|name| name.starts_with("worker-out")).count()
    }

    #[track_caller]
    fn wait_for_workers(&self, count: usize) {
        wait_for(&format!("{count} workers"), || {
            (self.workers() == count).then_some(())
        });
    }

    fn end(self) {
        self.0.stop();
    }
}

/// What the messages are to a listener of which senders do not wait.
const NO_WAIT: &str = "flowControl=\"off\"";

#[test]
fn the_type_is_that_of_the_configuration() {
    for kind in ["FixedArray", "LinkedList"] {
        everywhere(&[("type", kind)], |case| {
            let scratch = Scratch::new();
            let daemon = case.start(&scratch);
            daemon.send(10, 6);
            daemon.wait(kind, "acknowledged", 10);
            let (_, said) = ctl(&scratch, &["queues", "--json"]);
            assert!(said.contains(&format!("\"{kind}\"")), "{said}");
            daemon.end();
        });
    }
    // Without a queue all goes through the main queue.
    everywhere(&[("type", "Direct")], |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.send(10, 6);
        daemon.0.wait_until_delivered(10);
        let (_, said) = ctl(&scratch, &["queues", "--json"]);
        assert!(!said.contains("\"out\""), "{said}");
        daemon.end();
    });
}

#[test]
fn senders_wait_at_the_marks_below_the_size() {
    everywhere(&[("size", "1000")], |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.switch(&scratch, "pause");
        daemon.send(3000, 6);
        // 70 % of the size for inputs, 97 % for workers.
        let mark = match case.place {
            Place::Ruleset => 700,
            Place::Action => 970,
        };
        daemon.stays("size", "held", mark);
        daemon.switch(&scratch, "resume");
        daemon.wait("size", "acknowledged", 3000);
        daemon.end();
    });
    for (name, place) in [
        ("lightDelayMark", Place::Ruleset),
        ("fullDelayMark", Place::Action),
    ] {
        let scratch = Scratch::new();
        let parameters = [("size", "1000"), (name, "123")];
        let daemon = Case::new(place, Syntax::New, &parameters).start(&scratch);
        daemon.switch(&scratch, "pause");
        daemon.send(3000, 6);
        daemon.stays(name, "held", 123);
        daemon.switch(&scratch, "resume");
        daemon.wait(name, "acknowledged", 3000);
        daemon.end();
    }
}

#[test]
fn the_main_queue_has_the_same_parameters() {
    let rules = "*.* action(type=\"omfile\" file=\"{dir}/out.log\")";
    let new = Setup::new(rules).queue("queue.size=\"1000\" queue.workerThreads=\"2\"");
    let old = Setup::new(rules).queue_directives(
        "$MainMsgQueueType LinkedList\n$MainMsgQueueSize 1000\n$MainMsgQueueWorkerThreads 2",
    );
    for (setup, kind) in [(new, "FixedArray"), (old, "LinkedList")] {
        let scratch = Scratch::new();
        let daemon = setup.splashdam(&scratch);
        let (is_ok, said) = ctl(&scratch, &["queue", "main", "pause"]);
        assert!(is_ok, "{said}");
        Running(daemon).main_is_full(&scratch, kind);
    }
}

#[test]
fn max_memory_bounds_what_the_size_would_allow() {
    everywhere(&[("size", "100000"), ("maxMemory", "1m")], |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.switch(&scratch, "pause");
        daemon.send(50_000, 6);
        let full = daemon
            .0
            .wait_for_accounts("a full queue", |now| now.queue_of(NAME, "full") > 0);
        assert!(full.queue_of(NAME, "held") < 30_000);
        std::thread::sleep(Duration::from_millis(100));
        assert!(daemon.count("held_bytes") <= 1 << 20);
        daemon.switch(&scratch, "resume");
        daemon.wait("maxMemory", "acknowledged", 50_000);
        daemon.end();
    });
}

#[test]
fn the_discard_mark_erases_what_is_not_important_enough() {
    for severity in ["6", "info"] {
        let parameters = [("discardMark", "50"), ("discardSeverity", severity)];
        everywhere(&parameters, |case| {
            let scratch = Scratch::new();
            let daemon = case.start(&scratch);
            daemon.switch(&scratch, "pause");
            daemon.send(20, 6);
            daemon.send(20, 7);
            daemon.wait("below the mark", "held", 40);
            // The mark is reached: those that wait are erased.
            daemon.send(30, 3);
            daemon.wait("the mark", "discarded_mark", 40);
            daemon.stays("the mark", "held", 30);
            // It is reached again: these are not taken.
            daemon.send(30, 5);
            daemon.wait("above the mark", "held", 60);
            daemon.send(10, 6);
            daemon.wait("above the mark", "discarded_mark", 50);
            daemon.switch(&scratch, "resume");
            daemon.wait("all others", "acknowledged", 60);
            daemon.end();
        });
    }
}

#[test]
fn what_cannot_wait_is_discarded_after_timeout_enqueue() {
    everywhere(&[("size", "100"), ("timeoutEnqueue", "300")], |case| {
        let scratch = Scratch::new();
        let daemon = case.input(NO_WAIT).start(&scratch);
        daemon.switch(&scratch, "pause");
        daemon.send(250, 6);
        daemon.wait("the size", "held", 100);
        daemon.wait("the time", "discarded_full", 150);
        daemon.switch(&scratch, "resume");
        daemon.wait("the rest", "acknowledged", 100);
        daemon.end();
    });
    everywhere(&[("size", "100"), ("timeoutEnqueue", "600000")], |case| {
        let scratch = Scratch::new();
        let daemon = case.input(NO_WAIT).start(&scratch);
        daemon.switch(&scratch, "pause");
        daemon.send(250, 6);
        daemon.stays("the size", "held", 100);
        daemon.switch(&scratch, "resume");
        daemon.wait("all", "acknowledged", 250);
        daemon.end();
    });
}

#[test]
fn batches_have_their_size_and_a_slow_queue_rests_behind_each() {
    let parameters = [("dequeueBatchSize", "10"), ("dequeueSlowDown", "60000000")];
    everywhere(&parameters, |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.send(100, 6);
        // The next batch would come in ten minutes. They may come in two parts.
        daemon.wait("batches", "enqueued", 100);
        daemon.stays("one batch", "acknowledged", 10);
        daemon.0.signal("KILL");
    });
}

#[test]
fn few_messages_wait_for_a_batch_or_its_time() {
    let parameters = [
        ("minDequeueBatchSize", "10"),
        ("minDequeueBatchSize.timeout", "600000"),
    ];
    everywhere(&parameters, |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.send(9, 6);
        daemon.stays("too few", "held", 9);
        daemon.send(1, 6);
        daemon.wait("enough", "acknowledged", 10);
        daemon.end();
    });
    let parameters = [
        ("minDequeueBatchSize", "10"),
        ("minDequeueBatchSize.timeout", "300"),
    ];
    everywhere(&parameters, |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.send(9, 6);
        daemon.wait("the time", "acknowledged", 9);
        daemon.end();
    });
}

/// The hour of the local time of the tests: that of UTC.
fn hour() -> u64 {
    let now = std::time::SystemTime::now();
    let since = now.duration_since(std::time::UNIX_EPOCH).unwrap();
    since.as_secs() / 3600 % 24
}

#[test]
fn messages_collect_until_the_window_opens() {
    let (begin, end) = ((hour() + 3) % 24, (hour() + 5) % 24);
    let (begin, end) = (begin.to_string(), end.to_string());
    let parameters = [("dequeueTimeBegin", &*begin), ("dequeueTimeEnd", &*end)];
    everywhere(&parameters, |case| {
        let scratch = Scratch::new();
        let setup = case.setup().environment("TZ", "UTC");
        let daemon = Running(setup.splashdam(&scratch));
        daemon.send(10, 6);
        daemon.stays("outside", "held", 10);
        // A stop drains the queue whatever the hour.
        daemon.0.signal("TERM");
        assert!(daemon.0.wait().success());
        let written = String::from_utf8(scratch.read("out.log")).unwrap();
        assert_eq!(written.matches("tag: text").count(), 10);
        // Five hours behind it is open: the same configuration in another zone.
        let scratch = Scratch::new();
        let setup = case.setup().environment("TZ", "XXX-4");
        let daemon = Running(setup.splashdam(&scratch));
        daemon.send(10, 6);
        daemon.wait("within", "acknowledged", 10);
        daemon.end();
    });
}

#[test]
fn workers_come_with_what_waits_and_go_when_they_are_idle() {
    for (timeout, left) in [("0", 1), ("-1", 3)] {
        let parameters = [
            ("workerThreads", "3"),
            ("workerThreadMinimumMessages", "10"),
            ("timeoutWorkerThreadShutdown", timeout),
        ];
        everywhere(&parameters, |case| {
            let scratch = Scratch::new();
            let daemon = case.start(&scratch);
            assert_eq!(daemon.workers(), 1);
            daemon.switch(&scratch, "pause");
            daemon.send(15, 6);
            daemon.wait_for_workers(2);
            daemon.send(50, 6);
            daemon.wait_for_workers(3);
            daemon.switch(&scratch, "resume");
            daemon.wait("all", "acknowledged", 65);
            daemon.wait_for_workers(left);
            std::thread::sleep(Duration::from_millis(100));
            assert_eq!(daemon.workers(), left);
            // The one that is left goes on.
            daemon.send(5, 6);
            daemon.wait("more", "acknowledged", 70);
            daemon.end();
        });
    }
}

#[test]
fn a_stop_drains_within_timeout_shutdown() {
    for (timeout, is_drained) in [("60000", true), ("100", false)] {
        let parameters = [
            ("timeoutShutdown", timeout),
            ("timeoutActionCompletion", "100"),
            ("dequeueBatchSize", "5"),
            ("dequeueSlowDown", "10000"),
        ];
        everywhere(&parameters, |case| {
            let scratch = Scratch::new();
            let daemon = case.start(&scratch);
            daemon.switch(&scratch, "pause");
            daemon.send(100, 6);
            daemon.wait("all", "held", 100);
            daemon.0.signal("TERM");
            let errors = scratch.join("stderr");
            assert!(daemon.0.wait().success());
            let lines = String::from_utf8(scratch.read("out.log")).unwrap();
            let lines = lines.lines().count();
            let told = std::fs::read_to_string(errors).unwrap();
            let text = format!("{} in the queue '{NAME}'", 100 - lines);
            assert_eq!(lines == 100, is_drained, "{lines}: {told}");
            assert_eq!(told.contains(&text), !is_drained, "{told}");
        });
    }
}

#[test]
fn a_batch_in_hand_has_timeout_action_completion() {
    for (timeout, is_delivered) in [("60000", true), ("50", false)] {
        let parameters = [
            ("timeoutShutdown", "10"),
            ("timeoutActionCompletion", timeout),
        ];
        for place in [Place::Ruleset, Place::Action] {
            let scratch = Scratch::new();
            let case =
                Case::new(place, Syntax::New, &parameters).action("action.resumeInterval=\"1\"");
            let setup = case.setup();
            let log = scratch.join("out.log");
            // Nothing can be appended to a directory; later it makes way.
            std::fs::create_dir(&log).unwrap();
            let daemon = Running(setup.splashdam(&scratch));
            daemon.send(10, 6);
            daemon
                .0
                .wait_for_accounts("a suspended action", |now| now.is_suspended(NAME));
            daemon.0.signal("TERM");
            std::thread::sleep(Duration::from_millis(300));
            std::fs::remove_dir(&log).unwrap();
            assert!(daemon.0.wait().success());
            let lines = std::fs::read_to_string(&log).unwrap_or_default();
            assert_eq!(lines.lines().count(), if is_delivered { 10 } else { 0 });
        }
    }
}

#[test]
fn one_of_several_messages_is_taken_as_a_sample() {
    everywhere(&[("samplingInterval", "10")], |case| {
        let scratch = Scratch::new();
        let daemon = case.start(&scratch);
        daemon.send(100, 6);
        daemon.wait("samples", "acknowledged", 10);
        daemon.wait("others", "discarded_sampling", 90);
        daemon.end();
    });
}
