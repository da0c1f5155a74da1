//! The reactor: accept, receive, frame, parse, publish.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Weak};
use std::time::Duration;

use super::assembly::Assembly;
use super::connection::{Connection, ReceiveState};
use super::{CloseReason, ConnectionAccount, Handover, Inbox, Listener};
use crate::base::{Chunk, ChunkPool, Clock, Instant, Liveness, Sleeper};
use crate::frame::{Framer, FramerOptions};
use crate::limits::{CHUNK_WAIT_MS_MAX, COLLECT_BYTES, COPY_BYTES, RECYCLED_MAX};
use crate::message::batch::Recycler;
use crate::message::{Batch, Body, LocalClock, Report, Severity, Source, Timestamp};
use crate::queue::Queue;
use crate::ring::{Completion, Kind, Outcome, Received, Ring, Token, Unread};

/// Set in the token of an accept; the rest is the listener's index.
const ACCEPT: Token = 1 << 40;

/// How long a failed accept is not tried again: most fail for want of
/// descriptors, and would fail at once for ever.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a batch may wait in its chunk.
const CHUNK_WAIT: Duration = Duration::from_millis(CHUNK_WAIT_MS_MAX);

/// What all reactors share.
pub struct ReactorShared {
    pub listeners: Vec<Listener>,
    pub queue: Arc<Queue>,
    /// One for each reactor, in order.
    pub inboxes: Vec<Arc<Inbox>>,
    /// Takes what is to be told about connections.
    pub report: Arc<dyn Report>,
    /// Set at stop: no more input.
    pub is_stopping: AtomicBool,
    /// Set when the time to stop is over: what the queue does not take is given
    /// up.
    pub must_abandon: AtomicBool,
}

/// What a reactor is told.
#[derive(Clone, Debug)]
pub struct ReactorOptions {
    /// Which of the reactors it is, from 0. The first one accepts.
    pub index: usize,
    /// For all listeners; each one says itself whether frames may be octet
    /// counted.
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
    /// Listeners whose accept failed, and when to try again.
    resting: Vec<(Instant, usize)>,
    /// When a connection may have been idle for its listener's `idleTimeout`.
    idle_at: Option<Instant>,
    /// How the connections of each listener are framed.
    framers: Vec<FramerOptions>,
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
        assert!(pool.headroom() >= options.framer.carry_bytes_max());
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
            .map(|listener| FramerOptions {
                octet_counted: listener.options.octet_counted_framing,
                ..options.framer.clone()
            })
            .collect();
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
            resting: Vec::new(),
            idle_at: None,
            framers,
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
        if self.shared.is_stopping.load(Ordering::Acquire) && !self.is_ending {
            self.end();
        }
        for listener in 0..self.collected.len() {
            self.publish_collected(listener);
        }
        self.offer_pending();
        if self.shared.must_abandon.load(Ordering::Acquire) {
            self.abandon();
        }
        self.close_asked();
        self.close_idle();
        self.compact();
        self.provide();
        self.restart();
        let is_done = self.is_ending
            && self.pending.is_empty()
            && self.connections.iter().all(Option::is_none);
        Ok(!is_done)
    }

    /// Gives up what the queue did not take: the time to stop is over.
    fn abandon(&mut self) {
        for Pending { batch, listener } in self.pending.drain(..) {
            let counters = &self.shared.listeners[listener].counters;
            counters.held.subtract(batch.len() as u64);
            counters.discarded_shutdown.add(batch.len() as u64);
        }
    }

    /// Time until something has to be done without a completion.
    fn timeout(&mut self) -> Option<Duration> {
        // The receives that were restarted may find nothing to receive; the
        // chunks are for those that still wait, then.
        if !self.starved.is_empty() && self.ring.provided() > 0 {
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
        let next = oldest
            .into_iter()
            .chain(resting)
            .chain(self.idle_at)
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

    fn accepted(&mut self, listener: usize, result: io::Result<i32>, is_last: bool) {
        match result {
            Ok(socket) => {
                let handover = Handover { socket, listener };
                // The reactor with the fewest connections: also a handful of
                // connections is spread over all reactors.
                let inboxes = &self.shared.inboxes;
                let least = (0..inboxes.len())
                    .min_by_key(|&index| inboxes[index].load())
                    .unwrap_or(self.options.index);
                if least == self.options.index {
                    inboxes[least].taken();
                    self.admit(handover);
                } else {
                    inboxes[least].push(handover);
                }
                if is_last {
                    self.start_accept(listener);
                }
            }
            Err(_) if self.is_ending => {}
            Err(_) => {
                let counters = &self.shared.listeners[listener].counters;
                counters.accept_failed.add(1);
                if is_last {
                    self.resting.push((self.now + ACCEPT_PAUSE, listener));
                }
            }
        }
    }

    fn start_accept(&mut self, listener: usize) {
        if !self.is_ending {
            let socket = self.shared.listeners[listener].as_raw_fd();
            self.ring.accept(socket, ACCEPT + listener as Token);
        }
    }

    /// Begins to serve an accepted connection.
    fn admit(&mut self, handover: Handover) {
        let Handover { socket, listener } = handover;
        let peer = self.ring.peer(socket);
        let Ok(peer) = peer else {
            // The peer is gone already.
            self.ring.close(socket);
            self.shared.inboxes[self.options.index].ended();
            return;
        };
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let shared = &self.shared.listeners[listener];
        shared.counters.connections_opened.add(1);
        let liveness = self.liveness(socket, listener);
        let address: Box<str> = peer.ip().to_string().into();
        let account =
            ConnectionAccount::new(peer, listener, self.options.index, self.now, liveness);
        let connection = Connection {
            socket,
            listener,
            source: Arc::new(Source {
                host: address.clone(),
                address,
                port: peer.port(),
                input: shared.options.name.as_str().into(),
            }),
            account: Arc::new(account),
            framer: Framer::default(),
            carry: Vec::new(),
            receive: ReceiveState::Armed,
            ending: None,
        };
        if shared.options.notify_on_open {
            let name = &shared.options.name;
            let text = format!("connection opened: peer {peer}, listener {name}");
            self.shared.report.report(Severity::INFO, text);
        }
        if let Some(timeout) = shared.options.idle_timeout {
            let idle_at = self.now + timeout;
            self.idle_at = Some(self.idle_at.map_or(idle_at, |at| at.min(idle_at)));
        }
        let slot = self.vacant.pop().unwrap_or_else(|| {
            self.connections.push(None);
            self.connections.len() - 1
        });
        let registry = &self.shared.inboxes[self.options.index].registry;
        registry.enter(slot, Arc::clone(&connection.account));
        self.connections[slot] = Some(connection);
        if self.is_ending {
            self.close(slot, CloseReason::Stop);
        } else {
            self.ring.receive(socket, slot as Token);
        }
    }

    /// What the kernel does about a silent peer of an accepted socket; told
    /// once for each listener where it is not what the configuration says.
    fn liveness(&self, socket: RawFd, listener: usize) -> Liveness {
        let shared = &self.shared.listeners[listener];
        let found = match self.ring.liveness(socket) {
            Ok(found) => found,
            // It is gone; its end will be received.
            Err(_) => return *shared.liveness(),
        };
        if let Some(difference) = shared.options.keep_alive.differs(&found) {
            if shared.counters.liveness_differs.get() == 0 {
                let name = &shared.options.name;
                let text = format!("accepted connections of listener {name}: {difference}");
                self.shared.report.report(Severity::WARNING, text);
            }
            shared.counters.liveness_differs.add(1);
        }
        found
    }

    fn receive(&mut self, slot: usize, received: Received, is_last: bool) {
        match received {
            Received::Bytes { chunk, len } => {
                self.take_bytes(slot, chunk, len);
                if is_last {
                    self.rearm(slot);
                }
            }
            Received::NoChunk => self.starve(slot),
            // Nothing is under way on the socket any more.
            Received::End => self.close(slot, CloseReason::Peer),
            Received::Cancelled => {
                let connection = self.connections[slot].as_ref();
                let ending = connection.and_then(|connection| connection.ending);
                self.close(slot, ending.unwrap_or(CloseReason::Stop));
            }
            Received::Failed(error) => {
                if let Some(connection) = &self.connections[slot] {
                    self.close(slot, connection.close_reason(&error));
                }
            }
        }
    }

    /// Pauses a connection for want of a chunk, unless it is to end.
    fn starve(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if self.is_ending || connection.ending.is_some() {
            let reason = connection.ending.unwrap_or(CloseReason::Stop);
            return self.close(slot, reason);
        }
        connection.receive = ReceiveState::Starved;
        connection.account.pause(self.now);
        // Its end shall be noticed also while nothing is received.
        self.ring.watch(connection.socket, slot as Token);
        let counters = &self.shared.listeners[connection.listener].counters;
        counters.starved.add(1);
        self.starved.push_back(slot);
    }

    /// Closes a paused connection that has ended, unless bytes wait in its
    /// socket: these are received first. The completion may be that of a
    /// connection that had the slot before.
    fn hung_up(&mut self, slot: usize) {
        let Some(connection) = &self.connections[slot] else {
            return;
        };
        if connection.receive != ReceiveState::Starved {
            return;
        }
        let reason = match self.ring.unread(connection.socket) {
            Unread::Bytes | Unread::Nothing => return,
            Unread::End => CloseReason::Peer,
            Unread::Failed(error) => connection.close_reason(&error),
        };
        self.end_connection(slot, reason);
    }

    /// Begins to close a connection by a decision of the daemon.
    fn end_connection(&mut self, slot: usize, reason: CloseReason) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        match connection.receive {
            ReceiveState::Armed => {
                // The first reason is the one.
                if connection.ending.is_none() {
                    connection.ending = Some(reason);
                    self.ring.cancel(Kind::Receive, slot as Token);
                }
            }
            ReceiveState::Starved => {
                self.starved.retain(|starved| *starved != slot);
                self.close(slot, reason);
            }
        }
    }

    /// Closes the connections that an operator wants closed.
    fn close_asked(&mut self) {
        if self.is_ending || !self.shared.inboxes[self.options.index].take_closings() {
            return;
        }
        for slot in 0..self.connections.len() {
            let connection = self.connections[slot].as_ref();
            if connection.is_some_and(|connection| connection.account.must_close()) {
                self.end_connection(slot, CloseReason::Operator);
            }
        }
    }

    /// Closes connections on which nothing came for their listener's
    /// `idleTimeout`. What back-pressure has paused is not idle.
    fn close_idle(&mut self) {
        if self.is_ending || self.idle_at.is_none_or(|at| self.now < at) {
            return;
        }
        self.idle_at = None;
        for slot in 0..self.connections.len() {
            let Some(connection) = &self.connections[slot] else {
                continue;
            };
            let options = &self.shared.listeners[connection.listener].options;
            let Some(timeout) = options.idle_timeout else {
                continue;
            };
            if connection.ending.is_some() {
                continue;
            }
            let is_paused = connection.receive == ReceiveState::Starved;
            let since = match is_paused {
                true => self.now,
                false => connection.account.last_received_at(),
            };
            let at = since + timeout;
            if at <= self.now {
                self.end_connection(slot, CloseReason::IdleTimeout);
            } else {
                self.idle_at = Some(self.idle_at.map_or(at, |next| next.min(at)));
            }
        }
    }

    fn rearm(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if self.is_ending || connection.ending.is_some() {
            let reason = connection.ending.unwrap_or(CloseReason::Stop);
            return self.close(slot, reason);
        }
        if connection.receive == ReceiveState::Starved {
            connection.account.resume();
            self.ring.cancel(Kind::Watch, slot as Token);
        }
        connection.receive = ReceiveState::Armed;
        self.ring.receive(connection.socket, slot as Token);
    }

    /// Frames and parses what was received.
    fn take_bytes(&mut self, slot: usize, mut chunk: Chunk, len: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let counters = &self.shared.listeners[connection.listener].counters;
        counters.bytes.add(len as u64);
        connection.account.received(len, self.now);
        // The cut frame is put in front of its continuation.
        let headroom = chunk.headroom();
        let start = headroom - connection.carry.len();
        let end = headroom + len;
        chunk.bytes_mut()[start..headroom].copy_from_slice(&connection.carry);
        connection.carry.clear();
        let listener = connection.listener;
        if len >= COPY_BYTES {
            let framed = self.lent.frame(
                &mut connection.framer,
                &self.framers[listener],
                chunk.bytes(),
                start..end,
                &connection.source,
                counters,
            );
            connection.account.framed(framed.frames, framed.framings);
            if !framed.is_full {
                connection
                    .carry
                    .extend_from_slice(&chunk.bytes()[framed.rest..end]);
                connection.count_faults(counters);
                if !self.lent.is_empty() {
                    let batch =
                        self.lent
                            .take_lent(chunk, start..framed.rest, self.received, self.now);
                    self.in_chunks.push_back((self.now, batch.downgrade()));
                    // What the connection sent before is in front.
                    self.publish_collected(listener);
                    self.publish(batch, listener);
                }
                return;
            }
            // A chunk of tiny messages: its records would pin far more memory
            // than its text. It goes in pieces.
            let used = start..framed.rest;
            let batch = self
                .lent
                .take_copy_of(chunk.bytes(), used, self.received, self.now);
            self.publish_collected(listener);
            self.publish(batch, listener);
            return self.collect(slot, &chunk, framed.rest, end);
        }
        self.collect(slot, &chunk, start, end);
    }

    /// Frames and parses bytes and copies what is needed of them.
    fn collect(&mut self, slot: usize, chunk: &Chunk, mut start: usize, end: usize) {
        loop {
            let Some(connection) = &mut self.connections[slot] else {
                return;
            };
            let listener = connection.listener;
            let counters = &self.shared.listeners[listener].counters;
            let collected = &mut self.collected[listener];
            let framed = collected.frame_copied(
                &mut connection.framer,
                &self.framers[listener],
                chunk.bytes(),
                start..end,
                &connection.source,
                counters,
            );
            start = framed.rest;
            connection.account.framed(framed.frames, framed.framings);
            if !framed.is_full {
                let rest = &chunk.bytes()[start..end];
                connection.carry.extend_from_slice(rest);
                connection.count_faults(counters);
            }
            if collected.is_full() || collected.copied_bytes() >= COLLECT_BYTES {
                self.publish_collected(listener);
            }
            if !framed.is_full {
                return;
            }
        }
    }

    /// Delivers what a connection left and forgets it. No receive may be under
    /// way.
    fn close(&mut self, slot: usize, reason: CloseReason) {
        let Some(mut connection) = self.connections[slot].take() else {
            return;
        };
        let listener = connection.listener;
        let counters = &self.shared.listeners[listener].counters;
        let last = self.collected[listener].finish(
            &mut connection.framer,
            &self.framers[listener],
            &connection.carry,
            reason == CloseReason::Peer,
            &connection.source,
            counters,
        );
        connection.account.messages.add(last);
        connection.count_faults(counters);
        counters.closed[reason as usize].add(1);
        if self.shared.listeners[listener].options.notify_on_close {
            let name = &self.shared.listeners[listener].options.name;
            let text = connection.account.closing_words(name, reason, self.now);
            self.shared.report.report(Severity::INFO, text);
        }
        if self.collected[listener].is_full() {
            self.publish_collected(listener);
        }
        if connection.receive == ReceiveState::Starved {
            // It would hold the socket open.
            self.ring.cancel(Kind::Watch, slot as Token);
        }
        self.ring.close(connection.socket);
        let inbox = &self.shared.inboxes[self.options.index];
        inbox.registry.leave(slot);
        inbox.ended();
        self.vacant.push(slot);
    }

    fn publish_collected(&mut self, listener: usize) {
        if !self.collected[listener].is_empty() {
            let batch = self.collected[listener].take_copied(self.received, self.now);
            self.publish(batch, listener);
        }
    }

    /// Gives a batch to the queue, behind those that wait for room.
    fn publish(&mut self, batch: Batch, listener: usize) {
        if self.pending.is_empty() {
            if let Some(rest) = self.enqueue(batch, listener) {
                self.hold(rest, listener);
            }
        } else {
            self.hold(batch, listener);
        }
    }

    fn hold(&mut self, batch: Batch, listener: usize) {
        let counters = &self.shared.listeners[listener].counters;
        counters.held.add(batch.len() as u64);
        self.pending.push_back(Pending { batch, listener });
    }

    /// Returns what the queue did not take.
    fn enqueue(&self, batch: Batch, listener: usize) -> Option<Batch> {
        let offered = batch.len();
        let rest = self.shared.queue.enqueue(batch);
        let taken = offered - rest.as_ref().map_or(0, Batch::len);
        let counters = &self.shared.listeners[listener].counters;
        counters.enqueued.add(taken as u64);
        rest
    }

    /// Offers the queue what waits; if it has no room, asks to be woken.
    fn offer_pending(&mut self) {
        self.room.awake();
        let mut is_asleep = false;
        while let Some(Pending { batch, listener }) = self.pending.pop_front() {
            let before = batch.len();
            let rest = self.enqueue(batch, listener);
            let taken = before - rest.as_ref().map_or(0, Batch::len);
            let counters = &self.shared.listeners[listener].counters;
            counters.held.subtract(taken as u64);
            let Some(batch) = rest else { continue };
            self.pending.push_front(Pending { batch, listener });
            if is_asleep && taken == 0 {
                return;
            }
            // The queue may get room between the refusal and the sleep: look
            // once more after saying so.
            self.room.prepare();
            is_asleep = true;
        }
        self.room.awake();
    }

    /// Moves batches that have waited out of their chunks.
    fn compact(&mut self) {
        while let Some((since, body)) = self.in_chunks.front() {
            if self.now.since(*since) < CHUNK_WAIT {
                break;
            }
            if let Some(body) = body.upgrade() {
                match body.text.compact(body.used.clone()) {
                    Some(copied) => {
                        let counters = &self.shared.queue.counters;
                        counters.compacted_bytes.add(copied as u64);
                    }
                    // A worker reads it now, and may stall while it does.
                    None => {
                        let body = Arc::downgrade(&body);
                        self.in_chunks.push_back((self.now, body));
                    }
                }
            }
            self.in_chunks.pop_front();
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

    /// Ends all input: no accepts, no receives.
    fn end(&mut self) {
        self.is_ending = true;
        self.resting.clear();
        if self.options.index == 0 {
            for listener in 0..self.shared.listeners.len() {
                self.ring.cancel(Kind::Accept, ACCEPT + listener as Token);
            }
        }
        self.starved.clear();
        for slot in 0..self.connections.len() {
            match &self.connections[slot] {
                Some(connection) if connection.receive == ReceiveState::Armed => {
                    self.ring.cancel(Kind::Receive, slot as Token);
                }
                Some(_) => self.close(slot, CloseReason::Stop),
                None => {}
            }
        }
    }
}
