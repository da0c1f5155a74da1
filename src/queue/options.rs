//! The parameters of a queue and their defaults.

use std::time::Duration;

use crate::message::Severity;

/// Parameters of one queue (`queue.*`, `$MainMsgQueue…`, `$ActionQueue…`).
#[derive(Clone, Debug, PartialEq)]
pub struct QueueOptions {
    /// `queue.type`.
    pub kind: QueueKind,
    /// `queue.size`: messages held in memory at most.
    pub size: usize,
    /// `queue.maxMemory`: bytes held in memory at most.
    pub memory_bytes_max: usize,
    /// `queue.highWatermark`, in messages; 90 % of the size if not set. Of this
    /// and the other marks the functions below say what is in force.
    pub high_watermark: Option<usize>,
    /// `queue.lowWatermark`, in messages; 70 % of the size if not set.
    pub low_watermark: Option<usize>,
    /// `queue.lightDelayMark`, in messages: inputs that can wait do so from here
    /// on; 70 % of the size if not set, the size if 0.
    pub light_delay_mark: Option<usize>,
    /// `queue.fullDelayMark`, in messages: workers that pass on messages of such
    /// inputs do so from here on; 97 % of the size if not set.
    pub full_delay_mark: Option<usize>,
    /// `queue.discardMark`, in messages; 98 % of the size if not set.
    pub discard_mark: Option<usize>,
    /// `queue.discardSeverity`: what is at most as important as this is erased
    /// from the discard mark on; nothing if not set.
    pub discard_severity: Option<Severity>,
    /// `queue.samplingInterval`: of so many messages one is taken; all if 0.
    pub sampling_interval: u32,
    /// `queue.dequeueBatchSize`: messages a worker takes at once at most.
    pub dequeue_batch_size: usize,
    /// `queue.minDequeueBatchSize`: messages a worker waits for.
    pub dequeue_batch_size_min: usize,
    /// `queue.minDequeueBatchSize.timeout`: how long it does.
    pub dequeue_batch_timeout: Duration,
    /// `queue.dequeueSlowDown`: a rest for each message taken.
    pub dequeue_slow_down: Duration,
    /// `queue.dequeueTimeBegin`, `queue.dequeueTimeEnd`: when messages are taken;
    /// always if not set.
    pub window: Option<Window>,
    /// `queue.workerThreads`, at most.
    pub worker_threads: usize,
    /// `queue.workerThreadMinimumMessages`: one more worker for so many that wait;
    /// the size divided by the workers if not set.
    pub worker_thread_minimum_messages: Option<usize>,
    /// `queue.timeoutWorkerThreadShutdown`: how long a worker is idle before it
    /// ends; `None` is for ever.
    pub timeout_worker_thread_shutdown: Option<Duration>,
    /// `queue.timeoutEnqueue`: how long a message that cannot wait in its sender
    /// waits for room.
    pub timeout_enqueue: Duration,
    /// `queue.timeoutShutdown`: time to drain at stop.
    pub timeout_shutdown: Duration,
    /// `queue.timeoutActionCompletion`: time for the batch in hand after that.
    pub timeout_action_completion: Duration,
}

/// `queue.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum QueueKind {
    /// No queue. In front of rules a batch waits in its producer until a worker
    /// takes it.
    Direct,
    FixedArray,
    LinkedList,
}

/// Hours of the day, in local time, at which messages are taken: from the full
/// hour `begin` to before the full hour `end`. Where `end` is not behind `begin`
/// it is that of the next day.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Window {
    /// 0 to 23.
    pub begin: u8,
    /// 0 to 24.
    pub end: u8,
}

impl Window {
    /// rsyslog's default of `queue.dequeueTimeEnd`: there is no window.
    pub const NEVER: u8 = 25;

    /// Whether it ends at all, and is not the whole day.
    pub fn is_bounded(self) -> bool {
        self.end < Window::NEVER && self.begin % 24 != self.end % 24
    }

    /// Whether the hour, 0 to 23, lies in it.
    pub fn contains(self, hour: u8) -> bool {
        if self.begin < self.end {
            (self.begin..self.end).contains(&hour)
        } else {
            hour >= self.begin || hour < self.end
        }
    }
}

impl QueueKind {
    /// Its name in a configuration.
    pub fn name(self) -> &'static str {
        match self {
            QueueKind::Direct => "Direct",
            QueueKind::FixedArray => "FixedArray",
            QueueKind::LinkedList => "LinkedList",
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
            high_watermark: None,
            low_watermark: None,
            light_delay_mark: None,
            full_delay_mark: None,
            discard_mark: None,
            discard_severity: None,
            sampling_interval: 0,
            dequeue_batch_size: 1024,
            dequeue_batch_size_min: 0,
            dequeue_batch_timeout: Duration::from_millis(1000),
            dequeue_slow_down: Duration::ZERO,
            window: None,
            worker_threads: 1,
            worker_thread_minimum_messages: None,
            timeout_worker_thread_shutdown: Some(Duration::ZERO),
            timeout_enqueue: Duration::from_millis(2000),
            timeout_shutdown: Duration::from_millis(1500),
            timeout_action_completion: Duration::from_millis(1000),
        }
    }

    /// Defaults of a ruleset's own queue: those of the main queue.
    pub fn ruleset() -> QueueOptions {
        QueueOptions::main()
    }

    /// Defaults of an action: no queue.
    pub fn action() -> QueueOptions {
        QueueOptions {
            kind: QueueKind::Direct,
            size: 1000,
            dequeue_batch_size: 128,
            timeout_shutdown: Duration::from_millis(10),
            ..QueueOptions::main()
        }
    }

    /// `queue.lightDelayMark` in force, in messages; not above the full delay
    /// mark, unless it is switched off.
    pub fn light_delay_mark(&self) -> usize {
        match self.light_delay_mark {
            Some(0) => self.size,
            mark => self.mark(mark, 70).min(self.full_delay_mark()),
        }
    }

    /// `queue.fullDelayMark` in force, in messages.
    pub fn full_delay_mark(&self) -> usize {
        self.mark(self.full_delay_mark, 97)
    }

    /// `queue.discardMark` in force, in messages.
    pub fn discard_mark(&self) -> usize {
        self.mark(self.discard_mark, 98)
    }

    /// `queue.highWatermark` in force, in messages.
    pub fn high_watermark(&self) -> usize {
        self.mark(self.high_watermark, 90)
    }

    /// `queue.lowWatermark` in force, in messages; below the high one.
    pub fn low_watermark(&self) -> usize {
        let high = self.high_watermark();
        let low = self.low_watermark.filter(|low| *low < high);
        self.mark(low, 70).min(high - 1).max(1)
    }

    /// `queue.workerThreadMinimumMessages` in force.
    pub fn worker_thread_minimum_messages(&self) -> usize {
        let minimum = self.worker_thread_minimum_messages;
        let minimum = minimum.filter(|minimum| (1..=self.size).contains(minimum));
        minimum.unwrap_or((self.size / self.worker_threads.max(1)).max(1))
    }

    /// A mark if the queue can reach it, else its share of the size, as in
    /// rsyslog; a message at least.
    fn mark(&self, mark: Option<usize>, percent: usize) -> usize {
        let share = self.size as u128 * percent as u128 / 100;
        let mark = mark.filter(|mark| (1..=self.size).contains(mark));
        mark.unwrap_or((share as usize).max(1))
    }
}
