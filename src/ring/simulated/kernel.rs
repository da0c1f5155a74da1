//! The simulated kernel: what it does about the operations of the rings.

use std::collections::VecDeque;
use std::io;
use std::os::fd::RawFd;

use super::{FIRST_SOCKET, Network, POISON_BYTES, RingState, Socket};
use crate::base::Chunk;
use crate::ring::{Completion, Kind, Outcome, Received, Size, Token};

impl Network {
    pub(super) fn socket(&mut self, socket: RawFd) -> &mut Socket {
        &mut self.sockets[(socket - FIRST_SOCKET) as usize]
    }

    pub(super) fn ring(&mut self, index: usize) -> &mut RingState {
        &mut self.rings[index]
    }

    /// The operations of a ring that can complete now.
    pub(super) fn completable(&self, ring: usize) -> Vec<(Kind, Token)> {
        let state = &self.rings[ring];
        let accepts = state.accepts.iter().filter(|(_, accept)| {
            let waits = |backlog: &VecDeque<RawFd>| !backlog.is_empty();
            accept.is_cancelled || self.backlogs.get(&accept.listener).is_some_and(waits)
        });
        let receives = state.receives.iter().filter(|(_, receive)| {
            let socket = &self.sockets[(receive.socket - FIRST_SOCKET) as usize];
            // A buffer is picked before the kernel looks for data.
            let chunks = state.chunks(receive.group, receive.size);
            let has_no_chunk = receive.is_new && chunks.is_empty();
            let has_data = !socket.unread.is_empty() || socket.is_finished || socket.is_reset;
            receive.is_cancelled || has_no_chunk || has_data
        });
        let watches = state.watches.iter().filter(|(_, watch)| {
            let socket = &self.sockets[(watch.socket - FIRST_SOCKET) as usize];
            watch.is_cancelled || socket.is_finished || socket.is_reset
        });
        accepts
            .map(|(&token, _)| (Kind::Accept, token))
            .chain(watches.map(|(&token, _)| (Kind::Watch, token)))
            .chain(receives.map(|(&token, receive)| (receive.kind(), token)))
            .chain(self.completable_messages(ring))
            .collect()
    }

    /// Completes some of what can be completed, in any order.
    pub(super) fn run(&mut self, ring: usize) {
        let mut operations = self.completable(ring);
        while !operations.is_empty() {
            let pick = self.random.within(0..operations.len());
            let (kind, token) = operations.swap_remove(pick);
            let is_only = operations.is_empty() && self.rings[ring].ready.is_empty();
            if !is_only && self.random.chance(self.faults.late) {
                continue;
            }
            match kind {
                Kind::Accept => self.run_accept(ring, token),
                Kind::Receive(_) | Kind::ReceiveShort(_) => self.run_receive(ring, token),
                Kind::ReceiveMessage => self.run_messages(ring, token),
                Kind::Watch => {
                    self.rings[ring].watches.remove(&token);
                    self.complete(ring, token, Outcome::HungUp, true);
                }
            }
        }
        for receive in self.rings[ring].receives.values_mut() {
            receive.is_new = false;
        }
    }

    pub(super) fn run_accept(&mut self, ring: usize, token: Token) {
        let accept = &self.rings[ring].accepts[&token];
        let (listener, is_cancelled) = (accept.listener, accept.is_cancelled);
        if is_cancelled {
            return self.end_accept(ring, token, libc::ECANCELED);
        }
        loop {
            let Some(&socket) = self.backlogs.get(&listener).and_then(VecDeque::front) else {
                return;
            };
            if self.random.chance(self.faults.accept_failed) {
                return self.end_accept(ring, token, libc::EMFILE);
            }
            self.backlogs.entry(listener).or_default().pop_front();
            self.socket(socket).is_accepted = true;
            let is_last = self.random.chance(self.faults.ended_early);
            let outcome = Outcome::Accepted(Ok(socket));
            if self.complete(ring, token, outcome, is_last) {
                self.rings[ring].accepts.remove(&token);
                return;
            }
        }
    }

    pub(super) fn end_accept(&mut self, ring: usize, token: Token, errno: i32) {
        self.rings[ring].accepts.remove(&token);
        let error = io::Error::from_raw_os_error(errno);
        self.complete(ring, token, Outcome::Accepted(Err(error)), true);
    }

    pub(super) fn run_receive(&mut self, ring: usize, token: Token) {
        loop {
            let receive = &self.rings[ring].receives[&token];
            let (group, size) = (receive.group, receive.size);
            let has_chunk = !self.rings[ring].chunks(group, size).is_empty();
            let (name, is_new, is_cancelled) =
                (receive.socket, receive.is_new, receive.is_cancelled);
            let socket = self.socket(name);
            assert!(!socket.is_closed && socket.has_receive);
            let has_data = !socket.unread.is_empty();
            let has_ended = socket.is_finished || socket.is_reset;
            let ending = if is_cancelled {
                Received::Cancelled
            } else if !has_chunk && (is_new || has_data || has_ended) {
                Received::NoChunk
            } else if has_data {
                if self.receive_bytes(ring, token, name) {
                    return;
                }
                continue;
            } else if socket.is_reset {
                Received::Failed(io::Error::from_raw_os_error(libc::ECONNRESET))
            } else if socket.is_finished {
                Received::End
            } else {
                return;
            };
            self.end_receive(ring, token, name);
            self.complete(ring, token, Outcome::Received(ending), true);
            return;
        }
    }

    /// One receive into one or several chunks. Returns whether it is over for
    /// now.
    pub(super) fn receive_bytes(&mut self, ring: usize, token: Token, name: RawFd) -> bool {
        let receive = &self.rings[ring].receives[&token];
        let (group, size) = (receive.group, receive.size);
        let provided = self.rings[ring].chunks(group, size);
        let chunk_bytes = provided[0].size();
        let chunks = match self.faults.bundles && size == Size::Whole {
            true => provided.len(),
            false => 1,
        };
        let mut len = self.socket(name).unread.len().min(chunks * chunk_bytes);
        let is_short = self.random.chance(self.faults.short);
        if is_short {
            len = self.random.within_log(1..len + 1);
        }
        let is_last = self.random.chance(self.faults.ended_early);
        if is_last {
            self.end_receive(ring, token, name);
        }
        while len > 0 {
            let piece = len.min(chunk_bytes);
            len -= piece;
            let chunk = self.rings[ring].chunks_mut(group, size).pop_front();
            let mut chunk = chunk.expect("as many chunks as counted");
            self.fill(&mut chunk, name, piece);
            let received = Received::Bytes { chunk, len: piece };
            let is_last = is_last && len == 0;
            self.complete(ring, token, Outcome::Received(received), is_last);
        }
        is_last || (is_short && self.random.chance(50))
    }

    pub(super) fn fill(&mut self, chunk: &mut Chunk, name: RawFd, len: usize) {
        let socket = self.socket(name);
        let start = chunk.headroom();
        let bytes = chunk.bytes_mut();
        let end = (start + len + POISON_BYTES).min(bytes.len());
        bytes[start.saturating_sub(POISON_BYTES)..start].fill(b'\n');
        bytes[start + len..end].fill(b'\n');
        let places = bytes[start..start + len].iter_mut();
        for (place, byte) in places.zip(socket.unread.drain(..len)) {
            *place = byte;
        }
        socket.received += len;
    }

    pub(super) fn end_receive(&mut self, ring: usize, token: Token, name: RawFd) {
        self.rings[ring].receives.remove(&token);
        self.socket(name).has_receive = false;
    }

    /// Returns `is_last`.
    pub(super) fn complete(
        &mut self,
        ring: usize,
        token: Token,
        outcome: Outcome,
        is_last: bool,
    ) -> bool {
        self.rings[ring].ready.push_back(Completion {
            token,
            outcome,
            is_last,
        });
        is_last
    }
}
