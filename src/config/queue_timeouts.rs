//! Timeouts of queues that do not set them themselves.

use std::time::Duration;

use crate::queue::QueueOptions;

/// `default.ruleset.queue.…` or `default.action.queue.…` of `global()`; what is
/// not set stays as the queue has it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueueTimeouts {
    /// `….timeoutShutdown`.
    pub shutdown: Option<Duration>,
    /// `….timeoutActionCompletion`.
    pub action_completion: Option<Duration>,
    /// `….timeoutEnqueue`.
    pub enqueue: Option<Duration>,
    /// `….timeoutWorkerThreadShutdown`; the inner `None` is for ever.
    pub worker_thread_shutdown: Option<Option<Duration>>,
}

impl QueueTimeouts {
    /// Puts them in the place of the defaults of a queue.
    pub fn apply(&self, queue: &mut QueueOptions) {
        set(&mut queue.timeout_shutdown, self.shutdown);
        set(&mut queue.timeout_action_completion, self.action_completion);
        set(&mut queue.timeout_enqueue, self.enqueue);
        let worker = &mut queue.timeout_worker_thread_shutdown;
        set(worker, self.worker_thread_shutdown);
    }
}

fn set<T>(place: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *place = value;
    }
}
