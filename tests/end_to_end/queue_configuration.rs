//! Queues as they are configured: `-N1` says what a start would.

use std::process::Command;

use crate::support::{Scratch, splashdam};

const INPUT: &str = "module(load=\"imptcp\")\n\
                     input(type=\"imptcp\" address=\"127.0.0.1\" port=\"0\" ruleset=\"own\")\n";

/// Every parameter of queues in memory, at every place, in RainerScript.
fn everything() -> String {
    let queue = "queue.type=\"LinkedList\" queue.size=\"5k\" queue.maxMemory=\"16m\"\n\
                 queue.lightDelayMark=\"3000\" queue.fullDelayMark=\"4000\"\n\
                 queue.discardMark=\"2500\" queue.discardSeverity=\"info\"\n\
                 queue.samplingInterval=\"2\" queue.dequeueBatchSize=\"100\"\n\
                 queue.minDequeueBatchSize=\"50\" queue.minDequeueBatchSize.timeout=\"20\"\n\
                 queue.dequeueSlowDown=\"1\" queue.dequeueTimeBegin=\"22\"\n\
                 queue.dequeueTimeEnd=\"6\" queue.workerThreads=\"3\"\n\
                 queue.workerThreadMinimumMessages=\"500\"\n\
                 queue.timeoutWorkerThreadShutdown=\"-1\" queue.timeoutEnqueue=\"10\"\n\
                 queue.timeoutShutdown=\"10\" queue.timeoutActionCompletion=\"10\"\n";
    let mut defaults = String::new();
    for kind in ["ruleset", "action"] {
        for name in [
            "Shutdown",
            "ActionCompletion",
            "Enqueue",
            "WorkerThreadShutdown",
        ] {
            defaults.push_str(&format!("default.{kind}.queue.timeout{name}=\"5\"\n"));
        }
    }
    format!(
        "global({defaults})\nmain_queue({queue})\n{INPUT}\
         ruleset(name=\"own\" {queue}) {{\n action(type=\"omdiscard\" {queue})\n}}\n\
         action(type=\"omfile\" file=\"/tmp/never-written\" {queue})\n"
    )
}

/// The same in directives, which do not know all of them.
fn everything_in_directives() -> String {
    let mut text = String::new();
    for prefix in ["MainMsg", "Action"] {
        for (end, value) in [
            ("Type", "LinkedList"),
            ("Size", "5000"),
            ("DiscardMark", "2500"),
            ("DiscardSeverity", "info"),
            ("DequeueBatchSize", "100"),
            ("DequeueSlowDown", "1"),
            ("DequeueTimeBegin", "22"),
            ("DequeueTimeEnd", "6"),
            ("WorkerThreads", "3"),
            ("WorkerThreadMinimumMessages", "500"),
            ("WorkerTimeoutThreadShutdown", "-1"),
            ("TimeoutEnqueue", "10"),
            ("TimeoutShutdown", "10"),
            ("TimeoutActionCompletion", "10"),
        ] {
            text.push_str(&format!("${prefix}Queue{end} {value}\n"));
        }
    }
    format!("{text}{INPUT}$RuleSet own\n$RulesetCreateMainQueue on\n*.* /tmp/never-written\n")
}

/// What `splashdam -N1` says, with its success.
#[track_caller]
fn check(text: &str) -> (bool, String) {
    let scratch = Scratch::new();
    scratch.write("queues.conf", text);
    let mut command = splashdam(scratch.path());
    let output = command.args(["-N1", "-f", "queues.conf"]).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    (output.status.success(), said)
}

#[test]
fn every_parameter_of_queues_passes_the_check() {
    for text in [everything(), everything_in_directives()] {
        let (is_valid, said) = check(&text);
        assert!(is_valid && said.contains("valid"), "{text}\n{said}");
        assert!(!said.contains("warning"), "{said}");
    }
}

#[test]
fn a_start_would_tell_of_marks_that_do_not_go_together() {
    let text = format!(
        "{INPUT}ruleset(name=\"own\" queue.size=\"100\" queue.discardMark=\"200\"\n\
         queue.discardSeverity=\"7\") {{ stop }}\n*.* /tmp/never-written\n"
    );
    let (is_valid, said) = check(&text);
    assert!(is_valid, "{said}");
    let expected = "queues.conf:3:37: warning: `queue.discardMark` 200 is above queue.size 100: \
                    it would never be reached\n";
    assert!(said.contains(expected), "{said}");
}

/// The examples of the documentation are understood here and by rsyslog, but for
/// the parameter that is Splashdam's own.
#[test]
fn the_documented_examples_are_understood_here_and_by_rsyslog() {
    let documentation = include_str!("../../docs/configuration.md");
    let (_, section) = documentation
        .split_once("\n## Queues:")
        .expect("a section on queues");
    let (section, _) = section.split_once("\n## ").expect("a next section");
    let examples: Vec<&str> = section.split("```").skip(1).step_by(2).collect();
    assert_eq!(examples.len(), 2);
    for example in examples {
        let (is_valid, said) = check(example);
        assert!(is_valid && !said.contains("warning"), "{example}\n{said}");
        let scratch = Scratch::new();
        let for_rsyslog = example.replace(" queue.maxMemory=\"64m\"", "");
        scratch.write("rsyslog.conf", for_rsyslog);
        let output = Command::new("/usr/sbin/rsyslogd")
            .arg("-N1")
            .arg("-f")
            .arg(scratch.join("rsyslog.conf"))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{example}\n{said}");
        assert!(!said.contains("error"), "{example}\n{said}");
    }
}
