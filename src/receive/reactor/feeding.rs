//! Chunks for receives: who gets one, and who waits for one.
//!
//! A connection receives into short chunks until it fills one, and into whole
//! ones from then on: a message of a few bytes would keep a whole chunk from
//! others until the end of the turn.

use std::collections::VecDeque;

use super::Reactor;
use crate::base::Clock;
use crate::receive::connection::ReceiveState;
use crate::ring::{Kind, Ring, Size, Token};

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
        let mut left = [Size::Short, Size::Whole].map(|size| self.ring.provided(size));
        for size in [Size::Short, Size::Whole] {
            while left[size as usize] > 0
                && let Some(slot) = self.starved(size).pop_front()
            {
                left[size as usize] -= 1;
                self.rearm(slot);
            }
        }
        for slot in std::mem::take(&mut self.unfed) {
            let connection = self.connections[slot].as_ref();
            let Some(connection) =
                connection.filter(|connection| connection.receive == ReceiveState::Unfed)
            else {
                continue;
            };
            let left = &mut left[connection.size as usize];
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
        let size = connection.size;
        connection.receive = ReceiveState::Starved;
        connection.account.pause(self.now);
        // Its end shall be noticed also while nothing is received.
        self.ring.watch(connection.socket, slot as Token);
        self.starved(size).push_back(slot);
    }

    /// No longer waits for a chunk for a connection.
    pub(super) fn forget_hunger(&mut self, slot: usize) {
        self.unfed.retain(|unfed| *unfed != slot);
        self.starved.retain(|starved| *starved != slot);
        self.starved_short.retain(|starved| *starved != slot);
    }

    fn starved(&mut self, size: Size) -> &mut VecDeque<usize> {
        match size {
            Size::Short => &mut self.starved_short,
            Size::Whole => &mut self.starved,
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
        if is_under_way {
            connection.is_growing = true;
            self.ring.cancel(Kind::ReceiveShort, slot as Token);
        }
    }
}
