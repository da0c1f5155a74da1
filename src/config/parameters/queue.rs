//! `main_queue()`, and the queues of rulesets and actions.

use super::Table;
use super::row::{Row, Take};
use crate::queue::{QueueKind, QueueOptions};

type QueueRow = Row<QueueOptions>;

const KINDS: [QueueKind; 3] = [
    QueueKind::FixedArray,
    QueueKind::LinkedList,
    QueueKind::Direct,
];

/// `queue.*`. The directives are those of the main queue (`$MainMsgQueue…`) and
/// of an action's (`$ActionQueue…`, not built yet).
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
        QueueRow::later("queue.filename", &["QueueFileName"]),
        QueueRow::later("queue.spoolDirectory", &[]),
        QueueRow::later("queue.maxFileSize", &["QueueMaxFileSize"]),
        QueueRow::later(
            "queue.maxDiskSpace",
            &["QueueMaxDiskSpace", "QueueMaxDiscSpace"],
        ),
        QueueRow::later("queue.maxDiskSpaceAction", &[]),
        QueueRow::later("queue.highWatermark", &["QueueHighWatermark"]),
        QueueRow::later("queue.lowWatermark", &["QueueLowWatermark"]),
        QueueRow::later("queue.lightDelayMark", &[]),
        QueueRow::later("queue.fullDelayMark", &[]),
        QueueRow::later("queue.discardMark", &["QueueDiscardMark"]),
        QueueRow::later("queue.discardSeverity", &["QueueDiscardSeverity"]),
        QueueRow::later("queue.checkpointInterval", &["QueueCheckpointInterval"]),
        QueueRow::later("queue.syncQueueFiles", &["QueueSyncQueueFiles"]),
        QueueRow::later("queue.minDequeueBatchSize", &[]),
        QueueRow::later("queue.minDequeueBatchSize.timeout", &[]),
        QueueRow::later("queue.dequeueSlowDown", &["QueueDequeueSlowDown"]),
        QueueRow::later("queue.dequeueTimeBegin", &["QueueDequeueTimeBegin"]),
        QueueRow::later("queue.dequeueTimeEnd", &["QueueDequeueTimeEnd"]),
        QueueRow::later("queue.workerThreads", &["QueueWorkerThreads"]),
        QueueRow::later(
            "queue.workerThreadMinimumMessages",
            &["QueueWorkerThreadMinimumMessages"],
        ),
        QueueRow::later(
            "queue.timeoutWorkerThreadShutdown",
            &["QueueWorkerTimeoutThreadShutdown"],
        ),
        QueueRow::later("queue.timeoutEnqueue", &["QueueTimeoutEnqueue"]),
        QueueRow::later(
            "queue.saveOnShutdown",
            &["QueueSaveOnShutdown", "QueueTimeoutSaveOnShutdown"],
        ),
        QueueRow::later("queue.samplingInterval", &[]),
    ],
    rsyslog: &[
        "queue.cry.provider",
        "queue.takeFlowCtlFromMsg",
        "queue.onCorruption",
    ],
};
