//! Connections whose bytes are no frames yet: a proxy's header in front,
//! compression around them.
//!
//! A few compressed bytes may become very many. A connection is inflated by a
//! bounded piece in each turn and only while the queue takes what comes; as long
//! as some of its bytes wait, nothing is received on it.

use std::net::SocketAddr;
use std::ops::Range;
use std::sync::Arc;

use super::Reactor;
use crate::base::{Chunk, Clock};
use crate::limits::{INFLATE_BYTES, INFLATE_TURN_BYTES};
use crate::message::{Severity, Source};
use crate::receive::CloseReason;
use crate::receive::connection::{Connection, ReceiveState};
use crate::receive::proxy::{self, Parsed};
use crate::receive::tellings::Telling;
use crate::ring::{Kind, Ring, Token};

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Takes received bytes of a connection that has a wrapping.
    pub(super) fn unwrap_chunk(&mut self, slot: usize, mut chunk: Chunk, mut range: Range<usize>) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let Some(wrapping) = &mut connection.wrapping else {
            return;
        };
        if wrapping.is_refused {
            return;
        }
        if wrapping.awaits_header {
            let start = range.start - connection.carry.len();
            chunk.bytes_mut()[start..range.start].copy_from_slice(&connection.carry);
            match proxy::parse(&chunk.bytes()[start..range.end]) {
                Parsed::Incomplete => {
                    connection.carry.extend_from_slice(&chunk.bytes()[range]);
                    return;
                }
                Parsed::Wrong(what) => {
                    connection.carry.clear();
                    return self.refuse_bytes(slot, Telling::ProxyHeader, what);
                }
                Parsed::Header { len, sender } => {
                    range.start = start + len;
                    connection.carry.clear();
                    wrapping.awaits_header = false;
                    if let Some(sender) = sender {
                        set_sender(connection, sender);
                        self.name_sender(slot, sender.ip());
                    }
                }
            }
        }
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let wrapping = connection.wrapping.as_mut();
        match wrapping.and_then(|wrapping| wrapping.inflater.as_mut()) {
            Some(inflater) => {
                inflater.push(&chunk.bytes()[range]);
                self.inflate(slot);
            }
            None => {
                connection.wrapping = None;
                if !range.is_empty() {
                    self.frame_chunk(slot, chunk, range);
                }
            }
        }
    }

    /// Inflates and frames what has come, by one turn's measure, and has the
    /// connection wait for its next turn if more is left.
    fn inflate(&mut self, slot: usize) {
        let mut out = std::mem::take(&mut self.inflated);
        // The cut frame stands in front of what continues it.
        out.resize(self.pools.whole.headroom() + INFLATE_BYTES, 0);
        let mut inflated = 0;
        while inflated < INFLATE_TURN_BYTES {
            let Some(connection) = &mut self.connections[slot] else {
                break;
            };
            if !self.outlets[self.outlet_of[connection.listener]]
                .pending
                .is_empty()
            {
                break;
            }
            let wrapping = connection.wrapping.as_mut();
            let Some(inflater) = wrapping.and_then(|wrapping| wrapping.inflater.as_mut()) else {
                break;
            };
            let carried = connection.carry.len();
            match inflater.step(&mut out[carried..carried + INFLATE_BYTES]) {
                Ok(0) => break,
                Ok(len) => {
                    out[..carried].copy_from_slice(&connection.carry);
                    connection.carry.clear();
                    inflated += len;
                    let counters = &self.shared.listeners[connection.listener].counters;
                    counters.inflated_bytes.add(len as u64);
                    self.collect(slot, &out, 0, carried + len);
                }
                Err(_) => {
                    self.refuse_bytes(slot, Telling::Compression, "a damaged compressed stream");
                    break;
                }
            }
        }
        self.inflated = out;
        let connection = self.connections[slot].as_ref();
        if connection.is_some_and(Connection::has_backlog) {
            self.pause_to_inflate(slot);
        }
    }

    /// Receives nothing on a connection until its backlog is inflated.
    fn pause_to_inflate(&mut self, slot: usize) {
        self.list_to_inflate(slot);
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let Some(wrapping) = &mut connection.wrapping else {
            return;
        };
        if connection.receive == ReceiveState::Armed && !wrapping.is_paused {
            wrapping.is_paused = true;
            let listener = connection.listener;
            let kind = Kind::Receive(self.group_of(listener));
            self.ring.cancel(kind, slot as Token);
        }
    }

    /// Notes that no receive is under way on a connection with a backlog.
    pub(super) fn wait_to_inflate(&mut self, slot: usize) {
        self.list_to_inflate(slot);
        if let Some(connection) = &mut self.connections[slot] {
            if connection.receive != ReceiveState::Inflating {
                connection.account.pause(self.now);
            }
            connection.receive = ReceiveState::Inflating;
        }
    }

    fn list_to_inflate(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let outlet = self.outlet_of[connection.listener];
        if let Some(wrapping) = &mut connection.wrapping
            && !wrapping.is_listed
        {
            wrapping.is_listed = true;
            self.outlets[outlet].inflating.push_back(slot);
        }
    }

    /// Whether the connection's receive was cancelled because of its backlog.
    pub(super) fn is_paused_to_inflate(&self, slot: usize) -> bool {
        let connection = self.connections[slot].as_ref();
        let wrapping = connection.and_then(|connection| connection.wrapping.as_ref());
        wrapping.is_some_and(|wrapping| wrapping.is_paused)
    }

    /// One turn of each connection that waits to be inflated, while its queue
    /// takes what comes.
    pub(super) fn inflate_on(&mut self) {
        for outlet in 0..self.outlets.len() {
            self.inflate_for(outlet);
        }
    }

    fn inflate_for(&mut self, outlet: usize) {
        for _ in 0..self.outlets[outlet].inflating.len() {
            if !self.outlets[outlet].pending.is_empty() {
                return;
            }
            let Some(slot) = self.outlets[outlet].inflating.pop_front() else {
                return;
            };
            if let Some(connection) = &mut self.connections[slot]
                && let Some(wrapping) = &mut connection.wrapping
            {
                wrapping.is_listed = false;
                self.inflate(slot);
                self.end_inflating(slot);
            }
        }
    }

    /// Goes on with a connection on which nothing is received, once its backlog
    /// is gone.
    fn end_inflating(&mut self, slot: usize) {
        let Some(connection) = &self.connections[slot] else {
            return;
        };
        if connection.receive == ReceiveState::Inflating && !connection.has_backlog() {
            // Closes it if that is what it waits for.
            self.rearm(slot);
        }
    }

    /// Gives up what waits to be inflated: the time to stop is over.
    pub(super) fn forget_backlogs(&mut self) {
        let lists = self.outlets.iter_mut();
        let lists = lists.flat_map(|outlet| outlet.inflating.drain(..));
        for slot in lists.collect::<Vec<usize>>() {
            if let Some(connection) = &mut self.connections[slot]
                && let Some(wrapping) = &mut connection.wrapping
            {
                wrapping.is_listed = false;
                let bytes = wrapping.forget_backlog() as u64;
                let counters = &self.shared.listeners[connection.listener].counters;
                counters.uninflated_bytes.add(bytes);
            }
            self.end_inflating(slot);
        }
    }

    /// Ends a connection whose bytes are not what they have to be.
    fn refuse_bytes(&mut self, slot: usize, telling: Telling, what: &str) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if let Some(wrapping) = &mut connection.wrapping {
            wrapping.is_refused = true;
            wrapping.forget_backlog();
        }
        let shared = &self.shared.listeners[connection.listener];
        let counter = match telling {
            Telling::ProxyHeader => &shared.counters.proxy_refused,
            _ => &shared.counters.corrupt,
        };
        counter.add(1);
        if shared.tellings.is_due(telling, self.now) {
            let text = format!(
                "listener {}: {what} from {}: its connection is closed; so were {} so far",
                shared.options.name,
                connection.account.name(),
                counter.get()
            );
            self.shared.report.report(Severity::WARNING, text);
        }
        self.end_connection(slot, CloseReason::Error);
    }
}

/// From now on messages are those of the sender behind the proxy.
fn set_sender(connection: &mut Connection, sender: SocketAddr) {
    let sender = SocketAddr::new(sender.ip().to_canonical(), sender.port());
    connection.account.set_sender(sender);
    let address: Box<str> = sender.ip().to_string().into();
    connection.source = Arc::new(Source {
        host: address.clone(),
        address,
        port: sender.port(),
        input: connection.source.input.clone(),
    });
}
