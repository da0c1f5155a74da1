//! Which messages of a batch go to which action.

use super::set::{self, Set, View, WORD};
use crate::message::Priority;

/// The outcome of [`Program::evaluate`](super::Program::evaluate) for a batch:
/// a set of messages for each action. Made once and used for every batch.
#[derive(Debug, Default)]
pub struct Selections {
    /// Messages of the batch.
    pub(super) count: usize,
    actions: Vec<Set>,
    /// The messages that `stop` took out.
    pub(super) stopped: Set,
    /// Sets that wait to be used again.
    spare: Vec<Set>,
    /// The priorities of all messages, read once however many selectors there
    /// are; empty until the first one asks.
    priorities: Vec<Priority>,
    /// The union of all actions' sets.
    chosen: Set,
}

/// The messages that one action gets, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    count: usize,
    view: View<'a>,
}

impl Selections {
    /// Storage for a program with this many actions; it grows if there are more.
    pub fn new(actions: usize) -> Selections {
        let mut selections = Selections::default();
        selections.actions.resize_with(actions, Set::default);
        selections
    }

    /// The messages that action `action` gets: none if there is no such action.
    pub fn of(&self, action: usize) -> Selected<'_> {
        Selected {
            count: self.count,
            view: self.actions.get(action).map_or(View::None, Set::view),
        }
    }

    /// How many messages go to no action at all, because no rule chose one or
    /// because they were stopped before.
    pub fn unmatched(&self) -> usize {
        let chosen = Selected {
            count: self.count,
            view: self.chosen.view(),
        };
        self.count - chosen.count()
    }

    pub(super) fn begin(&mut self, count: usize) {
        self.count = count;
        self.actions.iter_mut().for_each(Set::set_none);
        self.stopped.set_none();
        self.chosen.set_none();
        self.priorities.clear();
    }

    /// Adds messages to those of an action.
    pub(super) fn choose(&mut self, action: usize, messages: &Set) {
        if action >= self.actions.len() {
            self.actions.resize_with(action + 1, Set::default);
        }
        self.actions[action].unite(messages, self.count);
        self.chosen.unite(messages, self.count);
    }

    /// An empty set; give it back to [`put_back`](Selections::put_back).
    pub(super) fn spare(&mut self) -> Set {
        let mut set = self.spare.pop().unwrap_or_default();
        set.set_none();
        set
    }

    pub(super) fn put_back(&mut self, set: Set) {
        self.spare.push(set);
    }

    /// The priorities of all messages, from `read` the first time.
    pub(super) fn priorities(&mut self, read: impl Fn(usize) -> Priority) -> &[Priority] {
        if self.priorities.is_empty() {
            self.priorities.extend((0..self.count).map(read));
        }
        &self.priorities
    }
}

impl Selected<'_> {
    /// How many there are.
    pub fn count(&self) -> usize {
        match self.view {
            View::None => 0,
            View::All => self.count,
            View::Some(words) => words.iter().map(|word| word.count_ones() as usize).sum(),
        }
    }

    /// Calls `each` with the index of every message, in their order.
    #[inline]
    pub fn for_each(&self, mut each: impl FnMut(usize)) {
        match self.view {
            View::None => {}
            View::All => (0..self.count).for_each(each),
            View::Some(words) => {
                for (index, &word) in words.iter().enumerate() {
                    let mut left = word;
                    while left != 0 {
                        each(index * WORD + left.trailing_zeros() as usize);
                        left &= left - 1;
                    }
                }
            }
        }
    }

    /// The first message from index `from` on, for those who go on later.
    #[inline]
    pub fn next(&self, from: usize) -> Option<usize> {
        match self.view {
            View::None => None,
            View::All => (from < self.count).then_some(from),
            View::Some(words) => {
                let mut index = from / WORD;
                let mut left = words.get(index)? & (u64::MAX << (from % WORD));
                while left == 0 {
                    index += 1;
                    left = *words.get(index)?;
                }
                Some(index * WORD + left.trailing_zeros() as usize)
            }
        }
    }
}

/// The bits of word `index` for which `is_member` holds.
#[inline]
pub(super) fn word_of(
    index: usize,
    priorities: &[Priority],
    is_member: impl Fn(Priority) -> bool,
) -> u64 {
    let messages = &priorities[set::messages(index, priorities.len())];
    let bit = |(at, &priority): (usize, &Priority)| u64::from(is_member(priority)) << at;
    messages
        .iter()
        .enumerate()
        .map(bit)
        .fold(0, |word, bit| word | bit)
}
