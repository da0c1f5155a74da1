//! A worker: takes batches, evaluates the rules for them, gives each action its
//! part, and acknowledges a batch when every action has committed it.

use std::collections::{HashSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::latency::Latency;
use super::outlet::{Offer, Outlet};
use super::pace::{Pace, Permit};
use crate::action::Action;
use crate::base::{Clock, Counter, Instant};
use crate::message::{Batch, LocalClock};
use crate::output::Executor;
use crate::queue::Queue;
use crate::rules::{Program, Selections, Target};

/// Batches that were rendered and wait for their commit at most. More wait in
/// the queue.
const IN_HAND_MAX: usize = 8 * 1024;

/// What the workers of a queue share with each other, and with the threads that
/// watch and steer them.
pub struct WorkerShared {
    pub queue: Arc<Queue>,
    /// Of the messages that went to actions of the workers' own.
    pub latency: Latency,
    /// Messages for which the rules chose no action.
    pub discarded_no_action: Counter,
    /// Raised with each SIGHUP.
    pub reopen_generation: AtomicU64,
    /// Set when the time to stop is over: what is in hand is given up.
    pub must_abandon: AtomicBool,
}

impl WorkerShared {
    pub fn new(queue: Arc<Queue>) -> WorkerShared {
        WorkerShared {
            queue,
            latency: Latency::default(),
            discarded_no_action: Counter::default(),
            reopen_generation: AtomicU64::default(),
            must_abandon: AtomicBool::new(false),
        }
    }
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

/// What decides where the messages of a queue go.
#[derive(Clone)]
pub enum Rules {
    /// A queue in front of rules.
    Program(Arc<Program>),
    /// The queue of an action: all to the action of this index.
    Action(usize),
}

/// What one of the workers of a queue does.
pub struct Duties<F> {
    /// Its place among the queue's consumers. The worker of the first one stays;
    /// others end when they are idle.
    pub place: usize,
    pub rules: Rules,
    /// The queues that it hands messages on to.
    pub outlets: Vec<Outlet>,
    /// The actions that it drives itself, with the indexes that the rules have for
    /// them. Each action knows its position here.
    pub actions: Vec<(usize, Action<F>)>,
    /// The local time.
    pub calendar: LocalClock,
}

/// One thread's work.
pub struct Worker<X: Executor, C> {
    executor: X,
    clock: C,
    shared: Arc<WorkerShared>,
    place: usize,
    rules: Rules,
    outlets: Vec<Outlet>,
    /// What the rules call the actions.
    targets: Vec<Target>,
    actions: Vec<Action<X::File>>,
    pace: Pace,
    /// When to come again without a completion or a wake-up.
    until: Option<Instant>,
    /// Since when there is nothing to do.
    idle_since: Option<Instant>,
    /// Batches taken from the queue and not begun.
    taken: VecDeque<Batch>,
    scratch: Vec<Batch>,
    current: Option<Current>,
    selections: Selections,
    in_hand: VecDeque<InHand>,
    next_sequence: u64,
    reopen_generation: u64,
}

/// The batch that is being handed on and given to the actions.
struct Current {
    batch: Batch,
    /// The outlet that is being given its part.
    outlet: usize,
    /// The action that is being given its part, and the position in it.
    action: usize,
    position: usize,
}

/// A batch that all outlets and actions have taken.
struct InHand {
    sequence: u64,
    messages: usize,
    /// Whether an action of the worker's own got any of it.
    is_timed: bool,
    received_at: Instant,
}

impl<X: Executor, C: Clock> Worker<X, C> {
    pub fn new(
        executor: X,
        clock: C,
        shared: Arc<WorkerShared>,
        duties: Duties<X::File>,
    ) -> Worker<X, C> {
        let (indexes, actions): (Vec<_>, Vec<_>) = duties.actions.into_iter().unzip();
        Worker {
            executor,
            clock,
            reopen_generation: shared.reopen_generation.load(Ordering::Relaxed),
            shared,
            place: duties.place,
            rules: duties.rules,
            outlets: duties.outlets,
            targets: indexes.into_iter().map(Target::Action).collect(),
            actions,
            pace: Pace::new(duties.calendar),
            until: None,
            idle_since: None,
            selections: Selections::default(),
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
        self.until = None;
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
        // Also while an action is stalled: what is erased makes room.
        if self.shared.queue.needs_sweep() {
            self.shared.queue.sweep();
        }
        let has_rendered = self.render(now);
        let is_empty = self.current.is_none() && self.taken.is_empty();
        let is_idle = !has_rendered;
        let was_busy = self.busy_count();
        let mut until = self.until;
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
        if is_empty && self.in_hand.is_empty() && self.shared.queue.is_empty() {
            if self.shared.queue.is_closed() {
                return self.end();
            }
            if let Some(idle_until) = self.idle_until(now) {
                if idle_until <= now {
                    return self.leave();
                }
                until = until.into_iter().chain([idle_until]).min();
            }
        }
        Turn::Wait { until }
    }

    /// When the worker has been idle for long enough to end; never if it is the
    /// last one.
    fn idle_until(&mut self, now: Instant) -> Option<Instant> {
        let queue = &self.shared.queue;
        let timeout = queue.options().timeout_worker_thread_shutdown?;
        let since = *self.idle_since.get_or_insert(now);
        // Another worker would begin without a rest.
        let idle_until = self.pace.rest_until().max(Some(since + timeout));
        idle_until.filter(|_| self.place > 0)
    }

    /// Ends before the queue does.
    fn leave(&mut self) -> Turn {
        let queue = &self.shared.queue;
        queue.consumers().end(self.place);
        // What came meanwhile may have woken this worker.
        let waiting = queue.waiting();
        if waiting > 0 {
            queue.consumers().wake(waiting);
        }
        self.end()
    }

    /// Whether the worker could go on if it were woken: the last look before
    /// it sleeps. Operations under way complete only while it sleeps, so that
    /// what has to wait for one is no work.
    pub fn has_work(&mut self) -> bool {
        if self.shared.must_abandon.load(Ordering::Acquire) {
            return self.busy_count() == 0;
        }
        let generation = self.shared.reopen_generation.load(Ordering::Acquire);
        if self.shared.queue.needs_sweep() || generation != self.reopen_generation {
            return true;
        }
        // A queue that was full may have got room between the refusal and now, and
        // wakes those only who sleep.
        if self.current.is_some() && self.outlets.iter().any(Outlet::is_stalled) {
            let now = self.clock.now();
            return self.hand_on(now) != Some(false);
        }
        let queue = &self.shared.queue;
        let can_take = self.current.is_none() && self.taken.is_empty();
        let has_waiting = !queue.is_empty();
        let mut is_due = || match self.pace.permit(queue, &self.clock) {
            Permit::Take(_) => true,
            // The turn has not seen these messages: without another one the worker
            // would sleep past this time.
            Permit::Wait { until } => {
                until.is_some_and(|until| self.until.is_none_or(|known| until < known))
            }
        };
        (can_take && has_waiting && self.in_hand.len() < IN_HAND_MAX && is_due())
            || (queue.is_closed() && !has_waiting && can_take && self.in_hand.is_empty())
    }

    /// Hands the present batch on to other queues. Returns whether any of them has
    /// taken anything, or nothing where all have all.
    fn hand_on(&mut self, now: Instant) -> Option<bool> {
        let current = self.current.as_mut()?;
        let mut has_progressed = false;
        while let Some(outlet) = self.outlets.get_mut(current.outlet) {
            let offer = match outlet.is_stalled() {
                true => outlet.retry(now),
                false => {
                    let selected = self.selections.of(outlet.target);
                    outlet.begin(&current.batch, &selected, now)
                }
            };
            match offer {
                Offer::Done => {
                    current.outlet += 1;
                    has_progressed = true;
                }
                Offer::Some => return Some(true),
                Offer::Refused { until } => {
                    self.until = until;
                    return Some(has_progressed);
                }
            }
        }
        None
    }

    /// Gives one batch, or what was left of it, to the outlets and the actions.
    /// Returns whether anything was done.
    fn render(&mut self, now: Instant) -> bool {
        if self.current.is_none() && !self.begin() {
            return false;
        }
        if let Some(has_progressed) = self.hand_on(now) {
            return has_progressed;
        }
        let Some(current) = &mut self.current else {
            return false;
        };
        let reader = current.batch.reader();
        let mut has_rendered = false;
        while current.action < self.actions.len() {
            let action = &mut self.actions[current.action];
            let selected = self.selections.of(self.targets[current.action]);
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
            let queue = &self.shared.queue;
            if queue.is_empty() {
                self.pace.emptied();
                return false;
            }
            match self.pace.permit(queue, &self.clock) {
                Permit::Take(max) => {
                    let count = queue.dequeue(max, &mut self.scratch);
                    self.pace.took(count, queue.options(), self.clock.now());
                    self.taken.extend(self.scratch.drain(..));
                }
                Permit::Wait { until } => {
                    self.until = until;
                    return false;
                }
            }
        }
        let Some(batch) = self.taken.pop_front() else {
            return false;
        };
        self.idle_since = None;
        match &self.rules {
            Rules::Program(program) => {
                let reader = batch.reader();
                program.evaluate(
                    batch.ruleset(),
                    reader.len(),
                    |index| reader.message(index),
                    &mut self.selections,
                );
            }
            Rules::Action(action) => {
                let target = Target::Action(*action);
                self.selections.choose_all(batch.len(), target);
            }
        }
        let unmatched = self.selections.unmatched() as u64;
        self.shared.discarded_no_action.add(unmatched);
        self.current = Some(Current {
            batch,
            outlet: 0,
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
        let is_timed = |target: &Target| !self.selections.of(*target).is_none();
        let is_timed = self.targets.iter().any(is_timed);
        let (messages, bytes) = (current.batch.len(), current.batch.bytes());
        self.shared.queue.hand_over(messages, bytes);
        self.in_hand.push_back(InHand {
            sequence,
            messages,
            is_timed,
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
            if first.is_timed {
                let micros = now.since(first.received_at).as_micros();
                let micros = u64::try_from(micros).unwrap_or(u64::MAX);
                self.shared.latency.record(micros, first.messages as u64);
            }
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
        self.outlets.iter_mut().for_each(Outlet::abandon);
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
