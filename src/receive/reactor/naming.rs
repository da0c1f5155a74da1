//! The names of peers: the first receive of a connection waits for its own, for
//! a limited time; an answer that comes later holds from then on.

use std::net::IpAddr;
use std::sync::Arc;

use super::Reactor;
use crate::base::{Clock, Instant};
use crate::message::Source;
use crate::names::{Named, Names, Request};
use crate::receive::connection::ReceiveState;
use crate::ring::{Ring, Token};

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Gives a connection that is about to be served the name of its peer, or
    /// asks for it. Returns whether its reception waits for the answer.
    pub(super) fn waits_for_name(&mut self, slot: usize, address: IpAddr) -> bool {
        let Some(names) = self.shared.names.clone() else {
            return false;
        };
        if let Some(name) = names.known(address, self.now) {
            self.set_name(slot, name);
            return false;
        }
        self.ask_for_name(&names, slot, address);
        let patience = names.patience();
        let Some(connection) = &mut self.connections[slot] else {
            return false;
        };
        if connection.asked.is_none() || patience.is_zero() {
            return false;
        }
        let until = self.now + patience;
        connection.receive = ReceiveState::Naming { until };
        // Its end shall be noticed also while nothing is received.
        self.ring.watch(connection.socket, slot as Token);
        self.naming.push_back((until, slot));
        true
    }

    /// Gives a connection the name of the sender that its proxy tells of, or asks
    /// for it: what comes until the answer has the sender's address.
    pub(super) fn name_sender(&mut self, slot: usize, address: IpAddr) {
        let Some(names) = self.shared.names.clone() else {
            return;
        };
        match names.known(address, self.now) {
            Some(name) => self.set_name(slot, name),
            None => self.ask_for_name(&names, slot, address),
        }
    }

    fn ask_for_name(&mut self, names: &Names, slot: usize, address: IpAddr) {
        let is_new = !self.unnamed.contains_key(&address);
        let reactor = self.options.index;
        if is_new && !names.ask(Request { address, reactor }) {
            return;
        }
        self.unnamed.entry(address).or_default().push(slot);
        if let Some(connection) = &mut self.connections[slot] {
            connection.asked = Some(address);
        }
    }

    /// Takes the answers that came, and begins to receive where the wait for
    /// one is over.
    pub(super) fn take_names(&mut self) {
        while let Some(Named { address, name }) =
            self.shared.inboxes[self.options.index].pop_named()
        {
            if let Some(name) = &name {
                self.name_senders(address, name);
            }
            for slot in self.unnamed.remove(&address).unwrap_or_default() {
                if let Some(connection) = &mut self.connections[slot] {
                    connection.asked = None;
                }
                self.set_name(slot, name.clone());
                if self.is_naming(slot) {
                    self.begin(slot);
                }
            }
        }
        while let Some((until, slot)) = self.naming.front().copied() {
            let connection = self.connections[slot].as_ref();
            let state = connection.map(|connection| connection.receive);
            // Else it has its name, or it ended and another has its slot.
            if state == Some(ReceiveState::Naming { until }) {
                if until > self.now && !self.is_hopeless() {
                    return;
                }
                self.begin(slot);
            }
            self.naming.pop_front();
        }
    }

    /// Whether nobody has to wait for the resolver.
    fn is_hopeless(&self) -> bool {
        let names = self.shared.names.as_ref();
        names.is_none_or(|names| names.patience().is_zero())
    }

    /// When the wait of a connection for its name ends.
    pub(super) fn naming_until(&self) -> Option<Instant> {
        self.naming.front().map(|(until, _)| *until)
    }

    /// Forgets that a connection wants the name of its peer.
    pub(super) fn forget_name(&mut self, slot: usize, address: IpAddr) {
        if let Some(slots) = self.unnamed.get_mut(&address) {
            slots.retain(|unnamed| *unnamed != slot);
        }
    }

    /// Begins to receive on a connection that waited for its name.
    fn begin(&mut self, slot: usize) {
        if let Some(connection) = &self.connections[slot] {
            connection.account.begin(self.now);
        }
        self.rearm(slot);
    }

    fn is_naming(&self, slot: usize) -> bool {
        let connection = self.connections[slot].as_ref();
        connection
            .is_some_and(|connection| matches!(connection.receive, ReceiveState::Naming { .. }))
    }

    /// What the connection receives from now on comes from a peer of this name.
    fn set_name(&mut self, slot: usize, name: Option<Arc<str>>) {
        let (Some(name), Some(connection)) = (name, &mut self.connections[slot]) else {
            return;
        };
        let options = &self.shared.listeners[connection.listener].options;
        let name = match options.preserve_case {
            true => name,
            false => Arc::from(name.to_ascii_lowercase()),
        };
        connection.source = Arc::new(Source {
            host: Box::from(&*name),
            ..Source::clone(&connection.source)
        });
        connection.account.set_name(name);
    }
}
