//! A set of numbers, kept as intervals.

use std::collections::BTreeMap;

/// Numbers that were seen. A stream without holes is one interval, and adding
/// its next number is one comparison.
#[derive(Clone, Debug, Default)]
pub struct Intervals {
    /// The interval that grew last, as start and end (exclusive); empty at first.
    /// It is not in `others`.
    growing: (u64, u64),
    /// Start -> end (exclusive); they neither touch nor overlap each other.
    others: BTreeMap<u64, u64>,
}

impl Intervals {
    /// Adds a number; `false` where it was there already.
    pub fn insert(&mut self, number: u64) -> bool {
        if number == self.growing.1 && self.growing.0 < self.growing.1 {
            match self.others.remove(&(number + 1)) {
                Some(end) => self.growing.1 = end,
                None if self.others.contains_key(&number) => return false,
                None => self.growing.1 = number + 1,
            }
            return true;
        }
        self.insert_range(number, number + 1) == 0
    }

    /// Adds all numbers from `start` to `end` (exclusive); returns how many were
    /// there already.
    pub fn insert_range(&mut self, start: u64, end: u64) -> u64 {
        self.put_growing_back();
        let mut merged = (start, end);
        let mut known = 0;
        // From the last interval that begins at or before `end`, downwards, as
        // long as they touch.
        while let Some((&other_start, &other_end)) = self.others.range(..=merged.1).next_back() {
            if other_end < merged.0 {
                break;
            }
            known += other_end.min(end).saturating_sub(other_start.max(start));
            merged = (merged.0.min(other_start), merged.1.max(other_end));
            self.others.remove(&other_start);
        }
        self.growing = merged;
        known
    }

    fn put_growing_back(&mut self) {
        if self.growing.0 < self.growing.1 {
            self.others.insert(self.growing.0, self.growing.1);
        }
        self.growing = (0, 0);
    }

    /// Adds another set; returns how many numbers were in both.
    pub fn merge(&mut self, other: &Intervals) -> u64 {
        other
            .iter()
            .map(|(start, end)| self.insert_range(start, end))
            .sum()
    }

    /// The intervals, in no order.
    fn iter(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let growing = Some(self.growing).filter(|(start, end)| start < end);
        growing
            .into_iter()
            .chain(self.others.iter().map(|(&start, &end)| (start, end)))
    }

    /// The ranges from 0 to the highest number that are missing, ascending, as
    /// start and end (exclusive).
    pub fn holes(&self) -> Vec<(u64, u64)> {
        let mut intervals: Vec<_> = self.iter().collect();
        intervals.sort_unstable();
        let mut holes = Vec::new();
        let mut next = 0;
        for (start, end) in intervals {
            if start > next {
                holes.push((next, start));
            }
            next = end;
        }
        holes
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn stream_without_holes() {
        let mut set = Intervals::default();
        assert!((0..1000).all(|number| set.insert(number)));
        assert!(set.holes().is_empty());
        assert!(set.others.is_empty());
        assert!(!set.insert(999));
        assert!(!set.insert(0));
    }

    #[test]
    fn filled_hole_is_none() {
        let mut set = Intervals::default();
        for number in [0, 1, 5, 6, 2, 3] {
            assert!(set.insert(number));
        }
        assert_eq!(set.holes(), [(4, 5)]);
        assert!(set.insert(4));
        assert!(set.holes().is_empty());
        assert_eq!(set.merge(&set.clone()), 7);
    }

    proptest! {
        #[test]
        fn like_a_plain_set(
            left in prop::collection::vec(0_u64..60, 0..80),
            right in prop::collection::vec(0_u64..60, 0..80),
        ) {
            let (mut sets, mut models) = (Vec::new(), Vec::new());
            for numbers in [&left, &right] {
                let (mut set, mut model) = (Intervals::default(), BTreeSet::new());
                for &number in numbers {
                    prop_assert_eq!(set.insert(number), model.insert(number));
                }
                sets.push(set);
                models.push(model);
            }
            let both = models[0].intersection(&models[1]).count() as u64;
            let (mut set, other) = (sets[0].clone(), &sets[1]);
            prop_assert_eq!(set.merge(other), both);
            let union: BTreeSet<u64> = models[0].union(&models[1]).copied().collect();
            let missing: Vec<u64> = (0..union.last().map_or(0, |last| last + 1))
                .filter(|number| !union.contains(number))
                .collect();
            let holes: Vec<u64> = set.holes().into_iter().flat_map(|(start, end)| start..end).collect();
            prop_assert_eq!(holes, missing);
        }
    }
}
