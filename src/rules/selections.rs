//! Which messages of a batch go where.

use super::set::{self, Set, View, WORD};
use crate::message::Priority;

/// The outcome of [`Program::evaluate`](super::Program::evaluate) for a batch:
/// a set of messages for each target. Made once and used for every batch.
#[derive(Debug, Default)]
pub struct Selections {
    /// Messages of the batch.
    pub(super) count: usize,
    actions: Vec<Set>,
    /// For the queues of rulesets.
    rulesets: Vec<Set>,
    /// The messages that `stop` took out.
    pub(super) stopped: Set,
    /// Sets that wait to be used again.
    spare: Vec<Set>,
    /// The priorities of all messages, read once however many selectors there
    /// are; empty until the first one asks.
    priorities: Vec<Priority>,
    /// The union of all targets' sets.
    chosen: Set,
}

/// Where a message goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Target {
    /// To the action of this index.
    Action(usize),
    /// Into the queue of the ruleset of this index.
    Ruleset(usize),
}

/// The messages that one target gets, in their order.
#[derive(Clone, Copy, Debug)]
pub struct Selected<'a> {
    count: usize,
    view: View<'a>,
}

impl Selections {
    /// The messages that `target` gets: none if there is no such target.
    pub fn of(&self, target: Target) -> Selected<'_> {
        let set = match target {
            Target::Action(action) => self.actions.get(action),
            Target::Ruleset(ruleset) => self.rulesets.get(ruleset),
        };
        Selected {
            count: self.count,
            view: set.map_or(View::None, Set::view),
        }
    }

    /// Has all of `count` messages go to one target.
    pub fn choose_all(&mut self, count: usize, target: Target) {
        self.begin(count);
        if count > 0 {
            let mut all = self.spare();
            all.set_all();
            self.choose(target, &all);
            self.put_back(all);
        }
    }

    /// How many messages go nowhere at all, because no rule chose an action or a
    /// ruleset's queue, or because they were stopped before.
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
        self.rulesets.iter_mut().for_each(Set::set_none);
        self.stopped.set_none();
        self.chosen.set_none();
        self.priorities.clear();
    }

    /// Adds messages to those of a target.
    pub(super) fn choose(&mut self, target: Target, messages: &Set) {
        let (sets, index) = match target {
            Target::Action(action) => (&mut self.actions, action),
            Target::Ruleset(ruleset) => (&mut self.rulesets, ruleset),
        };
        if index >= sets.len() {
            sets.resize_with(index + 1, Set::default);
        }
        sets[index].unite(messages, self.count);
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
    /// Whether there are none.
    pub fn is_none(&self) -> bool {
        self.view == View::None
    }

    /// Whether it is all messages of the batch.
    pub fn is_all(&self) -> bool {
        self.view == View::All
    }

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

    /// The indexes of the messages, in their order.
    pub fn iter(&self) -> impl Iterator<Item = usize> {
        let mut from = 0;
        std::iter::from_fn(move || {
            let index = self.next(from)?;
            from = index + 1;
            Some(index)
        })
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
