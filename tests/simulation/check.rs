//! What must hold: after each turn, at quiet moments, and at the end.

use std::collections::BTreeMap;
use std::time::Duration;

use splashdam::base::{Clock, Instant};
use splashdam::receive::InputCounters;

use crate::model;
use crate::post::Post;
use crate::script::{Ending, Event};
use crate::world::World;

/// Time in which everything that can flow has done so.
const SETTLED: Duration = Duration::from_secs(20);

impl World {
    /// The ledger balances at every moment, as one thread does all.
    pub fn check_turn(&self) {
        for listener in &self.reactor_shared.listeners {
            let input = &listener.counters;
            assert_eq!(
                input.received.get(),
                input.enqueued.get() + discarded(input) + input.held.get(),
                "the account of an input"
            );
        }
        for (index, post) in self.posts.iter().enumerate() {
            self.check_post(index, post);
        }
    }

    fn check_post(&self, index: usize, post: &Post) {
        let queue = &post.shared.queue;
        let (held, bytes) = queue.held();
        let enqueued = self.sum(Some(index), |input| input.enqueued.get());
        assert_eq!(queue.counters.enqueued.get(), enqueued, "lost on the way");
        assert_eq!(
            enqueued,
            queue.counters.acknowledged.get()
                + queue.counters.discarded_full.get()
                + queue.counters.discarded_shutdown.get()
                + queue.counters.in_hand.get()
                + held as u64,
            "the account of the queue"
        );
        let options = queue.options();
        assert!(held <= options.size, "more held than the queue's size");
        assert!(bytes <= options.memory_bytes_max || held == 1, "bytes held");
        for (index, (path, account)) in post.actions.iter().enumerate() {
            let delivered = account.delivered.get();
            let given_up = account.discarded_retries.get() + account.discarded_shutdown.get();
            assert_eq!(
                account.taken.get(),
                delivered + given_up + account.held.get(),
                "the account of an action"
            );
            // A write that failed in part and went on in the file of the same
            // name that took the first one's place leaves that one unsynced.
            let events = &self.script.events;
            let is_rotated = |(_, event): &(_, Event)| matches!(event, Event::Rotate(_));
            let must_be_durable = self.script.actions[index].sync && !events.iter().any(is_rotated);
            let in_file = match must_be_durable {
                true => post.disk.durable_lines(path),
                false => post.disk.lines(path),
            };
            let acknowledged = queue.counters.acknowledged.get();
            assert!(delivered <= in_file, "delivered before it is in the file");
            assert!(
                acknowledged <= delivered + given_up,
                "acknowledged before it is delivered"
            );
        }
    }

    /// The worker of a queue has stalled for long: what was sent for the other
    /// queues has been received and written.
    pub fn check_flow_beside(&self, stalled: usize) {
        for (number, connection) in self.script.connections.iter().enumerate() {
            let queue = self.script.bindings[connection.listener].queue;
            let pauses = connection.parts.iter().map(|(pause, _)| *pause);
            let sent_at = Instant::default() + connection.at + pauses.sum::<Duration>();
            let is_old = sent_at + SETTLED <= self.clock.now();
            if queue == stalled || connection.end.1 == Ending::Reset || !is_old {
                continue;
            }
            let sent: usize = connection.parts.iter().map(|(_, part)| part.len()).sum();
            let received = self.peers[number].map(|peer| self.network.received(peer));
            assert_eq!(received, Some(sent), "connection {number} was stopped");
        }
    }

    /// Nobody can do anything, and nobody was told to stop: then everything is
    /// done.
    pub fn check_quiet(&self) {
        for (number, connection) in self.script.connections.iter().enumerate() {
            let peer = self.peers[number].expect("all have connected");
            let sent: usize = connection.parts.iter().map(|(_, part)| part.len()).sum();
            let (is_accepted, is_closed) = self.network.accepted_and_closed(peer);
            assert!(is_accepted, "connection {number} waits for ever");
            let ending = connection.end.1;
            assert_eq!(
                is_closed,
                ending != Ending::Stay,
                "connection {number} is left open, or was closed"
            );
            if ending != Ending::Reset {
                let received = self.network.received(peer);
                assert_eq!(received, sent, "connection {number} is not read");
            }
        }
        self.check_nothing_held("messages wait for ever");
        for (index, pool) in self.pools.iter().enumerate() {
            let used = pool.count() - pool.free_count();
            assert_eq!(used, self.network.provided(index), "chunks are lost");
        }
        // A stream that goes on may have a frame that has not ended.
        let mut connections = self.script.connections.iter();
        if connections.all(|connection| connection.end.1 != Ending::Stay) {
            self.check_files();
        }
    }

    fn check_nothing_held(&self, wrong: &str) {
        for post in &self.posts {
            let queue = &post.shared.queue;
            let in_hand = queue.counters.in_hand.get();
            assert_eq!((queue.held(), in_hand), ((0, 0), 0), "{wrong}");
        }
    }

    /// All is over.
    pub fn check_end(&self) {
        for (number, peer) in self.peers.iter().enumerate() {
            let Some(peer) = *peer else { continue };
            let (is_accepted, is_closed) = self.network.accepted_and_closed(peer);
            // The end of the process closes what was accepted in its last moment.
            let is_unread = self.network.received(peer) == 0;
            assert!(
                is_closed || !is_accepted || is_unread,
                "connection {number} is left open"
            );
        }
        self.check_nothing_held("held at the end");
        for pool in self.pools.iter().chain(&self.short_pools) {
            assert_eq!(pool.count(), pool.free_count(), "chunks are lost");
        }
        self.check_files();
    }

    /// What was received is in the files: all of it, once, in order.
    fn check_files(&self) {
        let mut expected = Vec::new();
        let mut empty = 0;
        for (number, connection) in self.script.connections.iter().enumerate() {
            let Some(peer) = self.peers[number] else {
                expected.push(Vec::new());
                continue;
            };
            let parts = connection.parts.iter().flat_map(|(_, part)| part);
            let received = self.network.received(peer);
            let stream: Vec<u8> = parts.copied().take(received).collect();
            let of_stream = model::expected(&stream, self.script.listeners[connection.listener]);
            empty += of_stream.empty;
            expected.push(of_stream.lines);
        }
        let messages: usize = expected.iter().map(Vec::len).sum();
        let received: u64 = self.sum(None, |input| input.received.get());
        assert_eq!(self.sum(None, |input| input.discarded_empty.get()), empty);
        assert_eq!(received, messages as u64 + empty, "messages framed");

        for (index, post) in self.posts.iter().enumerate() {
            let of_post = |(number, lines): (usize, &Vec<Vec<u8>>)| {
                let listener = self.script.connections[number].listener;
                match self.script.bindings[listener].queue == index {
                    true => lines.clone(),
                    false => Vec::new(),
                }
            };
            let expected: Vec<_> = expected.iter().enumerate().map(of_post).collect();
            self.check_post_files(index, post, &expected);
        }
    }

    fn check_post_files(&self, index: usize, post: &Post, expected: &[Vec<Vec<u8>>]) {
        let in_front = self.sum(Some(index), |input| input.discarded_shutdown.get());
        let queue = &post.shared.queue.counters;
        let late = queue.discarded_full.get();
        for (path, account) in &post.actions {
            let written = post.disk.written(path);
            let mut lines: Vec<&[u8]> = written.split(|&byte| byte == b'\n').collect();
            let last = lines.pop();
            let given_up = account.discarded_retries.get() + account.discarded_shutdown.get();
            if !self.may_have_lost() && account.discarded_retries.get() == 0 {
                assert_eq!(last, Some(&[][..]), "the file ends within a line");
                check_lines(&lines, expected, late as usize);
            } else {
                let may_miss = in_front + late + queue.discarded_shutdown.get() + given_up;
                check_lines(&lines, expected, may_miss as usize);
            }
        }
    }

    /// A counter of the listeners that feed a queue, or of all, together.
    fn sum(&self, queue: Option<usize>, of: impl Fn(&InputCounters) -> u64) -> u64 {
        let listeners = self.reactor_shared.listeners.iter().enumerate();
        listeners
            .filter(|&(listener, _)| {
                queue.is_none_or(|queue| self.reactor_shared.destination(listener) == queue)
            })
            .map(|(_, listener)| of(&listener.counters))
            .sum()
    }
}

fn discarded(input: &InputCounters) -> u64 {
    input.discarded_empty.get() + input.discarded_full.get() + input.discarded_shutdown.get()
}

/// The lines are those expected of each connection, in its order; at most
/// `may_miss` are missing.
fn check_lines(lines: &[&[u8]], expected: &[Vec<Vec<u8>>], may_miss: usize) {
    let mut of_connection: BTreeMap<usize, Vec<&[u8]>> = BTreeMap::new();
    // Cut messages may not say whose they are: these are only counted.
    let mut nameless: BTreeMap<&[u8], i64> = BTreeMap::new();
    for line in lines {
        match connection_of(line) {
            Some(connection) => of_connection.entry(connection).or_default().push(line),
            None => *nameless.entry(line).or_default() += 1,
        }
    }
    let mut missing = 0;
    for (connection, expected) in expected.iter().enumerate() {
        let mut found = of_connection
            .remove(&connection)
            .unwrap_or_default()
            .into_iter()
            .peekable();
        for line in expected {
            if connection_of(line).is_none() {
                *nameless.entry(line).or_default() -= 1;
            } else if found.peek() == Some(&&line[..]) {
                found.next();
            } else {
                missing += 1;
                assert!(missing <= may_miss, "lost: {}", shown(line));
            }
        }
        if let Some(line) = found.next() {
            panic!("doubled, damaged or in disorder: {}", shown(line));
        }
    }
    assert!(of_connection.is_empty(), "nobody sent {of_connection:?}");
    for (line, count) in nameless {
        assert!(count <= 0, "nobody sent {}", shown(line));
        missing += count.unsigned_abs() as usize;
        assert!(missing <= may_miss, "lost: {}", shown(line));
    }
}

/// Reads `@connection.number;`.
fn connection_of(line: &[u8]) -> Option<usize> {
    let start = line.iter().position(|&byte| byte == b'@')? + 1;
    let name = &line[start..];
    let end = name.iter().position(|&byte| byte == b';')?;
    let (connection, number) = std::str::from_utf8(&name[..end]).ok()?.split_once('.')?;
    number.parse::<usize>().ok()?;
    connection.parse().ok()
}

fn shown(line: &[u8]) -> String {
    let text = String::from_utf8_lossy(&line[..line.len().min(120)]).into_owned();
    format!("{text:?} ({} bytes)", line.len())
}
