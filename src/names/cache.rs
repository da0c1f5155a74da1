//! The names that are known: a table of fixed size, read and written without a
//! lock.

use std::hash::{BuildHasher, RandomState};
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwapOption;

use crate::base::{Counter, Instant};
use crate::limits::NAME_CACHE_ENTRIES_MAX;

/// Places that an address may have.
const WAYS: usize = 4;

/// What is known of an address.
struct Entry {
    address: IpAddr,
    /// None: it is known to have none.
    name: Option<Arc<str>>,
    until: Instant,
}

/// Addresses and their names, each for a time.
///
/// An address has a few places to lie in, chosen by a hash with a key of its
/// own, so that no peer can choose which others it drives out.
pub(super) struct Cache {
    places: Box<[ArcSwapOption<Entry>]>,
    hasher: RandomState,
}

impl Cache {
    /// An empty one.
    pub fn new() -> Cache {
        let places = (0..NAME_CACHE_ENTRIES_MAX).map(|_| ArcSwapOption::empty());
        Cache {
            places: places.collect(),
            hasher: RandomState::new(),
        }
    }

    /// What is known of the address now: its name, or that it has none.
    pub fn find(&self, address: IpAddr, now: Instant) -> Option<Option<Arc<str>>> {
        self.places_of(address).iter().find_map(|place| {
            let entry = place.load();
            let entry = entry.as_ref()?;
            (entry.address == address && now < entry.until).then(|| entry.name.clone())
        })
    }

    /// Enters what is known of an address until then, in the place of what it
    /// was, of nothing, or of what would be forgotten first. `entries` counts.
    pub fn insert(
        &self,
        address: IpAddr,
        name: Option<Arc<str>>,
        until: Instant,
        entries: &Counter,
    ) {
        let places = self.places_of(address);
        let place = places
            .iter()
            .min_by_key(|place| match place.load().as_ref() {
                Some(entry) if entry.address == address => (0, Instant::default()),
                None => (1, Instant::default()),
                Some(entry) => (2, entry.until),
            });
        let entry = Arc::new(Entry {
            address,
            name,
            until,
        });
        if let Some(place) = place
            && place.swap(Some(entry)).is_none()
        {
            entries.add(1);
        }
    }

    fn places_of(&self, address: IpAddr) -> &[ArcSwapOption<Entry>] {
        let sets = self.places.len() / WAYS;
        let set = self.hasher.hash_one(address) as usize % sets;
        &self.places[set * WAYS..][..WAYS]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    const NOW: Instant = Instant { nanos: 1000 };

    #[test]
    fn what_was_entered_is_known_until_its_time() {
        let cache = Cache::new();
        let entries = Counter::default();
        let later = NOW + Duration::from_secs(5);
        assert!(cache.find(address(1), NOW).is_none());
        cache.insert(address(1), Some("one".into()), later, &entries);
        cache.insert(address(2), None, later, &entries);
        assert_eq!(cache.find(address(1), NOW), Some(Some("one".into())));
        assert_eq!(cache.find(address(2), NOW), Some(None));
        assert_eq!(cache.find(address(1), later), None);
        // Anew, in the same place.
        let latest = later + Duration::from_secs(5);
        cache.insert(address(1), Some("uno".into()), latest, &entries);
        assert_eq!(cache.find(address(1), later), Some(Some("uno".into())));
        assert_eq!(entries.get(), 2);
    }

    #[test]
    fn it_never_holds_more_than_it_has_places_for() {
        let cache = Cache::new();
        let entries = Counter::default();
        let count = NAME_CACHE_ENTRIES_MAX as u32 * 2;
        for number in 0..count {
            let until = NOW + Duration::from_secs(number.into());
            cache.insert(address(number), Some("x".into()), until, &entries);
        }
        let known = (0..count).filter(|number| cache.find(address(*number), NOW).is_some());
        let known = known.count();
        assert!(known as u64 <= entries.get());
        assert!(entries.get() <= NAME_CACHE_ENTRIES_MAX as u64);
        assert!(known > NAME_CACHE_ENTRIES_MAX / 2, "{known}");
        // What is to be forgotten first goes first.
        assert!(cache.find(address(count - 1), NOW).is_some());
    }
}
