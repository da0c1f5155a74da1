//! The reactor: accept, receive, frame, parse, publish.

mod admission;
mod datagrams;
mod draining;
mod ending;
mod feeding;
mod gathering;
mod giving_back;
mod limiting;
mod naming;
mod outlet;
mod publication;
mod reception;
mod unwrapping;
mod verification;

use std::collections::{HashMap, VecDeque};
use std::fmt;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use self::datagrams::Datagrams;
use self::ending::ENDS_YIELD;
use self::gathering::{ENOUGH, Gathering, REST};
use self::giving_back::GivingBack;
use self::outlet::{ChunkGroup, Outlet};
use super::assembly::Assembly;
use super::connection::Connection;
use super::tellings::Telling;
use super::{
    Admission, ChunkPools, CloseReason, Destinations, Inbox, Listener, OversizeQueue, OversizeSink,
};
use crate::base::{Clock, Instant, Sleeper};
use crate::frame::FramerOptions;
use crate::limits::{CHUNK_WAIT_MS_MAX, RECYCLED_MAX};
use crate::message::batch::Recycler;
use crate::message::{Body, LocalClock, Report, Severity, Timestamp};
use crate::names::Names;
use crate::ring::{Completion, Group, Outcome, Ring, Token};

/// Set in the token of an accept; the rest is the listener's index.
const ACCEPT: Token = 1 << 40;

/// How long a batch may wait in its chunk.
const CHUNK_WAIT: Duration = Duration::from_millis(CHUNK_WAIT_MS_MAX);

/// What all reactors share.
pub struct ReactorShared {
    pub listeners: Vec<Listener>,
    /// The queues that the listeners feed. Each reactor's `room` is one of the
    /// producers of each.
    pub destinations: Destinations,
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
    /// Index of the queue that a listener feeds: that of its ruleset if it has
    /// one of its own, else the main queue, 0.
    pub fn destination(&self, listener: usize) -> usize {
        let ruleset = self.listeners[listener].options.ruleset;
        self.destinations.of_ruleset(ruleset)
    }

    /// Groups of chunks that a reactor's ring needs.
    pub fn chunk_groups(&self) -> usize {
        self.destinations.ways(&self.listeners).groups()
    }

    /// Bytes of headroom that the chunks need; `base` as in [`ReactorOptions`].
    pub fn carry_bytes_max(&self, base: &FramerOptions) -> usize {
        let listeners = self.listeners.iter();
        let needed = listeners.map(|listener| listener.options.framer(base).carry_bytes_max());
        needed.fold(base.carry_bytes_max(), usize::max)
    }

    /// Tells, at most once a minute for each listener, that messages are too
    /// long.
    pub(super) fn tell_oversize(&self, listener: usize, peer: impl fmt::Display, now: Instant) {
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
    /// Whole chunks that are provided to the ring at once at most.
    pub provided_max: usize,
}

/// One thread's reception.
pub struct Reactor<R, C> {
    ring: R,
    clock: C,
    calendar: LocalClock,
    options: ReactorOptions,
    shared: Arc<ReactorShared>,
    pools: ChunkPools,
    /// Woken when a queue has room.
    room: Arc<Sleeper>,
    connections: Vec<Option<Connection>>,
    vacant: Vec<usize>,
    /// Serial number of the next connection.
    next_serial: u64,
    /// Accepted sockets whose options were not read yet: when, and the slots and
    /// serial numbers of their connections.
    unverified: VecDeque<(Instant, usize, u64)>,
    /// Connections whose receive found no chunk in this turn.
    unfed: Vec<usize>,
    /// The groups of provided chunks.
    groups: Vec<ChunkGroup>,
    /// The first one to get a chunk.
    first_group: Group,
    /// Connections that their peers or the kernel have ended, oldest first.
    ended: VecDeque<(usize, CloseReason)>,
    /// Where a cut frame is joined to its continuation in a short chunk.
    joined: Vec<u8>,
    /// Connections whose peer's name is looked up, by its address.
    unnamed: HashMap<IpAddr, Vec<usize>>,
    /// Those of them on which nothing is received until then, and their limits.
    naming: VecDeque<(Instant, usize)>,
    /// Listeners whose accept failed, and when to try again.
    resting: Vec<(Instant, usize)>,
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
    /// The ways into the queues.
    outlets: Vec<Outlet>,
    /// Index of that of each listener.
    outlet_of: Vec<usize>,
    /// Batches that may still lie in their chunks, oldest first.
    in_chunks: VecDeque<InChunk>,
    gathering: Gathering,
    giving_back: GivingBack,
    datagrams: Datagrams,
    /// Time of the present turn.
    now: Instant,
    received: Timestamp,
    is_ending: bool,
}

/// A batch that may lie in its chunk.
struct InChunk {
    since: Instant,
    body: Weak<Body>,
    /// Whose connections have received it.
    outlet: usize,
}

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// A reactor without connections. `pools` must not be shared with another
    /// reactor; `room` is one of the producers of each
    /// queue.
    pub fn new(
        ring: R,
        clock: C,
        calendar: LocalClock,
        options: ReactorOptions,
        shared: Arc<ReactorShared>,
        pools: ChunkPools,
        room: Arc<Sleeper>,
    ) -> Reactor<R, C> {
        assert!(pools.whole.headroom() >= shared.carry_bytes_max(&options.framer));
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
        let ways = shared.destinations.ways(&shared.listeners);
        let queues = shared.destinations.queues();
        let indexed = ways.ways.iter().enumerate();
        let outlets = indexed.map(|(index, way)| Outlet::new(ways.group(index), way, queues));
        let outlets = outlets.collect();
        let groups = (0..ways.groups()).map(|_| ChunkGroup::default());
        let groups = groups.collect();
        let outlet_of = ways.of_listeners;
        let datagrams = Datagrams::new(
            &shared.listeners,
            shared.inboxes.len(),
            options.index,
            pools.datagrams.clone(),
        );
        let mut reactor = Reactor {
            ring,
            clock,
            calendar,
            options,
            shared,
            pools,
            room,
            connections: Vec::new(),
            vacant: Vec::new(),
            next_serial: 0,
            unverified: VecDeque::new(),
            unfed: Vec::new(),
            groups,
            first_group: 0,
            ended: VecDeque::new(),
            joined: Vec::new(),
            unnamed: HashMap::new(),
            naming: VecDeque::new(),
            resting: Vec::new(),
            inflated: Vec::new(),
            limited: Vec::new(),
            idle_at: None,
            framers,
            oversize_sinks,
            collected,
            lent: Assembly::new(Arc::clone(&recycler)),
            giving_back: GivingBack::new(recycler),
            outlets,
            outlet_of,
            in_chunks: VecDeque::new(),
            gathering: Gathering::default(),
            datagrams,
            now,
            received: Timestamp::default(),
            is_ending: false,
        };
        if reactor.options.index == 0 {
            for listener in 0..reactor.shared.listeners.len() {
                reactor.start_accept(listener);
            }
        }
        reactor.steer_datagrams();
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
        self.wait()?;
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
        // What they leave is published in this turn.
        self.close_asked();
        self.close_idle();
        self.close_ended_at_once();
        self.finish_datagrams();
        self.publish_all();
        if self.shared.must_abandon.load(Ordering::Acquire) {
            self.abandon();
        }
        self.tell_limited();
        self.verify();
        self.compact();
        self.give_back();
        self.provide();
        self.restart();
        self.steer_datagrams();
        let is_done = self.is_ending
            && self.datagrams.are_over()
            && self.has_nothing_pending()
            && self.connections.iter().all(Option::is_none);
        Ok(!is_done)
    }

    /// Waits for completions. Those of a flood of ends are closed when there is
    /// little else to do.
    fn wait(&mut self) -> io::Result<()> {
        if !self.ended.is_empty() {
            let ready = self.ring.poll()?;
            if ready < ENDS_YIELD {
                self.close_ended();
            }
            if ready > 0 || !self.ended.is_empty() {
                return Ok(());
            }
            self.publish_all();
        }
        if self.gathering.is_worth_it() && self.ring.poll()? < ENOUGH {
            self.ring.rest(REST);
        }
        let timeout = self.timeout();
        self.ring.wait(timeout)?;
        self.gathering.begin(self.clock.now());
        Ok(())
    }

    /// Time until something has to be done without a completion.
    fn timeout(&mut self) -> Option<Duration> {
        // The receives that were restarted may find nothing to receive; the
        // chunks are for those that still wait, then.
        if self.can_feed() {
            return Some(Duration::ZERO);
        }
        // Nothing else wakes it for what it has already.
        if self.outlets.iter().any(Outlet::can_inflate) {
            return Some(Duration::ZERO);
        }
        while self
            .in_chunks
            .front()
            .is_some_and(|oldest| oldest.body.strong_count() == 0)
        {
            self.in_chunks.pop_front();
        }
        let oldest = self.in_chunks.front();
        let oldest = oldest.map(|oldest| oldest.since + CHUNK_WAIT);
        let expiring = self.outlets.iter().filter_map(Outlet::expires_at).min();
        let resting = self.resting.iter().map(|(until, _)| *until).min();
        let limited = self.limited.iter().map(|(until, _)| *until).min();
        let next = oldest
            .into_iter()
            .chain(resting)
            .chain(limited)
            .chain(expiring)
            .chain(self.idle_at)
            .chain(self.giving_back.look_at())
            .chain(self.datagrams.rest_until())
            .chain(self.naming_until())
            .chain(self.unverified.front().map(|(at, ..)| *at))
            .min()?;
        Some(next.since(self.clock.now()))
    }

    fn handle(&mut self, completion: Completion) {
        let Completion {
            token,
            outcome,
            is_last,
        } = completion;
        self.gathering.count(&outcome);
        match outcome {
            Outcome::Woken => {}
            Outcome::Accepted(result) => self.accepted((token - ACCEPT) as usize, result, is_last),
            Outcome::Message(received) => self.message(token as usize, received, is_last),
            Outcome::HungUp => self.hung_up(token as usize),
            Outcome::Received(received) => self.receive(token as usize, received, is_last),
        }
    }

    /// Starts what had to rest: receives, as many as there are chunks, and
    /// accepts.
    fn restart(&mut self) {
        self.feed();
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
