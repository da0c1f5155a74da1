//! Chunks for receives: who gets one, and who waits for one.
//!
//! A connection receives into short chunks until it fills one, and into whole
//! ones from then on: a message of a few bytes would keep a whole chunk from
//! others until the end of the turn.

use super::Reactor;
use crate::base::Clock;
use crate::receive::connection::ReceiveState;
use crate::ring::{Group, Kind, Ring, Size, Token};

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// Notes that a receive found no chunk, unless its connection is to end.
    pub(super) fn unfeed(&mut self, slot: usize) {
        if !self.may_receive(slot) {
            return;
        }
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        connection.receive = ReceiveState::Unfed;
        let counters = &self.shared.listeners[connection.listener].counters;
        counters.starved.add(1);
        self.unfed.push(slot);
    }

    /// Starts receives that found no chunk, as many as there are now; those that
    /// waited longest first.
    pub(super) fn feed(&mut self) {
        for group in 0..self.groups.len() {
            for size in [Size::Short, Size::Whole] {
                let mut left = self.ring.provided(group as Group, size);
                while left > 0
                    && let Some(slot) = self.groups[group].starved(size).pop_front()
                {
                    left -= 1;
                    self.rearm(slot);
                }
                self.groups[group].left[size as usize] = left;
            }
        }
        for slot in std::mem::take(&mut self.unfed) {
            let connection = self.connections[slot].as_ref();
            let Some(connection) =
                connection.filter(|connection| connection.receive == ReceiveState::Unfed)
            else {
                continue;
            };
            let group = usize::from(self.group_of(connection.listener));
            let left = &mut self.groups[group].left[connection.size as usize];
            if *left > 0 {
                *left -= 1;
                self.rearm(slot);
            } else {
                self.starve(slot);
            }
        }
    }

    /// Pauses a connection until there is a chunk for it.
    fn starve(&mut self, slot: usize) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        let (listener, size) = (connection.listener, connection.size);
        connection.receive = ReceiveState::Starved;
        connection.account.pause(self.now);
        // Its end shall be noticed also while nothing is received.
        self.ring.watch(connection.socket, slot as Token);
        let group = usize::from(self.group_of(listener));
        self.groups[group].starved(size).push_back(slot);
    }

    /// Whether connections wait for chunks that there are.
    pub(super) fn can_feed(&self) -> bool {
        let mut groups = self.groups.iter().enumerate();
        groups.any(|(number, group)| {
            let has = |size| self.ring.provided(number as Group, size) > 0;
            (!group.starved.is_empty() && has(Size::Whole))
                || (!group.starved_short.is_empty() && has(Size::Short))
        })
    }

    /// No longer waits for a chunk for a connection.
    pub(super) fn forget_hunger(&mut self, slot: usize) {
        self.unfed.retain(|unfed| *unfed != slot);
        let Some(connection) = &self.connections[slot] else {
            return;
        };
        let group = usize::from(self.group_of(connection.listener));
        for size in [Size::Short, Size::Whole] {
            let starved = self.groups[group].starved(size);
            starved.retain(|starved| *starved != slot);
        }
    }

    /// From now on a connection that filled a short chunk receives into whole
    /// ones. `is_under_way`: its receive into short ones is not over.
    pub(super) fn grow(&mut self, slot: usize, is_under_way: bool) {
        let Some(connection) = &mut self.connections[slot] else {
            return;
        };
        if connection.size == Size::Whole || connection.ending.is_some() {
            return;
        }
        connection.size = Size::Whole;
        let listener = connection.listener;
        if is_under_way {
            connection.is_growing = true;
            let kind = Kind::ReceiveShort(self.group_of(listener));
            self.ring.cancel(kind, slot as Token);
        }
    }
}
