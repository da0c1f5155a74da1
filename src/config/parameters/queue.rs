//! `main_queue()`, and the queues of rulesets and actions.

use std::time::Duration;

use super::Table;
use super::row::{Row, Take};
use crate::limits::QUEUE_WORKERS_MAX;
use crate::queue::{QueueKind, QueueOptions, Window};

type QueueRow = Row<QueueOptions>;

const KINDS: [QueueKind; 3] = [
    QueueKind::FixedArray,
    QueueKind::LinkedList,
    QueueKind::Direct,
];

/// Largest number of messages that a parameter takes.
const MESSAGES_MAX: i64 = i32::MAX as i64;

/// `queue.*`. The directives are those of the main queue (`$MainMsgQueue…`) and
/// of the next action's (`$ActionQueue…`).
pub static QUEUE: Table<QueueOptions> = Table {
    object: "main_queue()",
    rows: &[
        QueueRow::new(
            "queue.type",
            Take::Word(
                &["FixedArray", "LinkedList", "Direct"],
                &["Disk"],
                |queue, index| queue.kind = KINDS.get(index).copied().unwrap_or(queue.kind),
            ),
            "How the queue holds its messages.",
        )
        .legacy(&["QueueType"])
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.size",
            Take::Size(1, u32::MAX as u64, |queue, messages| {
                queue.size = messages as usize;
            }),
            "Messages that it holds in memory at most; then the senders wait.",
        )
        .legacy(&["QueueSize"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.maxMemory",
            Take::Size(1 << 20, 1 << 46, |queue, bytes| {
                queue.memory_bytes_max = bytes as usize;
            }),
            "Bytes that it holds in memory at most; then the senders wait. Splashdam's own.",
        )
        .unit("bytes")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.dequeueBatchSize",
            Take::Size(1, u32::MAX as u64, |queue, messages| {
                queue.dequeue_batch_size = messages as usize;
            }),
            "Messages that a worker takes at once at most.",
        )
        .legacy(&["QueueDequeueBatchSize"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.timeoutShutdown",
            Take::Milliseconds(|queue, time| queue.timeout_shutdown = time),
            "Time to deliver what is queued when the daemon stops.",
        )
        .legacy(&["QueueTimeoutShutdown"])
        .unit("ms")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.timeoutActionCompletion",
            Take::Milliseconds(|queue, time| queue.timeout_action_completion = time),
            "Time for the batch in hand after that.",
        )
        .legacy(&["QueueTimeoutActionCompletion"])
        .unit("ms")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.highWatermark",
            Take::Whole(-1, MESSAGES_MAX, |queue, mark| queue.high_watermark = above_zero(mark)),
            "From so many messages on they go to disk; no effect on a queue in memory, and a warning says so. -1, 0: 90 % of the size.",
        )
        .legacy(&["QueueHighWatermark"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.lowWatermark",
            Take::Whole(-1, MESSAGES_MAX, |queue, mark| queue.low_watermark = above_zero(mark)),
            "Down to so many messages they do; as above. -1, 0: 70 % of the size.",
        )
        .legacy(&["QueueLowWatermark"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.lightDelayMark",
            Take::Whole(-1, MESSAGES_MAX, |queue, mark| { queue.light_delay_mark = usize::try_from(mark).ok(); }),
            "From so many messages on senders that can wait do so. -1: 70 % of the size; 0: the size.",
        )
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.fullDelayMark",
            Take::Whole(-1, MESSAGES_MAX, |queue, mark| { queue.full_delay_mark = usize::try_from(mark).ok(); }),
            "From so many messages on workers that pass on messages of such senders wait. -1: 97 % of the size.",
        )
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.discardMark",
            Take::Whole(-1, MESSAGES_MAX, |queue, mark| queue.discard_mark = above_zero(mark)),
            "From so many messages on those of queue.discardSeverity are erased. -1, 0: 98 % of the size.",
        )
        .legacy(&["QueueDiscardMark"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.discardSeverity",
            Take::Severity(|queue, severity| queue.discard_severity = severity),
            "Messages of this severity, and less important ones, are erased from the discard mark on; 8: none.",
        )
        .legacy(&["QueueDiscardSeverity"])
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.samplingInterval",
            Take::Whole(0, MESSAGES_MAX, |queue, interval| queue.sampling_interval = interval as u32),
            "Of so many messages one is taken, the others are discarded; 0: all are taken.",
        )
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.minDequeueBatchSize",
            Take::Whole(0, MESSAGES_MAX, |queue, messages| { queue.dequeue_batch_size_min = messages as usize; }),
            "Messages that a worker waits for; 0: it takes what there is.",
        )
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.minDequeueBatchSize.timeout",
            Take::Milliseconds(|queue, time| queue.dequeue_batch_timeout = time),
            "How long it waits for them at most.",
        )
        .unit("ms")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.dequeueSlowDown",
            Take::Whole(0, i32::MAX as i64, |queue, micros| { queue.dequeue_slow_down = Duration::from_micros(micros as u64); }),
            "A rest of each worker for each message that it takes.",
        )
        .legacy(&["QueueDequeueSlowDown"])
        .unit("µs")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.dequeueTimeBegin",
            Take::Whole(0, 23, |queue, hour| window(queue).begin = hour as u8),
            "Hour of the day from which on messages are taken; needs dequeueTimeEnd.",
        )
        .legacy(&["QueueDequeueTimeBegin"])
        .unit("h")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.dequeueTimeEnd",
            Take::Whole(0, Window::NEVER as i64, |queue, hour| window(queue).end = hour as u8),
            "Hour before which they are; 25: always.",
        )
        .legacy(&["QueueDequeueTimeEnd"])
        .unit("h")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.workerThreads",
            Take::Whole(1, QUEUE_WORKERS_MAX as i64, |queue, workers| { queue.worker_threads = workers as usize; }),
            "Threads that take from the queue at most.",
        )
        .legacy(&["QueueWorkerThreads"])
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.workerThreadMinimumMessages",
            Take::Whole(-1, MESSAGES_MAX, |queue, messages| { queue.worker_thread_minimum_messages = above_zero(messages); }),
            "One more worker runs for so many messages that wait. -1, 0: the size divided by the workers.",
        )
        .legacy(&["QueueWorkerThreadMinimumMessages"])
        .unit("messages")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.timeoutWorkerThreadShutdown",
            Take::Whole(-1, i32::MAX as i64, |queue, millis| { queue.timeout_worker_thread_shutdown = forever_below_zero(millis); }),
            "How long a worker is idle before it ends; 0: at once, -1: it never does. The last one sleeps.",
        )
        .legacy(&["QueueWorkerTimeoutThreadShutdown"])
        .unit("ms")
        .default("queue::QueueOptions::main"),
        QueueRow::new(
            "queue.timeoutEnqueue",
            Take::Milliseconds(|queue, time| queue.timeout_enqueue = time),
            "How long a message that cannot wait in its sender waits for room; then it is discarded. 0: not at all.",
        )
        .legacy(&["QueueTimeoutEnqueue"])
        .unit("ms")
        .default("queue::QueueOptions::main"),
        QueueRow::later("queue.filename", &["QueueFileName"]),
        QueueRow::later("queue.spoolDirectory", &[]),
        QueueRow::later("queue.maxFileSize", &["QueueMaxFileSize"]),
        QueueRow::later(
            "queue.maxDiskSpace",
            &["QueueMaxDiskSpace", "QueueMaxDiscSpace"],
        ),
        QueueRow::later("queue.maxDiskSpaceAction", &[]),
        QueueRow::later("queue.checkpointInterval", &["QueueCheckpointInterval"]),
        QueueRow::later("queue.syncQueueFiles", &["QueueSyncQueueFiles"]),
        QueueRow::later(
            "queue.saveOnShutdown",
            &["QueueSaveOnShutdown", "QueueTimeoutSaveOnShutdown"],
        ),
    ],
    rsyslog: &[
        "queue.cry.provider",
        "queue.takeFlowCtlFromMsg",
        "queue.onCorruption",
    ],
};

/// `$RulesetCreateMainQueue`: whether the ruleset in force gets a queue.
pub static CREATE_RULESET_QUEUE: Row<bool> = Row::new(
    "$RulesetCreateMainQueue",
    Take::Binary(|creates, on| *creates = on),
    "Whether the ruleset in force gets a queue of its own.",
);

/// A mark; none for -1 and 0.
fn above_zero(number: i64) -> Option<usize> {
    usize::try_from(number).ok().filter(|number| *number > 0)
}

/// Milliseconds; -1 is for ever.
pub(super) fn forever_below_zero(millis: i64) -> Option<Duration> {
    u64::try_from(millis).ok().map(Duration::from_millis)
}

/// The window, of which begin and end are set one by one. What is not a window
/// in the end is taken away by the check.
fn window(queue: &mut QueueOptions) -> &mut Window {
    queue.window.get_or_insert(Window {
        begin: 0,
        end: Window::NEVER,
    })
}
