//! `queue.samplingInterval`: of so many messages one is taken.

use std::sync::atomic::{AtomicUsize, Ordering};

use crate::base::text::Lent;
use crate::message::Batch;

/// Which of the messages are taken: the last of each `interval`, as rsyslog
/// does. Where several producers are refused at once, a sample may come some
/// messages too early or too late.
pub(super) struct Sampling {
    interval: usize,
    /// Messages that came.
    seen: AtomicUsize,
}

impl Sampling {
    /// `None` where all messages are taken.
    pub fn new(interval: u32) -> Option<Sampling> {
        (interval > 1).then(|| Sampling {
            interval: interval as usize,
            seen: AtomicUsize::new(0),
        })
    }

    /// Offers samples of `batch` to `take`, which takes leading ones and returns
    /// how many. Cuts off what was taken and what lies before and between, and
    /// returns how many messages that are not samples were cut off.
    pub fn take<L: Lent>(
        &self,
        batch: &mut Batch<L>,
        take: impl FnOnce(&mut Batch<L>) -> usize,
    ) -> usize {
        let len = batch.len();
        let seen = self.seen.fetch_add(len, Ordering::Relaxed);
        let first = self.interval - 1 - seen % self.interval;
        let mut samples = 0;
        let mut cut = len;
        if first < len {
            let mut sample = batch.pick((first..len).step_by(self.interval));
            samples = take(&mut sample);
            if !sample.is_empty() {
                // The next one was refused: it is the first when it is offered
                // again.
                cut = first + samples * self.interval;
                self.seen.fetch_sub(len - cut, Ordering::Relaxed);
            }
        }
        batch.split_front(cut);
        cut - samples
    }
}
