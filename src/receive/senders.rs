//! The senders of datagrams: one `Source` for each address, kept for its next
//! datagram in a bounded map.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use crate::base::Instant;
use crate::limits::SENDERS_PER_GENERATION;
use crate::message::Source;

/// How long a sender's name holds until it is looked at again.
const NAME_KEPT: Duration = Duration::from_secs(60);

/// Senders of one socket. They are kept in two generations: when the younger one
/// is full the older one is forgotten, so that who sends again and again stays,
/// whatever number of others sends once.
#[derive(Default)]
pub(super) struct Senders {
    young: HashMap<IpAddr, Sender>,
    old: HashMap<IpAddr, Sender>,
    /// Who sent the last datagram.
    last: Option<(IpAddr, Sender)>,
}

/// What is known of a sender.
#[derive(Clone)]
pub(super) struct Sender {
    pub source: Arc<Source>,
    /// Until when its name need not be looked at.
    named_until: Instant,
}

impl Senders {
    /// The source of this address, if it is known and its name was looked at
    /// lately.
    #[inline]
    pub fn find(&mut self, address: IpAddr, now: Instant) -> Option<&Arc<Source>> {
        let is_last = |last: &(IpAddr, Sender)| last.0 == address;
        if !self.last.as_ref().is_some_and(is_last) {
            let sender = self.take(address)?;
            self.last = Some((address, sender));
        }
        let (_, sender) = self.last.as_ref()?;
        (now < sender.named_until).then_some(&sender.source)
    }

    /// The source of this address, however long its name was not looked at.
    pub fn known(&self, address: IpAddr) -> Option<&Arc<Source>> {
        let sender = self.young.get(&address).or_else(|| self.old.get(&address));
        sender.map(|sender| &sender.source)
    }

    /// Keeps the source of an address, whose name was looked at now.
    pub fn keep(&mut self, address: IpAddr, source: Arc<Source>, now: Instant) {
        let sender = Sender {
            source,
            named_until: now + NAME_KEPT,
        };
        self.enter(address, sender.clone());
        self.last = Some((address, sender));
    }

    /// Changes the source of an address that is kept.
    pub fn rename(&mut self, address: IpAddr, source: Arc<Source>, now: Instant) {
        if self.known(address).is_some() {
            self.keep(address, source, now);
        }
    }

    fn take(&mut self, address: IpAddr) -> Option<Sender> {
        if let Some(sender) = self.young.get(&address) {
            return Some(sender.clone());
        }
        let sender = self.old.remove(&address)?;
        self.enter(address, sender.clone());
        Some(sender)
    }

    fn enter(&mut self, address: IpAddr, sender: Sender) {
        if self.young.len() >= SENDERS_PER_GENERATION && !self.young.contains_key(&address) {
            self.old = std::mem::take(&mut self.young);
        }
        self.young.insert(address, sender);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Instant = Instant { nanos: 1000 };

    fn address(number: u32) -> IpAddr {
        std::net::Ipv4Addr::from_bits(number).into()
    }

    #[test]
    fn a_name_is_looked_at_again_after_a_while() {
        let mut senders = Senders::default();
        assert!(senders.find(address(1), NOW).is_none());
        senders.keep(address(1), Arc::default(), NOW);
        assert!(senders.find(address(1), NOW).is_some());
        let later = NOW + NAME_KEPT;
        assert!(senders.find(address(1), later).is_none());
        assert!(senders.known(address(1)).is_some());
        let named = Arc::new(Source {
            host: "one".into(),
            ..Source::default()
        });
        senders.rename(address(1), named, later);
        let found = senders.find(address(1), later);
        assert_eq!(found.map(|source| &*source.host), Some("one"));
        senders.rename(address(2), Arc::default(), later);
        assert!(
            senders.known(address(2)).is_none(),
            "nobody sent from there"
        );
    }

    #[test]
    fn any_number_of_senders_takes_bounded_memory_and_who_goes_on_stays() {
        let mut senders = Senders::default();
        senders.keep(address(0), Arc::default(), NOW);
        for number in 1..4 * SENDERS_PER_GENERATION as u32 {
            senders.keep(address(number), Arc::default(), NOW);
            if number % 1000 == 0 {
                assert!(senders.find(address(0), NOW).is_some());
            }
        }
        assert!(senders.young.len() + senders.old.len() <= 2 * SENDERS_PER_GENERATION);
        assert!(senders.known(address(1)).is_none());
    }
}
