//! What a queue should hold.

use std::collections::VecDeque;

use super::Charged;
use crate::message::{Delay, Severity};
use crate::queue::{QueueKind, QueueOptions};

/// A queue as a plain list.
pub struct Model {
    options: QueueOptions,
    pub waiting: VecDeque<Charged>,
    /// Dequeued and neither handed over nor given back, in order.
    pub dequeued: VecDeque<Charged>,
    pub enqueued: usize,
    pub in_hand: usize,
    pub acknowledged: usize,
    pub discarded_full: usize,
    pub discarded_mark: usize,
    pub discarded_sampling: usize,
    pub discarded_purged: usize,
    pub discarded_shutdown: usize,
    /// Messages that came past the discard mark.
    seen: usize,
}

impl Model {
    pub fn new(options: QueueOptions) -> Model {
        Model {
            options,
            waiting: VecDeque::new(),
            dequeued: VecDeque::new(),
            enqueued: 0,
            in_hand: 0,
            acknowledged: 0,
            discarded_full: 0,
            discarded_mark: 0,
            discarded_sampling: 0,
            discarded_purged: 0,
            discarded_shutdown: 0,
            seen: 0,
        }
    }

    fn bytes(&self) -> usize {
        let held = self.waiting.iter().chain(&self.dequeued);
        held.map(|message| message.bytes).sum()
    }

    pub fn held(&self) -> (usize, usize) {
        (self.waiting.len() + self.dequeued.len(), self.bytes())
    }

    /// Takes messages of one batch, from an input or passed on. Returns those
    /// that are refused.
    pub fn enqueue(
        &mut self,
        messages: Vec<Charged>,
        delay: Delay,
        is_passed_on: bool,
    ) -> Vec<Charged> {
        let offered = messages.len();
        let mut left = VecDeque::from(messages);
        let was_empty = self.held().0 == 0;
        let limit = match (delay, is_passed_on) {
            (Delay::NotDelayable, _) => self.options.size,
            (Delay::Delayable, false) => self.options.light_delay_mark(),
            (Delay::Delayable, true) => self.options.full_delay_mark(),
        };
        loop {
            if self.is_discarding() {
                let before = left.len();
                left.retain(|message| !self.is_erasable(message.severity));
                self.discarded_mark += before - left.len();
            }
            self.leave_out(&mut left);
            let Some(message) = left.front().copied() else {
                break;
            };
            let has_room = match self.options.kind {
                QueueKind::Direct => was_empty,
                _ => self.has_room(message, limit),
            };
            if !has_room {
                break;
            }
            self.waiting.push_back(message);
            self.seen += 1;
            left.pop_front();
            self.leave_out(&mut left);
        }
        self.enqueued += offered - left.len();
        left.into()
    }

    fn has_room(&self, message: Charged, limit: usize) -> bool {
        let (held, bytes) = self.held();
        let bytes_max = (self.options.memory_bytes_max * limit / self.options.size).max(1);
        bytes == 0 || (held < limit && bytes + message.bytes <= bytes_max)
    }

    /// Leaves out messages before the next sample.
    fn leave_out(&mut self, left: &mut VecDeque<Charged>) {
        let interval = (self.options.sampling_interval as usize).max(1);
        while !left.is_empty() && !(self.seen + 1).is_multiple_of(interval) {
            left.pop_front();
            self.seen += 1;
            self.discarded_sampling += 1;
        }
    }

    pub fn is_erasable(&self, severity: Severity) -> bool {
        let erased = self.options.discard_severity;
        erased.is_some_and(|erased| severity.value() >= erased.value())
    }

    pub fn is_discarding(&self) -> bool {
        self.options.kind != QueueKind::Direct
            && self.options.discard_severity.is_some()
            && self.held().0 >= self.options.discard_mark()
    }

    pub fn needs_sweep(&self) -> bool {
        let is_erasable = |message: &Charged| self.is_erasable(message.severity);
        self.is_discarding() && self.waiting.iter().any(is_erasable)
    }

    pub fn sweep(&mut self) -> usize {
        let before = self.waiting.len();
        if self.needs_sweep() {
            let mut waiting = std::mem::take(&mut self.waiting);
            waiting.retain(|message| !self.is_erasable(message.severity));
            self.waiting = waiting;
        }
        self.discarded_mark += before - self.waiting.len();
        before - self.waiting.len()
    }

    pub fn purge(&mut self, severity: Option<Severity>) -> usize {
        let before = self.waiting.len();
        let least = severity.map_or(0, Severity::value);
        self.waiting
            .retain(|message| message.severity.value() < least);
        self.discarded_purged += before - self.waiting.len();
        before - self.waiting.len()
    }

    pub fn discarded(&self) -> usize {
        self.discarded_full
            + self.discarded_mark
            + self.discarded_sampling
            + self.discarded_purged
            + self.discarded_shutdown
    }
}
