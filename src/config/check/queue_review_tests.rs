//! Parameters of a queue that do not go together: what is told, and what is in
//! force.

use crate::config::Config;
use crate::queue::{QueueOptions, Window};

const INPUT: &str = "module(load=\"imptcp\") input(type=\"imptcp\" port=\"1514\" ruleset=\"r\")\n";

/// A configuration that is right, and its warnings.
#[track_caller]
fn read(statements: &str) -> (Config, String) {
    match Config::from_text("t", statements) {
        Ok((config, warnings)) => (config, warnings.render(false)),
        Err(errors) => panic!("{statements}\n{errors}"),
    }
}

/// What is told of a queue of 100 messages with these parameters, without
/// excerpts.
#[track_caller]
fn told(object: &str) -> (QueueOptions, String) {
    let (config, warnings) = read(&format!(
        "main_queue(queue.size=\"100\" {object})\nmodule(load=\"imptcp\")\n\
         input(type=\"imptcp\" port=\"1514\")\n*.* /tmp/x\n"
    ));
    let lines = warnings.lines().filter(|line| !line.contains(" | "));
    let lines: Vec<&str> = lines.map(str::trim).collect();
    (config.main_queue, lines.join("\n"))
}

#[test]
fn marks_that_do_not_go_together_are_told() {
    let idle = |column, name| {
        format!(
            "t:1:{column}: warning: `queue.{name}` has no effect: it says when messages go to \
             disk, and this queue is in memory only\n\
             = queue.size bounds the queue; queue.filename is not built yet"
        )
    };
    let above = |name, hint| {
        format!(
            "t:1:29: warning: `queue.{name}` 101 is above queue.size 100: it would never be \
             reached\n= {hint}"
        )
    };
    let (queue, text) = told("queue.highWatermark=\"101\"");
    let expected = above("highWatermark", "90 is used, 90 % of the size");
    assert_eq!(text, format!("{expected}\n{}", idle(29, "highWatermark")));
    assert_eq!(queue.high_watermark(), 90);

    let (queue, text) = told("queue.lowWatermark=\"101\"");
    let expected = above(
        "lowWatermark",
        "70 is used, 70 % of the size or below the high watermark",
    );
    assert_eq!(text, format!("{expected}\n{}", idle(29, "lowWatermark")));
    assert_eq!(queue.low_watermark(), 70);

    let (queue, text) = told("queue.lowWatermark=\"50\" queue.highWatermark=\"50\"");
    let expected = "t:1:29: warning: `queue.lowWatermark` 50 is not below the high watermark 50: \
                    a disk would be left as soon as it is used\n= 49 is used";
    assert!(text.starts_with(expected), "{text}");
    assert!(text.contains(&idle(53, "highWatermark")), "{text}");
    assert_eq!((queue.low_watermark(), queue.high_watermark()), (49, 50));

    let (queue, text) = told("queue.lightDelayMark=\"101\"");
    let hint = "70 is used, 70 % of the size or the full delay mark; write 0 for none";
    assert_eq!(text, above("lightDelayMark", hint));
    assert_eq!(queue.light_delay_mark(), 70);

    let (queue, text) = told("queue.fullDelayMark=\"101\"");
    let hint = "97 is used, 97 % of the size";
    assert_eq!(text, above("fullDelayMark", hint));
    assert_eq!(queue.full_delay_mark(), 97);

    let (queue, text) = told("queue.fullDelayMark=\"0\"");
    assert_eq!(
        text,
        "t:1:29: warning: `queue.fullDelayMark` 0 would stop every message that can wait, for \
         ever, as in rsyslog\n= 97 is used, 97 % of the size"
    );
    assert_eq!(queue.full_delay_mark(), 97);

    let (queue, text) = told("queue.fullDelayMark=\"79\" queue.highWatermark=\"80\"");
    let expected = "t:1:29: warning: `queue.fullDelayMark` 79 is below queue.highWatermark 80: \
                    senders that can wait would stop before the queue goes to disk\n\
                    = set it above queue.highWatermark; it is used as it is, as in rsyslog";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(queue.full_delay_mark(), 79);

    let (queue, text) = told("queue.lightDelayMark=\"60\" queue.fullDelayMark=\"50\"");
    assert_eq!(
        text,
        "t:1:29: warning: `queue.lightDelayMark` 60 is above the full delay mark 50: inputs \
         would go on where workers that call the ruleset wait\n\
         = 50 is used; write 0 for no light delay mark"
    );
    assert_eq!(
        (queue.light_delay_mark(), queue.full_delay_mark()),
        (50, 50)
    );
    // One that is not set follows without a word.
    let (queue, text) = told("queue.fullDelayMark=\"50\"");
    assert_eq!((queue.light_delay_mark(), text.as_str()), (50, ""));
    // 0 switches it off.
    let (queue, text) = told("queue.lightDelayMark=\"0\" queue.fullDelayMark=\"50\"");
    assert_eq!((queue.light_delay_mark(), text.as_str()), (100, ""));
}

#[test]
fn discarding_that_has_no_effect_is_told() {
    let (queue, text) = told("queue.discardMark=\"101\" queue.discardSeverity=\"8\"");
    assert_eq!(
        text,
        "t:1:29: warning: `queue.discardMark` 101 is above queue.size 100: it would never be \
         reached\n= 98 is used, 98 % of the size\n\
         t:1:29: warning: `queue.discardMark` has no effect without queue.discardSeverity: \
         nothing is discarded\n= write for example queue.discardSeverity=\"info\""
    );
    assert_eq!(queue.discard_mark(), 98);
    let (_, text) = told("queue.discardSeverity=\"info\"");
    assert_eq!(
        text,
        "t:1:29: warning: `queue.discardSeverity` has an effect from the discard mark 98 on \
         only: senders that can wait (TCP) stop at the light delay mark 70 and reach it never\n\
         = set queue.discardMark to 70 or less to discard their messages"
    );
    let (queue, text) = told("queue.discardMark=\"70\" queue.discardSeverity=\"info\"");
    assert_eq!((queue.discard_mark(), text.as_str()), (70, ""));
    // Workers pass on to an action up to the full delay mark.
    let action = |mark| {
        let queue = "queue.type=\"LinkedList\" queue.discardSeverity=\"5\"";
        format!(
            "{INPUT}ruleset(name=\"r\") {{ stop }}\naction(type=\"omdiscard\" {queue} queue.discardMark=\"{mark}\")\n"
        )
    };
    assert_eq!(read(&action(970)).1, "");
    let expected = "stop at the full delay mark 970 and reach it never";
    assert!(read(&action(971)).1.contains(expected));
}

#[test]
fn batches_workers_and_windows_that_cannot_be_are_told() {
    let (queue, text) = told("queue.dequeueBatchSize=\"5\" queue.minDequeueBatchSize=\"6\"");
    assert_eq!(
        text,
        "t:1:56: warning: `queue.minDequeueBatchSize` 6 is above queue.dequeueBatchSize 5: a \
         worker would wait for what never comes\n= 5 is used"
    );
    assert_eq!(queue.dequeue_batch_size_min, 5);
    let (queue, text) = told("queue.minDequeueBatchSize=\"101\"");
    assert!(text.contains("101 is above queue.size 100"), "{text}");
    assert_eq!(queue.dequeue_batch_size_min, 100);
    assert_eq!(queue.dequeue_batch_size, 1024);

    let (_, text) = told("queue.minDequeueBatchSize.timeout=\"5\"");
    let expected = "`queue.minDequeueBatchSize.timeout` has no effect without";
    assert!(text.contains(expected), "{text}");
    let (_, text) = told("queue.minDequeueBatchSize=\"2\" queue.minDequeueBatchSize.timeout=\"5\"");
    assert_eq!(text, "");

    let (config, warnings) = read(&format!(
        "{INPUT}$MainMsgQueueSize 3\n$MainMsgQueueWorkerThreads 4\n$RuleSet r\n*.* /tmp/x\n"
    ));
    assert!(
        warnings.starts_with(
            "t:3:1: warning: `queue.workerThreads` 4 is above queue.size 3: so many would never \
             have work\n 3 | $MainMsgQueueWorkerThreads 4\n"
        ),
        "{warnings}"
    );
    assert_eq!(config.main_queue.worker_threads, 3);
    // Of a directive that stands twice the last one holds, and is told.
    let (_, warnings) = read(&format!(
        "{INPUT}$MainMsgQueueWorkerThreads 2\n$MainMsgQueueSize 3\n\
         $MainMsgQueueWorkerThreads 4\n$RuleSet r\n*.* /tmp/x\n"
    ));
    assert!(warnings.starts_with("t:4:1: warning: "), "{warnings}");

    for name in [
        "queue.workerThreadMinimumMessages=\"5\"",
        "queue.timeoutWorkerThreadShutdown=\"5\"",
    ] {
        let (_, text) = told(name);
        assert!(text.contains("has no effect with one worker"), "{text}");
        let (_, text) = told(&format!("queue.workerThreads=\"2\" {name}"));
        assert_eq!(text, "");
    }
    let (queue, text) = told("queue.workerThreads=\"2\" queue.workerThreadMinimumMessages=\"101\"");
    assert!(text.contains("= 50 is used, the size divided"), "{text}");
    assert_eq!(queue.worker_thread_minimum_messages(), 50);

    let (queue, text) = told("queue.dequeueTimeBegin=\"7\" queue.dequeueTimeEnd=\"7\"");
    assert_eq!(
        text,
        "t:1:56: warning: `queue.dequeueTimeEnd` is queue.dequeueTimeBegin, 7: rsyslog would \
         never take a message\n= messages are always taken"
    );
    assert_eq!(queue.window, None);
    let (queue, text) = told("queue.dequeueTimeBegin=\"7\"");
    let expected = "`queue.dequeueTimeBegin` has no effect without queue.dequeueTimeEnd";
    assert!(text.contains(expected), "{text}");
    assert_eq!(queue.window, None);
    let (queue, text) = told("queue.dequeueTimeBegin=\"0\" queue.dequeueTimeEnd=\"24\"");
    assert_eq!((queue.window, text.as_str()), (None, ""));
    let (queue, text) = told("queue.dequeueTimeEnd=\"6\"");
    assert_eq!(queue.window, Some(Window { begin: 0, end: 6 }));
    assert_eq!(text, "");
}
