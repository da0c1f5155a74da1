//! Queues: every parameter in both spellings, at each place, and what is told.

use std::time::Duration;

use crate::config::Config;
use crate::message::Severity;
use crate::queue::{QueueKind, QueueOptions, Window};

const INPUT: &str = "module(load=\"imptcp\") input(type=\"imptcp\" port=\"1514\" ruleset=\"r\")\n";

/// A configuration that is right, and its warnings.
#[track_caller]
fn read(statements: &str) -> (Config, String) {
    match Config::from_text("t", statements) {
        Ok((config, warnings)) => (config, warnings.render(false)),
        Err(errors) => panic!("{statements}\n{errors}"),
    }
}

/// The first lines of the errors.
#[track_caller]
fn errors(statements: &str) -> String {
    let errors = Config::from_text("t", statements);
    errors.expect_err(statements).render(false)
}

/// Parameters of a queue that is made at each of the places in each of the
/// syntaxes.
struct Queues {
    /// `main_queue()`, `ruleset()`, `action()`.
    objects: [QueueOptions; 3],
    /// `$MainMsgQueue…` for the main queue and for `$RulesetCreateMainQueue`,
    /// `$ActionQueue…`.
    directives: [QueueOptions; 3],
}

/// `parameters` are a name without `queue.`, its directive's end (none if empty)
/// and its value.
#[track_caller]
fn everywhere(parameters: &[(&str, &str, &str)]) -> Queues {
    let mut object = String::new();
    let mut directives = String::new();
    for (name, end, value) in parameters {
        object.push_str(&format!(" queue.{name}=\"{value}\""));
        if end.is_empty() {
            continue;
        }
        for prefix in ["MainMsg", "Action"] {
            directives.push_str(&format!("${prefix}Queue{end} {value}  # a comment\n"));
        }
    }
    let (config, _) = read(&format!(
        "{INPUT}main_queue({object})\nruleset(name=\"r\"{object}) {{ stop }}\n\
         action(type=\"omdiscard\"{object})\n"
    ));
    let own = config.ruleset_queues[1].clone();
    let objects = [
        config.main_queue,
        own.expect("a queue"),
        config.actions[0].queue.clone(),
    ];
    let (config, _) = read(&format!(
        "{INPUT}{directives}$RuleSet r\n$RulesetCreateMainQueue on\n*.* /tmp/x\n"
    ));
    let own = config.ruleset_queues[1].clone();
    let directives = [
        config.main_queue,
        own.expect("a queue"),
        config.actions[0].queue.clone(),
    ];
    Queues {
        objects,
        directives,
    }
}

/// Checks that parameters set what `expected` sets, at every place.
#[track_caller]
fn sets(parameters: &[(&str, &str, &str)], expected: impl Fn(&mut QueueOptions)) {
    let list = ("type", "Type", "LinkedList");
    let all: Vec<_> = std::iter::once(&list).chain(parameters).copied().collect();
    let found = everywhere(&all);
    let defaults = [
        QueueOptions::main(),
        QueueOptions::ruleset(),
        QueueOptions::action(),
    ];
    let of_places = found.objects.into_iter().zip(found.directives);
    for (mut options, (object, directive)) in defaults.into_iter().zip(of_places) {
        options.kind = QueueKind::LinkedList;
        let default = options.clone();
        expected(&mut options);
        assert_ne!(options, default, "{parameters:?} shall set something");
        assert_eq!(object, options, "{parameters:?}");
        // A parameter without a directive stays as it is there.
        if parameters.iter().all(|(_, end, _)| !end.is_empty()) {
            assert_eq!(directive, options, "{parameters:?}");
        }
    }
}

#[test]
fn every_parameter_is_read_in_both_syntaxes_at_every_place() {
    let ms = Duration::from_millis;
    sets(&[("size", "Size", "700")], |queue| queue.size = 700);
    sets(&[("maxMemory", "", "64m")], |queue| {
        queue.memory_bytes_max = 64 << 20;
    });
    sets(&[("highWatermark", "HighWatermark", "90")], |queue| {
        queue.high_watermark = Some(90);
    });
    sets(&[("lowWatermark", "LowWatermark", "70")], |queue| {
        queue.low_watermark = Some(70);
    });
    sets(&[("lightDelayMark", "", "0")], |queue| {
        queue.light_delay_mark = Some(0);
    });
    sets(&[("fullDelayMark", "", "80")], |queue| {
        queue.full_delay_mark = Some(80);
    });
    sets(&[("discardMark", "DiscardMark", "60")], |queue| {
        queue.discard_mark = Some(60);
    });
    for value in ["4", "warning", "WARN"] {
        sets(&[("discardSeverity", "DiscardSeverity", value)], |queue| {
            queue.discard_severity = Some(Severity::WARNING);
        });
    }
    sets(&[("samplingInterval", "", "5")], |queue| {
        queue.sampling_interval = 5;
    });
    sets(&[("dequeueBatchSize", "DequeueBatchSize", "9")], |queue| {
        queue.dequeue_batch_size = 9;
    });
    sets(&[("minDequeueBatchSize", "", "8")], |queue| {
        queue.dequeue_batch_size_min = 8;
    });
    sets(&[("minDequeueBatchSize.timeout", "", "7")], |queue| {
        queue.dequeue_batch_timeout = ms(7);
    });
    sets(&[("dequeueSlowDown", "DequeueSlowDown", "250")], |queue| {
        queue.dequeue_slow_down = Duration::from_micros(250);
    });
    let window = [
        ("dequeueTimeBegin", "DequeueTimeBegin", "22"),
        ("dequeueTimeEnd", "DequeueTimeEnd", "6"),
    ];
    sets(&window, |queue| {
        queue.window = Some(Window { begin: 22, end: 6 });
    });
    sets(&[("workerThreads", "WorkerThreads", "3")], |queue| {
        queue.worker_threads = 3;
    });
    let minimum = "WorkerThreadMinimumMessages";
    sets(&[("workerThreadMinimumMessages", minimum, "50")], |queue| {
        queue.worker_thread_minimum_messages = Some(50);
    });
    let end = "WorkerTimeoutThreadShutdown";
    for (value, expected) in [("-1", None), ("60000", Some(ms(60_000)))] {
        sets(&[("timeoutWorkerThreadShutdown", end, value)], |queue| {
            queue.timeout_worker_thread_shutdown = expected;
        });
    }
    sets(&[("timeoutEnqueue", "TimeoutEnqueue", "0")], |queue| {
        queue.timeout_enqueue = Duration::ZERO;
    });
    sets(&[("timeoutShutdown", "TimeoutShutdown", "77")], |queue| {
        queue.timeout_shutdown = ms(77);
    });
    let end = "TimeoutActionCompletion";
    sets(&[("timeoutActionCompletion", end, "66")], |queue| {
        queue.timeout_action_completion = ms(66);
    });
    let array = everywhere(&[("type", "Type", "fixedarray")]);
    for queue in array.objects.into_iter().chain(array.directives) {
        assert_eq!(queue.kind, QueueKind::FixedArray);
    }
}

#[test]
fn minus_one_and_zero_are_the_defaults() {
    for value in ["-1", "0"] {
        let found = everywhere(&[
            ("type", "Type", "FixedArray"),
            ("highWatermark", "HighWatermark", value),
            ("lowWatermark", "LowWatermark", value),
            ("fullDelayMark", "", value),
            ("discardMark", "DiscardMark", value),
            (
                "workerThreadMinimumMessages",
                "WorkerThreadMinimumMessages",
                value,
            ),
        ]);
        let queue = &found.objects[0];
        let marks = [
            queue.high_watermark(),
            queue.low_watermark(),
            queue.full_delay_mark(),
            queue.discard_mark(),
            queue.worker_thread_minimum_messages(),
        ];
        assert_eq!(marks, [9000, 7000, 9700, 9800, 10_000]);
    }
    for (value, mark) in [("-1", 7000), ("0", 10_000), ("1", 1)] {
        let found = everywhere(&[("lightDelayMark", "", value)]);
        assert_eq!(found.objects[0].light_delay_mark(), mark);
    }
    for value in ["8", "none"] {
        let found = everywhere(&[("discardSeverity", "DiscardSeverity", value)]);
        assert_eq!(found.objects[0].discard_severity, None);
    }
}

#[test]
fn what_a_queue_does_not_take_is_an_error() {
    let cases = [
        (
            "discardSeverity",
            "9",
            "a severity: 0 to 7, emerg to debug, or 8 for none",
        ),
        (
            "discardSeverity",
            "mail",
            "a severity: 0 to 7, emerg to debug, or 8 for none",
        ),
        ("workerThreads", "0", "a number from 1 to 64"),
        ("workerThreads", "65", "a number from 1 to 64"),
        ("dequeueTimeBegin", "24", "a number from 0 to 23"),
        ("dequeueTimeEnd", "26", "a number from 0 to 25"),
        ("highWatermark", "8k", "a number from -1 to 2147483647"),
        (
            "timeoutWorkerThreadShutdown",
            "-2",
            "a number from -1 to 2147483647",
        ),
        (
            "timeoutEnqueue",
            "-1",
            "a time in milliseconds, from 0 to 2147483647",
        ),
    ];
    for (name, value, expected) in cases {
        let text = errors(&format!("{INPUT}main_queue(queue.{name}=\"{value}\")\n"));
        let expected = format!("error: `queue.{name}` takes {expected}, not `{value}`");
        assert!(text.contains(&expected), "{text}");
    }
}

#[test]
fn a_direct_queue_takes_its_type_only() {
    let (config, warnings) = read(&format!(
        "{INPUT}ruleset(name=\"r\" queue.type=\"Direct\") {{ stop }}\n\
         action(type=\"omdiscard\" queue.size=\"5\")\n\
         action(type=\"omfile\" file=\"/tmp/x\" queue.type=\"Direct\")\n\
         $ActionQueueWorkerThreads 3\n*.* /tmp/y\n"
    ));
    let told: Vec<&str> = warnings
        .lines()
        .filter(|line| line.starts_with('t'))
        .collect();
    assert_eq!(
        told,
        [
            "t:3:25: warning: `queue.size` has no effect on a Direct queue, which keeps no messages",
            "t:5:1: warning: `queue.workerThreads` has no effect on a Direct queue, which keeps no messages",
        ]
    );
    for action in &config.actions {
        assert_eq!(action.queue, QueueOptions::action());
    }
    assert_eq!(config.ruleset_queues, [None, None]);
    assert!(!config.program.rulesets[1].has_queue);

    let (config, warnings) = read(
        "main_queue(queue.type=\"Direct\" queue.size=\"5\" queue.timeoutShutdown=\"7\")\n\
         module(load=\"imptcp\") input(type=\"imptcp\" port=\"0\")\n*.* /tmp/x\n",
    );
    assert_eq!(warnings.matches("warning").count(), 1, "{warnings}");
    let expected = QueueOptions {
        kind: QueueKind::Direct,
        timeout_shutdown: Duration::from_millis(7),
        ..QueueOptions::main()
    };
    assert_eq!(config.main_queue, expected);
}

#[test]
fn objects_without_queue_parameters_have_no_queue() {
    let (config, warnings) = read(&format!(
        "{INPUT}ruleset(name=\"r\") {{ stop }}\naction(type=\"omdiscard\")\n*.* /tmp/x\n"
    ));
    assert_eq!(warnings, "");
    assert_eq!(config.main_queue, QueueOptions::main());
    assert_eq!(config.ruleset_queues, [None, None]);
    for action in &config.actions {
        assert_eq!(action.queue, QueueOptions::action());
    }
}

#[test]
fn a_ruleset_has_a_queue_where_one_parameter_is_set() {
    let (config, warnings) = read(&format!(
        "{INPUT}ruleset(name=\"r\" queue.timeoutEnqueue=\"5\") {{ stop }}\n*.* /tmp/x\n"
    ));
    assert_eq!(warnings, "");
    assert!(config.program.rulesets[1].has_queue && !config.program.rulesets[0].has_queue);
    let expected = QueueOptions {
        timeout_enqueue: Duration::from_millis(5),
        ..QueueOptions::ruleset()
    };
    assert_eq!(config.ruleset_queues, [None, Some(expected)]);
}

#[test]
fn action_directives_hold_for_the_next_action() {
    let (config, warnings) = read(&format!(
        "{INPUT}$RuleSet r\n$ActionQueueType LinkedList\n$ActionQueueSize 5\n*.* /tmp/a\n& -/tmp/b\n\
         $ActionQueueType FixedArray\n*.* ~\n*.* /tmp/c\n"
    ));
    assert_eq!(warnings, "");
    let seen = config.actions.iter().map(|action| &action.queue);
    let seen: Vec<_> = seen.map(|queue| (queue.kind, queue.size)).collect();
    let expected = [
        (QueueKind::LinkedList, 5),
        (QueueKind::Direct, 1000),
        (QueueKind::FixedArray, 1000),
    ];
    assert_eq!(seen, expected);
}

#[test]
fn action_directives_do_not_reach_into_objects() {
    let (config, warnings) = read(&format!(
        "{INPUT}$RuleSet r\n$ActionQueueType LinkedList\n$ActionQueueSize 5\n\
         action(type=\"omdiscard\" queue.type=\"FixedArray\")\n*.* /tmp/b\n\
         $ActionQueueSize 7\n"
    ));
    let told: Vec<&str> = warnings
        .lines()
        .filter(|line| line.starts_with('t'))
        .collect();
    assert_eq!(
        told,
        [
            "t:4:1: warning: $ActionQueueSize has no effect on action(), as in rsyslog",
            "t:7:1: warning: no action follows $ActionQueueSize",
        ]
    );
    let seen = config.actions.iter().map(|action| &action.queue);
    let seen: Vec<_> = seen.map(|queue| (queue.kind, queue.size)).collect();
    assert_eq!(
        seen,
        [(QueueKind::FixedArray, 1000), (QueueKind::Direct, 1000)]
    );
}

#[test]
fn a_ruleset_gets_what_the_directives_have_set_so_far() {
    let (config, warnings) = read(&format!(
        "{INPUT}$MainMsgQueueSize 500\n$RuleSet r\n$RulesetCreateMainQueue on\n/tmp/x\n\
         $MainMsgQueueSize 600\n$MainMsgQueueType LinkedList\n$RuleSet s\n\
         $RulesetCreateMainQueue off\n/tmp/y\ncall r\n$RuleSet RSYSLOG_DefaultRuleset\ncall s\n"
    ));
    assert_eq!(warnings, "");
    assert_eq!(config.main_queue.size, 600);
    assert_eq!(config.main_queue.kind, QueueKind::LinkedList);
    let expected = QueueOptions {
        size: 500,
        ..QueueOptions::ruleset()
    };
    // The order of the program: the default one, s (named by `call`), ….
    for (ruleset, queue) in config.program.rulesets.iter().zip(&config.ruleset_queues) {
        assert_eq!(ruleset.has_queue, ruleset.name == "r");
        assert_eq!(
            queue.as_ref(),
            Some(&expected).filter(|_| ruleset.has_queue)
        );
    }
    assert_eq!(config.ruleset_queues.len(), config.program.rulesets.len());

    // The directives have an effect beside main_queue() then.
    let (config, warnings) = read(&format!(
        "{INPUT}main_queue(queue.size=\"50\")\n$MainMsgQueueSize 500\n$RuleSet r\n\
         $RulesetCreateMainQueue on\n/tmp/x\n"
    ));
    assert_eq!((config.main_queue.size, warnings.as_str()), (50, ""));
}

#[test]
fn a_ruleset_has_one_queue() {
    let twice = "$RuleSet r\n$RulesetCreateMainQueue on\n$RulesetCreateMainQueue on\n/tmp/x\n";
    let text = errors(&format!("{INPUT}{twice}"));
    let expected = "t:4:1: error: the ruleset r has a queue already\n";
    assert!(text.starts_with(expected), "{text}");
    let both = "ruleset(name=\"r\" queue.size=\"5\") { stop }\n$RuleSet r\n\
                $RulesetCreateMainQueue on\n/tmp/x\n";
    let text = errors(&format!("{INPUT}{both}"));
    assert!(text.contains("the ruleset r has a queue already"), "{text}");
    let text = errors("*.* { $RulesetCreateMainQueue on\n }\n/tmp/x\n");
    let expected = "$RulesetCreateMainQueue is not allowed within a block";
    assert!(text.contains(expected), "{text}");
    let (config, warnings) = read(
        "$RulesetCreateMainQueue on\nmodule(load=\"imptcp\") input(type=\"imptcp\" port=\"0\")\n\
         /tmp/x\n",
    );
    let expected = "$RulesetCreateMainQueue has no effect on the default ruleset";
    assert!(warnings.contains(expected), "{warnings}");
    assert_eq!(config.ruleset_queues, [None]);
}

#[test]
fn global_defaults_hold_wherever_they_stand() {
    let ms = Duration::from_millis;
    let (config, warnings) = read(&format!(
        "{INPUT}ruleset(name=\"r\" queue.timeoutShutdown=\"9\") {{ stop }}\n\
         action(type=\"omdiscard\" queue.type=\"LinkedList\" queue.timeoutEnqueue=\"9\")\n\
         $ActionQueueType LinkedList\n*.* /tmp/x\n\
         global(default.ruleset.queue.timeoutShutdown=\"1\"\n\
         default.ruleset.queue.timeoutActionCompletion=\"2\"\n\
         default.ruleset.queue.timeoutEnqueue=\"3\"\n\
         default.ruleset.queue.timeoutWorkerThreadShutdown=\"-1\"\n\
         default.action.queue.timeoutShutdown=\"5\"\n\
         default.action.queue.timeoutActionCompletion=\"6\"\n\
         default.action.queue.timeoutEnqueue=\"7\"\n\
         default.action.queue.timeoutWorkerThreadShutdown=\"8\")\n"
    ));
    assert_eq!(warnings, "");
    let timeouts = |queue: &QueueOptions| {
        (
            queue.timeout_shutdown,
            queue.timeout_action_completion,
            queue.timeout_enqueue,
            queue.timeout_worker_thread_shutdown,
        )
    };
    assert_eq!(timeouts(&config.main_queue), (ms(1), ms(2), ms(3), None));
    let own = config.ruleset_queues[1].as_ref().expect("a queue");
    assert_eq!(timeouts(own), (ms(9), ms(2), ms(3), None));
    let [first, second] = [0, 1].map(|index: usize| timeouts(&config.actions[index].queue));
    assert_eq!(first, (ms(5), ms(6), ms(9), Some(ms(8))));
    assert_eq!(second, (ms(5), ms(6), ms(7), Some(ms(8))));
}

#[test]
fn every_queue_must_hold_the_longest_message() {
    let limit = "global(maxMessageSize=\"2m\")\n";
    let list = "queue.type=\"LinkedList\" queue.maxMemory=\"1m\"";
    let text = errors(&format!(
        "{INPUT}{limit}main_queue(queue.maxMemory=\"1m\")\n\
         ruleset(name=\"r\" {list}) {{ stop }}\naction(type=\"omdiscard\" {list})\n\
         action(type=\"omdiscard\" queue.maxMemory=\"1m\")\n"
    ));
    let told: Vec<&str> = text.lines().filter(|line| line.contains("error")).collect();
    let message = "error: queue.maxMemory is below maxMessageSize, 2097152 bytes";
    let expected = ["3:12", "4:42", "5:49"].map(|place| format!("t:{place}: {message}"));
    assert_eq!(told, expected);
}

#[test]
fn queues_on_disk_are_not_built() {
    let text = errors(&format!(
        "{INPUT}$ActionQueueFileName fwd\n$ActionQueueSaveOnShutdown on\n\
         ruleset(name=\"r\" queue.type=\"Disk\") {{ stop }}\n\
         action(type=\"omfile\" file=\"/tmp/x\" queue.fileName=\"x\")\n"
    ));
    for expected in [
        "t:2:1: error: $ActionQueueFileName is rsyslog's, and not built in Splashdam yet",
        "t:3:1: error: $ActionQueueSaveOnShutdown is rsyslog's, and not built",
        "t:4:30: error: `queue.type` Disk is rsyslog's, and not built",
        "t:5:36: error: `queue.filename` is rsyslog's, and not built",
    ] {
        assert!(text.contains(expected), "{text}");
    }
}
