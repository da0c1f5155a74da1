//! Messages that are longer than `maxMessageSize`: told, and handed to whoever
//! writes them to `oversizemsg.errorfile`. The reactor never waits for it.

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::Thread;

use crossbeam_queue::ArrayQueue;

use super::InputCounters;
use crate::limits::{OVERSIZE_WAITING_BYTES_MAX, OVERSIZE_WAITING_MAX};

/// A message that is longer than `maxMessageSize`.
pub struct Oversize {
    /// The message; of one that is longer than what is kept, its begin.
    pub text: Box<[u8]>,
    /// Where it came from.
    pub sink: Arc<OversizeSink>,
}

/// What waits to be written: bounded in messages and bytes.
pub struct OversizeQueue {
    waiting: ArrayQueue<Oversize>,
    bytes: AtomicUsize,
    is_closed: AtomicBool,
    /// The thread that takes from it.
    consumer: OnceLock<Thread>,
}

/// A listener's way to the queue.
pub struct OversizeSink {
    /// `inputname` of its messages.
    pub input: Box<str>,
    pub counters: Arc<InputCounters>,
    queue: Arc<OversizeQueue>,
}

impl Default for OversizeQueue {
    fn default() -> Self {
        OversizeQueue {
            waiting: ArrayQueue::new(OVERSIZE_WAITING_MAX),
            bytes: AtomicUsize::new(0),
            is_closed: AtomicBool::new(false),
            consumer: OnceLock::new(),
        }
    }
}

impl OversizeQueue {
    /// Names the thread that takes from it; the first one is the one.
    pub fn set_consumer(&self, consumer: Thread) {
        // Set once; a second call would change nothing.
        let _ = self.consumer.set(consumer);
    }

    /// The next message, if one waits.
    pub fn take(&self) -> Option<Oversize> {
        let oversize = self.waiting.pop()?;
        self.bytes.fetch_sub(oversize.text.len(), Ordering::AcqRel);
        Some(oversize)
    }

    /// Says that nothing will come any more.
    pub fn close(&self) {
        self.is_closed.store(true, Ordering::Release);
        self.wake();
    }

    /// Whether nothing will come any more.
    pub fn is_closed(&self) -> bool {
        self.is_closed.load(Ordering::Acquire)
    }

    /// Wakes the consumer.
    pub fn wake(&self) {
        if let Some(consumer) = self.consumer.get() {
            consumer.unpark();
        }
    }

    fn offer(&self, oversize: Oversize) -> Result<(), Oversize> {
        let len = oversize.text.len();
        if self.bytes.fetch_add(len, Ordering::AcqRel) + len > OVERSIZE_WAITING_BYTES_MAX {
            self.bytes.fetch_sub(len, Ordering::AcqRel);
            return Err(oversize);
        }
        if let Err(oversize) = self.waiting.push(oversize) {
            self.bytes.fetch_sub(len, Ordering::AcqRel);
            return Err(oversize);
        }
        self.wake();
        Ok(())
    }
}

impl OversizeSink {
    /// A listener's sink.
    pub fn new(
        input: &str,
        counters: Arc<InputCounters>,
        queue: Arc<OversizeQueue>,
    ) -> Arc<OversizeSink> {
        Arc::new(OversizeSink {
            input: input.into(),
            counters,
            queue,
        })
    }

    /// Hands over a message; one that finds the queue full is counted.
    pub(super) fn offer(self: &Arc<Self>, text: &[u8]) {
        let oversize = Oversize {
            text: text.into(),
            sink: Arc::clone(self),
        };
        if self.queue.offer(oversize).is_err() {
            self.counters.oversize_unwritten.add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sink(queue: &Arc<OversizeQueue>) -> Arc<OversizeSink> {
        OversizeSink::new("imptcp", Arc::default(), Arc::clone(queue))
    }

    #[test]
    fn what_waits_is_bounded_in_messages_and_what_is_too_much_is_counted() {
        let queue = Arc::new(OversizeQueue::default());
        let sink = sink(&queue);
        for _ in 0..OVERSIZE_WAITING_MAX + 3 {
            sink.offer(b"x");
        }
        assert_eq!(sink.counters.oversize_unwritten.get(), 3);
        let taken = std::iter::from_fn(|| queue.take()).count();
        assert_eq!(taken, OVERSIZE_WAITING_MAX);
        sink.offer(b"y");
        assert_eq!(&*queue.take().unwrap().text, b"y");
    }

    #[test]
    fn what_waits_is_bounded_in_bytes() {
        let queue = Arc::new(OversizeQueue::default());
        let sink = sink(&queue);
        let half = vec![b'x'; OVERSIZE_WAITING_BYTES_MAX / 2];
        for _ in 0..3 {
            sink.offer(&half);
        }
        assert_eq!(sink.counters.oversize_unwritten.get(), 1);
        queue.take();
        sink.offer(&half);
        assert_eq!(sink.counters.oversize_unwritten.get(), 1);
    }
}
