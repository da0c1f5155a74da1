//! Where the messages of the listeners go.

use std::sync::Arc;

use super::Listener;
use crate::limits::RECEIVE_GROUPS_MAX;
use crate::message::Delay;
use crate::queue::Queue;
use crate::ring::Group;

/// The queues that inputs feed: the main queue, and those of rulesets that have
/// one of their own.
pub struct Destinations {
    /// The main queue first.
    queues: Vec<Arc<Queue>>,
    /// Index of the queue of each ruleset; those beyond have the main queue.
    of_ruleset: Vec<usize>,
}

impl Destinations {
    /// One queue for all.
    pub fn one(main: Arc<Queue>) -> Destinations {
        Destinations::new(main, [])
    }

    /// The main queue, and for each ruleset, in the order of their indexes, its
    /// own queue if it has one.
    pub fn new(
        main: Arc<Queue>,
        rulesets: impl IntoIterator<Item = Option<Arc<Queue>>>,
    ) -> Destinations {
        let mut queues = vec![main];
        let index_of = |own: Option<Arc<Queue>>| {
            let Some(own) = own else { return 0 };
            queues.push(own);
            queues.len() - 1
        };
        let of_ruleset = rulesets.into_iter().map(index_of).collect();
        Destinations { queues, of_ruleset }
    }

    /// The queues, the main queue first.
    pub fn queues(&self) -> &[Arc<Queue>] {
        &self.queues
    }

    /// Index of the queue that messages for a ruleset are put into.
    pub fn of_ruleset(&self, ruleset: usize) -> usize {
        self.of_ruleset.get(ruleset).copied().unwrap_or(0)
    }

    /// The ways out of a reactor for these listeners, and the index of that of
    /// each listener. Those of streams come first.
    pub(super) fn ways(&self, listeners: &[Listener]) -> Ways {
        let mut ways: Vec<Way> = Vec::new();
        let mut way_of = |listener: &Listener| {
            let way = Way {
                queue: self.of_ruleset(listener.options.ruleset),
                delay: listener.options.delay,
            };
            let known = ways.iter().position(|known| *known == way);
            known.unwrap_or_else(|| {
                ways.push(way);
                ways.len() - 1
            })
        };
        let is_stream = |listener: &&Listener| listener.options.udp.is_none();
        let last = listeners.iter().filter(is_stream).map(&mut way_of).max();
        let of_listeners = listeners.iter().map(&mut way_of).collect();
        Ways {
            ways,
            of_listeners,
            streams: last.map_or(0, |last| last + 1),
        }
    }
}

/// All ways out of a reactor.
pub(super) struct Ways {
    pub ways: Vec<Way>,
    /// The index of that of each listener.
    pub of_listeners: Vec<usize>,
    /// How many of them streams go: these receive into chunks.
    pub streams: usize,
}

impl Ways {
    /// The groups of chunks: the ways of streams beyond them share the last one.
    pub fn groups(&self) -> usize {
        self.streams.min(RECEIVE_GROUPS_MAX)
    }

    /// The group of a way; none where no streams go.
    pub fn group(&self, index: usize) -> Option<Group> {
        (index < self.streams).then(|| index.min(RECEIVE_GROUPS_MAX - 1) as Group)
    }
}

/// A way out of a reactor: into a queue, with messages that can wait or with
/// such that cannot. A queue stops taking these two at different marks, and one
/// of them is not to be stopped with the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Way {
    /// Index of the queue.
    pub queue: usize,
    pub delay: Delay,
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use crate::base::Sleeper;
    use crate::queue::{Consumers, QueueOptions};
    use crate::receive::{Inherited, ListenerOptions};

    fn queue(name: &str) -> Arc<Queue> {
        let idle = Arc::new(Sleeper::new(|| {}));
        let consumers = Consumers::one(idle);
        Arc::new(Queue::new(name, QueueOptions::main(), consumers, vec![]))
    }

    fn listener(ruleset: usize, delay: Delay) -> Listener {
        let options = ListenerOptions {
            address: Ipv4Addr::LOCALHOST.into(),
            ruleset,
            delay,
            ..ListenerOptions::default()
        };
        Listener::open(options, &mut Inherited::default()).expect("a listener")
    }

    #[test]
    fn a_ruleset_has_its_own_queue_or_the_main_queue() {
        let own = [None, Some(queue("a")), None, Some(queue("b"))];
        let destinations = Destinations::new(queue("main"), own);
        let name = |ruleset| destinations.queues()[destinations.of_ruleset(ruleset)].name();
        assert_eq!(
            [0, 1, 2, 3, 4].map(name),
            ["main", "a", "main", "b", "main"]
        );
    }

    #[test]
    fn listeners_share_a_way_where_they_can_wait_for_each_other() {
        let destinations = Destinations::new(queue("main"), [None, Some(queue("a")), None]);
        let listeners = [
            listener(0, Delay::Delayable),
            listener(1, Delay::Delayable),
            listener(2, Delay::Delayable),
            listener(0, Delay::NotDelayable),
            listener(1, Delay::Delayable),
        ];
        let ways = destinations.ways(&listeners);
        assert_eq!(ways.of_listeners, [0, 1, 0, 2, 1]);
        assert_eq!((ways.streams, ways.groups()), (3, 3));
        let way = |queue, delay| Way { queue, delay };
        let expected = [
            way(0, Delay::Delayable),
            way(1, Delay::Delayable),
            way(0, Delay::NotDelayable),
        ];
        assert_eq!(ways.ways, expected);
        assert_eq!(
            [0, 2, 3].map(|way| ways.group(way)),
            [Some(0), Some(2), None]
        );
    }
}
