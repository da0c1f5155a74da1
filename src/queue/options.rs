//! The parameters of a queue and their defaults.

use std::time::Duration;

/// Parameters of one queue (`queue.*`, `$MainMsgQueue…`, `$ActionQueue…`).
#[derive(Clone, Debug, PartialEq)]
pub struct QueueOptions {
    /// `queue.type`.
    pub kind: QueueKind,
    /// `queue.size`: messages held in memory at most.
    pub size: usize,
    /// `queue.maxMemory`: bytes held in memory at most.
    pub memory_bytes_max: usize,
    /// `queue.dequeueBatchSize`: messages a worker takes at once at most.
    pub dequeue_batch_size: usize,
    /// `queue.timeoutShutdown`: time to drain at stop.
    pub timeout_shutdown: Duration,
    /// `queue.timeoutActionCompletion`: time for the batch in hand after that.
    pub timeout_action_completion: Duration,
}

/// `queue.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    FixedArray,
}

impl QueueKind {
    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            QueueKind::FixedArray => "FixedArray",
        }
    }
}

impl QueueOptions {
    /// Defaults of the main queue.
    pub fn main() -> QueueOptions {
        QueueOptions {
            kind: QueueKind::FixedArray,
            size: 10_000,
            memory_bytes_max: 256 << 20,
            dequeue_batch_size: 1024,
            timeout_shutdown: Duration::from_millis(1500),
            timeout_action_completion: Duration::from_millis(1000),
        }
    }
}
