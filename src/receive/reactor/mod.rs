//! The reactor: accept, receive, frame, parse, publish.

mod admission;
mod ending;
mod limiting;
mod naming;
mod publication;
mod reception;
mod unwrapping;

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::assembly::Assembly;
use super::connection::Connection;
use super::tellings::Telling;
use super::{Admission, Inbox, Listener, OversizeQueue, OversizeSink, Peer};
use crate::base::{ChunkPool, Clock, Instant, Sleeper};
use crate::frame::FramerOptions;
use crate::limits::{CHUNK_WAIT_MS_MAX, RECYCLED_MAX};
use crate::message::batch::Recycler;
use crate::message::{Batch, Body, LocalClock, Report, Severity, Timestamp};
use crate::names::Names;
use crate::queue::Queue;
use crate::ring::{Completion, Outcome, Ring, Token};

/// Set in the token of an accept; the rest is the listener's index.
const ACCEPT: Token = 1 << 40;

/// How long a batch may wait in its chunk.
const CHUNK_WAIT: Duration = Duration::from_millis(CHUNK_WAIT_MS_MAX);

/// What all reactors share.
pub struct ReactorShared {
    pub listeners: Vec<Listener>,
    pub queue: Arc<Queue>,
    /// One for each reactor, in order.
    pub inboxes: Vec<Arc<Inbox>>,
    /// The names of peers, where they are looked up.
    pub names: Option<Arc<Names>>,
    /// Who may come in at all.
    pub admission: Admission,
    /// Takes what is to be told about connections.
    pub report: Arc<dyn Report>,
    /// `oversizemsg.report`: whether messages that are too long are told.
    pub reports_oversize: bool,
    /// What takes messages that are too long, if they are kept.
    pub oversize: Option<Arc<OversizeQueue>>,
    /// Set at stop: no more input.
    pub is_stopping: AtomicBool,
    /// Set when the time to stop is over: what the queue does not take is given
    /// up.
    pub must_abandon: AtomicBool,
}

impl ReactorShared {
    /// Bytes of headroom that the chunks need; `base` as in [`ReactorOptions`].
    pub fn carry_bytes_max(&self, base: &FramerOptions) -> usize {
        let listeners = self.listeners.iter();
        let needed = listeners.map(|listener| listener.options.framer(base).carry_bytes_max());
        needed.fold(base.carry_bytes_max(), usize::max)
    }

    /// Tells, at most once a minute for each listener, that messages are too
    /// long.
    pub(super) fn tell_oversize(&self, listener: usize, peer: &Peer, now: Instant) {
        let listener = &self.listeners[listener];
        if !self.reports_oversize || !listener.tellings.is_due(Telling::Oversize, now) {
            return;
        }
        let counters = &listener.counters;
        let text = format!(
            "listener {} receives messages longer than maxMessageSize, the latest from {peer}: {} \
             truncated, {} split, {} accepted so far",
            listener.options.name,
            counters.truncated.get(),
            counters.split.get(),
            counters.accepted.get()
        );
        self.report.report(Severity::WARNING, text);
    }
}

/// What a reactor is told.
#[derive(Clone, Debug)]
pub struct ReactorOptions {
    /// Which of the reactors it is, from 0. The first one accepts.
    pub index: usize,
    /// For all listeners; each one says itself what else ends its frames.
    pub framer: FramerOptions,
    /// Chunks that are provided to the ring at once at most.
    pub provided_max: usize,
}

/// One thread's reception.
pub struct Reactor<R, C> {
    ring: R,
    clock: C,
    calendar: LocalClock,
    options: ReactorOptions,
    shared: Arc<ReactorShared>,
    pool: Arc<ChunkPool>,
    /// Woken when the queue has room.
    room: Arc<Sleeper>,
    connections: Vec<Option<Connection>>,
    vacant: Vec<usize>,
    /// Connections whose receive found no chunk.
    starved: VecDeque<usize>,
    /// Connections whose peer's name is looked up, by its address.
    unnamed: HashMap<IpAddr, Vec<usize>>,
    /// Those of them on which nothing is received until then, and their limits.
    naming: VecDeque<(Instant, usize)>,
    /// Listeners whose accept failed, and when to try again.
    resting: Vec<(Instant, usize)>,
    /// Connections with bytes that wait to be inflated.
    inflating: VecDeque<usize>,
    /// Where compressed streams are inflated to; empty until there is one.
    inflated: Vec<u8>,
    /// Listeners that have discarded messages above their rate, and when that
    /// is to be told.
    limited: Vec<(Instant, usize)>,
    /// When a connection may have been idle for its listener's `idleTimeout`.
    idle_at: Option<Instant>,
    /// How the connections of each listener are framed.
    framers: Vec<FramerOptions>,
    /// Where what is too long goes, for each listener.
    oversize_sinks: Vec<Option<Arc<OversizeSink>>>,
    /// For what is copied, of all connections of a listener together.
    collected: Vec<Assembly>,
    /// For what stays in its chunk.
    lent: Assembly,
    /// Batches that the queue did not take yet.
    pending: VecDeque<Pending>,
    /// Batches that may still lie in their chunks, oldest first.
    in_chunks: VecDeque<(Instant, Weak<Body>)>,
    /// Time of the present turn.
    now: Instant,
    received: Timestamp,
    is_ending: bool,
}

struct Pending {
    batch: Batch,
    listener: usize,
}

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// A reactor without connections. `pool` must not be shared with another
    /// reactor; `room` is one of the queue's producers.
    pub fn new(
        ring: R,
        clock: C,
        calendar: LocalClock,
        options: ReactorOptions,
        shared: Arc<ReactorShared>,
        pool: Arc<ChunkPool>,
        room: Arc<Sleeper>,
    ) -> Reactor<R, C> {
        assert!(pool.headroom() >= shared.carry_bytes_max(&options.framer));
        let recycler = Arc::new(Recycler::new(RECYCLED_MAX));
        let now = clock.now();
        let collected = shared
            .listeners
            .iter()
            .map(|_| Assembly::new(Arc::clone(&recycler)))
            .collect();
        let framers = shared
            .listeners
            .iter()
            .map(|listener| listener.options.framer(&options.framer))
            .collect();
        let sink = |listener: &Listener| {
            let queue = Arc::clone(shared.oversize.as_ref()?);
            let counters = Arc::clone(&listener.counters);
            Some(OversizeSink::new(&listener.options.name, counters, queue))
        };
        let oversize_sinks = shared.listeners.iter().map(sink).collect();
        let mut reactor = Reactor {
            ring,
            clock,
            calendar,
            options,
            shared,
            pool,
            room,
            connections: Vec::new(),
            vacant: Vec::new(),
            starved: VecDeque::new(),
            unnamed: HashMap::new(),
            naming: VecDeque::new(),
            resting: Vec::new(),
            inflating: VecDeque::new(),
            inflated: Vec::new(),
            limited: Vec::new(),
            idle_at: None,
            framers,
            oversize_sinks,
            collected,
            lent: Assembly::new(recycler),
            pending: VecDeque::new(),
            in_chunks: VecDeque::new(),
            now,
            received: Timestamp::default(),
            is_ending: false,
        };
        if reactor.options.index == 0 {
            for listener in 0..reactor.shared.listeners.len() {
                reactor.start_accept(listener);
            }
        }
        reactor.provide();
        reactor
    }

    /// One turn: waits for completions and handles them. Returns whether there
    /// is more to come; after a stop there is not, once all connections have
    /// ended and all their messages are in the queue.
    ///
    /// # Errors
    /// Those of the ring; the reactor cannot go on after one.
    pub fn tick(&mut self) -> io::Result<bool> {
        let timeout = self.timeout();
        self.ring.wait(timeout)?;
        self.now = self.clock.now();
        self.received = self.calendar.timestamp(self.clock.unix_nanos());
        while let Some(completion) = self.ring.complete() {
            self.handle(completion);
        }
        while let Some(handover) = self.shared.inboxes[self.options.index].pop() {
            self.admit(handover);
        }
        self.take_names();
        if self.shared.is_stopping.load(Ordering::Acquire) && !self.is_ending {
            self.end();
        }
        if self.shared.must_abandon.load(Ordering::Acquire) {
            self.forget_backlogs();
        }
        self.inflate_on();
        for listener in 0..self.collected.len() {
            self.publish_collected(listener);
        }
        self.offer_pending();
        if self.shared.must_abandon.load(Ordering::Acquire) {
            self.abandon();
        }
        self.close_asked();
        self.close_idle();
        self.tell_limited();
        self.compact();
        self.provide();
        self.restart();
        let is_done = self.is_ending
            && self.pending.is_empty()
            && self.connections.iter().all(Option::is_none);
        Ok(!is_done)
    }

    /// Time until something has to be done without a completion.
    fn timeout(&mut self) -> Option<Duration> {
        // The receives that were restarted may find nothing to receive; the
        // chunks are for those that still wait, then.
        if !self.starved.is_empty() && self.ring.provided() > 0 {
            return Some(Duration::ZERO);
        }
        // Nothing else wakes it for what it has already.
        if !self.inflating.is_empty() && self.pending.is_empty() {
            return Some(Duration::ZERO);
        }
        while self
            .in_chunks
            .front()
            .is_some_and(|(_, body)| body.strong_count() == 0)
        {
            self.in_chunks.pop_front();
        }
        let oldest = self.in_chunks.front().map(|(since, _)| *since + CHUNK_WAIT);
        let resting = self.resting.iter().map(|(until, _)| *until).min();
        let limited = self.limited.iter().map(|(until, _)| *until).min();
        let next = oldest
            .into_iter()
            .chain(resting)
            .chain(limited)
            .chain(self.idle_at)
            .chain(self.naming_until())
            .min()?;
        Some(next.since(self.clock.now()))
    }

    fn handle(&mut self, completion: Completion) {
        let Completion {
            token,
            outcome,
            is_last,
        } = completion;
        match outcome {
            Outcome::Woken => {}
            Outcome::Accepted(result) => self.accepted((token - ACCEPT) as usize, result, is_last),
            Outcome::HungUp => self.hung_up(token as usize),
            Outcome::Received(received) => self.receive(token as usize, received, is_last),
        }
    }

    /// Gives the ring chunks to receive into, unless the queue pushes back:
    /// then nothing is received until it has room.
    fn provide(&mut self) {
        if !self.pending.is_empty() || self.is_ending {
            return;
        }
        self.pool.owner().awake();
        loop {
            while self.ring.provided() < self.options.provided_max {
                let Some(chunk) = self.pool.take() else { break };
                self.ring.provide(chunk);
            }
            if self.ring.provided() > 0 {
                return;
            }
            // All chunks are on their way; one may have come back meanwhile.
            self.pool.owner().prepare();
            if self.pool.free_count() == 0 {
                return;
            }
            self.pool.owner().awake();
        }
    }

    /// Starts what had to rest: receives, as many as there are chunks, and
    /// accepts.
    fn restart(&mut self) {
        for _ in 0..self.ring.provided().min(self.starved.len()) {
            if let Some(slot) = self.starved.pop_front() {
                self.rearm(slot);
            }
        }
        let now = self.now;
        let due: Vec<usize> = self
            .resting
            .extract_if(.., |(until, _)| *until <= now)
            .map(|(_, listener)| listener)
            .collect();
        for listener in due {
            self.start_accept(listener);
        }
    }
}
