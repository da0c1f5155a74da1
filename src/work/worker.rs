//! A worker: takes batches, evaluates the rules for them, gives each action its
//! part, and acknowledges a batch when every action has committed it.

use std::collections::{HashSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hdrhistogram::Histogram;

use crate::action::Action;
use crate::base::{Clock, Counter, Instant};
use crate::message::Batch;
use crate::output::Executor;
use crate::queue::Queue;
use crate::rules::{Program, Selections};

/// Batches that were rendered and wait for their commit at most. More wait in
/// the queue.
const IN_HAND_MAX: usize = 8 * 1024;

/// Time from reception to commit, in microseconds, of each message.
pub struct Latency(Mutex<Histogram<u64>>);

impl Default for Latency {
    fn default() -> Self {
        // Three digits up to an hour: 7.2 KiB a power of two. The bounds are
        // valid, so that the fallback is never used.
        let histogram = Histogram::new_with_max(3_600_000_000, 3);
        let mut histogram = histogram.unwrap_or_else(|_| Histogram::new(3).expect("valid digits"));
        histogram.auto(true);
        Latency(Mutex::new(histogram))
    }
}

impl Latency {
    /// A copy of what was recorded.
    pub fn snapshot(&self) -> Histogram<u64> {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    fn record(&self, micros: u64, messages: u64) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .saturating_record_n(micros, messages);
    }
}

/// What a worker shares with the threads that watch and steer it.
pub struct WorkerShared {
    pub queue: Arc<Queue>,
    pub latency: Latency,
    /// Messages for which the rules chose no action.
    pub discarded_no_action: Counter,
    /// Raised with each SIGHUP.
    pub reopen_generation: AtomicU64,
    /// Set when the time to stop is over: what is in hand is given up.
    pub must_abandon: AtomicBool,
}

/// What a turn of a worker came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Turn {
    /// There may be more to do at once.
    Again,
    /// An operation was started; the executor must get to submit it.
    Started,
    /// Nothing to do before a completion, a wake-up, or the given time.
    Wait { until: Option<Instant> },
    /// The queue is closed and empty, and all is committed or given up.
    Done,
}

/// One thread's work.
pub struct Worker<X: Executor, C> {
    executor: X,
    clock: C,
    shared: Arc<WorkerShared>,
    program: Arc<Program>,
    actions: Vec<Action<X::File>>,
    /// Batches taken from the queue and not begun.
    taken: VecDeque<Batch>,
    scratch: Vec<Batch>,
    current: Option<Current>,
    selections: Selections,
    in_hand: VecDeque<InHand>,
    next_sequence: u64,
    reopen_generation: u64,
}

/// The batch that is being given to the actions.
struct Current {
    batch: Batch,
    /// The action that is being given its part, and the position in it.
    action: usize,
    position: usize,
}

/// A batch that all actions have taken.
struct InHand {
    sequence: u64,
    messages: usize,
    received_at: Instant,
}

impl<X: Executor, C: Clock> Worker<X, C> {
    pub fn new(
        executor: X,
        clock: C,
        shared: Arc<WorkerShared>,
        program: Arc<Program>,
        actions: Vec<Action<X::File>>,
    ) -> Worker<X, C> {
        Worker {
            executor,
            clock,
            reopen_generation: shared.reopen_generation.load(Ordering::Relaxed),
            shared,
            program,
            selections: Selections::new(actions.len()),
            actions,
            taken: VecDeque::new(),
            scratch: Vec::new(),
            current: None,
            in_hand: VecDeque::new(),
            next_sequence: 0,
        }
    }

    /// The executor, to wait for its completions.
    pub fn executor(&self) -> &X {
        &self.executor
    }

    /// The time by the worker's clock.
    pub fn now(&self) -> Instant {
        self.clock.now()
    }

    /// One turn: handles completions, takes and renders a batch, starts
    /// operations. Never blocks.
    pub fn tick(&mut self) -> Turn {
        let now = self.clock.now();
        let mut has_progressed = false;
        while let Some(completion) = self.executor.complete() {
            let action = completion.action;
            self.actions[action].complete(&mut self.executor, completion, now);
            has_progressed = true;
        }
        self.acknowledge(now);
        self.reopen();
        if self.shared.must_abandon.load(Ordering::Acquire) {
            return self.abandon();
        }
        let has_rendered = self.render(now);
        let is_empty = self.current.is_none() && self.taken.is_empty();
        let is_idle = !has_rendered;
        let was_busy = self.busy_count();
        let mut until = None;
        for action in &mut self.actions {
            let due = action.poll(&mut self.executor, now, is_idle);
            until = until.into_iter().chain(due).min();
        }
        // Discards commit at once; so may a failed start.
        self.acknowledge(now);
        if self.busy_count() > was_busy {
            return Turn::Started;
        }
        if has_rendered || has_progressed {
            return Turn::Again;
        }
        if self.shared.queue.is_closed()
            && is_empty
            && self.in_hand.is_empty()
            && self.shared.queue.is_empty()
        {
            return self.end();
        }
        Turn::Wait { until }
    }

    /// Whether the worker could go on if it were woken: the last look before
    /// it sleeps. Operations under way complete only while it sleeps, so that
    /// what has to wait for one is no work.
    pub fn has_work(&self) -> bool {
        if self.shared.must_abandon.load(Ordering::Acquire) {
            return self.busy_count() == 0;
        }
        let can_take = self.current.is_none() && self.taken.is_empty();
        (can_take && self.in_hand.len() < IN_HAND_MAX && !self.shared.queue.is_empty())
            || self.shared.reopen_generation.load(Ordering::Acquire) != self.reopen_generation
            || (self.shared.queue.is_closed() && can_take && self.in_hand.is_empty())
    }

    /// Gives one batch, or what was left of it, to the actions. Returns whether
    /// anything was done.
    fn render(&mut self, now: Instant) -> bool {
        if self.current.is_none() && !self.begin() {
            return false;
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        let reader = current.batch.reader();
        let mut has_rendered = false;
        while current.action < self.actions.len() {
            let action = &mut self.actions[current.action];
            let selected = self.selections.of(current.action);
            let rest = action.take(now, current.position, &selected, &reader);
            if let Some(position) = rest {
                has_rendered |= position != current.position;
                current.position = position;
                return has_rendered;
            }
            has_rendered = true;
            current.action += 1;
            current.position = 0;
        }
        drop(reader);
        self.end_current();
        true
    }

    /// Takes the next batch and evaluates the rules for it.
    fn begin(&mut self) -> bool {
        if self.taken.is_empty() {
            if self.in_hand.len() >= IN_HAND_MAX {
                return false;
            }
            let max = self.shared.queue.options().dequeue_batch_size;
            self.shared.queue.dequeue(max, &mut self.scratch);
            self.taken.extend(self.scratch.drain(..));
        }
        let Some(batch) = self.taken.pop_front() else {
            return false;
        };
        let reader = batch.reader();
        self.program.evaluate(
            batch.ruleset(),
            reader.len(),
            |index| reader.message(index),
            &mut self.selections,
        );
        drop(reader);
        let unmatched = self.selections.unmatched() as u64;
        self.shared.discarded_no_action.add(unmatched);
        self.current = Some(Current {
            batch,
            action: 0,
            position: 0,
        });
        true
    }

    fn end_current(&mut self) {
        let Some(current) = self.current.take() else {
            return;
        };
        let sequence = self.next_sequence;
        self.next_sequence += 1;
        for action in &mut self.actions {
            action.end_batch(sequence);
        }
        let (messages, bytes) = (current.batch.len(), current.batch.bytes());
        self.shared.queue.hand_over(messages, bytes);
        self.in_hand.push_back(InHand {
            sequence,
            messages,
            received_at: current.batch.received_at(),
        });
    }

    /// Acknowledges the batches that every action has committed.
    fn acknowledge(&mut self, now: Instant) {
        let oldest = self
            .actions
            .iter()
            .filter_map(Action::oldest_uncommitted)
            .min()
            .unwrap_or(self.next_sequence);
        let mut messages = 0;
        while let Some(first) = self.in_hand.front()
            && first.sequence < oldest
        {
            messages += first.messages;
            let micros = now.since(first.received_at).as_micros();
            let micros = u64::try_from(micros).unwrap_or(u64::MAX);
            self.shared.latency.record(micros, first.messages as u64);
            self.in_hand.pop_front();
        }
        if messages > 0 {
            self.shared.queue.acknowledge(messages);
        }
    }

    fn reopen(&mut self) {
        let generation = self.shared.reopen_generation.load(Ordering::Acquire);
        if generation != self.reopen_generation {
            self.reopen_generation = generation;
            for action in &mut self.actions {
                action.reopen();
            }
        }
    }

    /// Gives up all that is in hand, as soon as no operation is under way.
    fn abandon(&mut self) -> Turn {
        if self.busy_count() > 0 {
            return Turn::Wait { until: None };
        }
        let uncommitted: HashSet<u64> = self.actions.iter().flat_map(Action::uncommitted).collect();
        for action in &mut self.actions {
            action.abandon();
        }
        let current = self.current.take().map(|current| current.batch);
        for batch in current.into_iter().chain(self.taken.drain(..)) {
            self.shared.queue.discard(batch.len(), batch.bytes());
        }
        for batch in self.in_hand.drain(..) {
            // It may be behind one that is not committed.
            match uncommitted.contains(&batch.sequence) {
                true => self.shared.queue.discard_in_hand(batch.messages),
                false => self.shared.queue.acknowledge(batch.messages),
            }
        }
        self.shared.queue.discard_waiting();
        self.end()
    }

    fn end(&mut self) -> Turn {
        self.actions.iter_mut().for_each(Action::end);
        Turn::Done
    }

    fn busy_count(&self) -> usize {
        let is_busy = |action: &&Action<X::File>| action.is_busy();
        self.actions.iter().filter(is_busy).count()
    }
}
