//! Sets of messages of a batch, by index.

use std::ops::Range;

/// Messages in one word.
pub(super) const WORD: usize = u64::BITS as usize;

/// A set of messages of a batch. What it holds of nothing and of everything
/// costs no memory and no time per message. The storage is kept for the next
/// batch.
#[derive(Clone, Debug, Default)]
pub(super) struct Set {
    members: Members,
    /// With [`Members::Some`], bit n of word w: message 64 w + n.
    words: Vec<u64>,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Members {
    #[default]
    None,
    All,
    /// Some, but not all.
    Some,
}

/// What a set holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum View<'a> {
    None,
    All,
    Some(&'a [u64]),
}

/// The bits of word `index` that stand for one of `count` messages.
fn valid(index: usize, count: usize) -> u64 {
    match count - index * WORD {
        left if left < WORD => (1 << left) - 1,
        _ => u64::MAX,
    }
}

/// The messages of word `index`.
pub(super) fn messages(index: usize, count: usize) -> Range<usize> {
    index * WORD..((index + 1) * WORD).min(count)
}

impl Set {
    pub(super) fn view(&self) -> View<'_> {
        match self.members {
            Members::None => View::None,
            Members::All => View::All,
            Members::Some => View::Some(&self.words),
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.members == Members::None
    }

    pub(super) fn set_none(&mut self) {
        self.members = Members::None;
    }

    pub(super) fn set_all(&mut self) {
        self.members = Members::All;
    }

    pub(super) fn copy(&mut self, other: &Set) {
        self.members = other.members;
        if self.members == Members::Some {
            self.words.clone_from(&other.words);
        }
    }

    /// Becomes those of `scope` that `word` selects. `word` is asked once for
    /// each 64 messages of which `scope` holds any: given the word's index, it
    /// returns bits, of which those of messages in `scope` count.
    pub(super) fn select(&mut self, scope: &Set, count: usize, mut word: impl FnMut(usize) -> u64) {
        if scope.is_empty() {
            return self.set_none();
        }
        self.fill(count, |index| {
            let asked = scope.word(index, count);
            if asked == 0 { 0 } else { word(index) & asked }
        });
    }

    /// Becomes those of `scope` that are not in `other`.
    pub(super) fn difference(&mut self, scope: &Set, other: &Set, count: usize) {
        match (scope.members, other.members) {
            (_, Members::None) => self.copy(scope),
            (Members::None, _) | (_, Members::All) => self.set_none(),
            _ => self.fill(count, |index| {
                scope.word(index, count) & !other.word(index, count)
            }),
        }
    }

    /// Takes in the messages of `other`.
    pub(super) fn unite(&mut self, other: &Set, count: usize) {
        match (self.members, other.members) {
            (_, Members::None) | (Members::All, _) => {}
            (Members::None, _) => self.copy(other),
            (_, Members::All) => self.set_all(),
            _ => {
                let words = self.words.iter_mut().zip(&other.words);
                words.for_each(|(word, other)| *word |= other);
                self.settle(count);
            }
        }
    }

    /// Gives up the messages of `other`.
    pub(super) fn subtract(&mut self, other: &Set, count: usize) {
        match (self.members, other.members) {
            (Members::None, _) | (_, Members::None) => {}
            (_, Members::All) => self.set_none(),
            (Members::All, _) => self.fill(count, |index| !other.word(index, count)),
            _ => {
                let words = self.words.iter_mut().zip(&other.words);
                words.for_each(|(word, other)| *word &= !other);
                self.settle(count);
            }
        }
    }

    /// Becomes what `word` gives for each index.
    fn fill(&mut self, count: usize, mut word: impl FnMut(usize) -> u64) {
        self.words.clear();
        let words = (0..count.div_ceil(WORD)).map(|index| word(index) & valid(index, count));
        self.words.extend(words);
        self.settle(count);
    }

    fn word(&self, index: usize, count: usize) -> u64 {
        match self.members {
            Members::None => 0,
            Members::All => valid(index, count),
            Members::Some => self.words[index],
        }
    }

    /// Finds out whether the words hold nothing or everything.
    fn settle(&mut self, count: usize) {
        let indexed = || self.words.iter().enumerate();
        self.members = if self.words.iter().all(|&word| word == 0) {
            Members::None
        } else if indexed().all(|(index, &word)| word == valid(index, count)) {
            Members::All
        } else {
            Members::Some
        };
    }
}
