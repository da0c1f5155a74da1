//! The ways out of a reactor, each with what waits for room in its queue, and
//! the groups of chunks that its connections receive into: a queue that pushes
//! back stops the connections that feed it, and no others.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use super::Reactor;
use crate::base::{Clock, Instant};
use crate::message::{Batch, Delay};
use crate::queue::Queue;
use crate::receive::destinations::Way;
use crate::ring::{Group, Ring, Size};

/// One way out of a reactor.
pub(super) struct Outlet {
    pub queue: Arc<Queue>,
    /// The group of chunks of its connections; none where it has datagrams only.
    pub group: Option<Group>,
    /// How long messages wait for room in the queue before they are discarded,
    /// if they cannot wait for as long as it takes.
    patience: Option<Duration>,
    /// Batches that the queue did not take yet, in order.
    pub pending: VecDeque<Pending>,
    /// Bytes that were received since the queue had room the last time, of
    /// connections that have ended.
    pub drained: usize,
    /// Connections with bytes that wait to be inflated.
    pub inflating: VecDeque<usize>,
}

/// A batch that waits for room in its queue.
pub(super) struct Pending {
    pub batch: Batch,
    pub listener: usize,
    /// When there was none first.
    pub since: Instant,
}

impl Outlet {
    /// A way with nothing in it.
    pub fn new(group: Option<Group>, way: &Way, queues: &[Arc<Queue>]) -> Outlet {
        let queue = Arc::clone(&queues[way.queue]);
        let patience = match way.delay {
            Delay::Delayable => None,
            Delay::NotDelayable => Some(queue.options().timeout_enqueue),
        };
        Outlet {
            queue,
            group,
            patience,
            pending: VecDeque::new(),
            drained: 0,
            inflating: VecDeque::new(),
        }
    }

    /// Whether connections can go on to inflate what they have.
    pub fn can_inflate(&self) -> bool {
        !self.inflating.is_empty() && self.pending.is_empty()
    }

    /// When the first batch has waited for too long.
    pub fn expires_at(&self) -> Option<Instant> {
        let first = self.pending.front()?;
        self.patience.map(|patience| first.since + patience)
    }
}

/// Chunks that some connections receive into, and who waits for one.
#[derive(Default)]
pub(super) struct ChunkGroup {
    /// Whether it gets none: a queue that its connections feed pushes back.
    pub is_stalled: bool,
    /// Connections that wait for a whole chunk.
    pub starved: VecDeque<usize>,
    /// The same, for a short one.
    pub starved_short: VecDeque<usize>,
    /// Chunks that no receive was started for in this turn.
    pub left: [usize; 2],
}

impl ChunkGroup {
    pub fn starved(&mut self, size: Size) -> &mut VecDeque<usize> {
        match size {
            Size::Short => &mut self.starved_short,
            Size::Whole => &mut self.starved,
        }
    }
}

impl<R: Ring, C: Clock> Reactor<R, C> {
    /// The group of chunks that the connections of a listener receive into.
    pub(super) fn group_of(&self, listener: usize) -> Group {
        let group = self.outlets[self.outlet_of[listener]].group;
        // Each listener of streams has one.
        group.unwrap_or_default()
    }

    /// Whether a queue pushes back the listener's messages.
    pub(super) fn is_pushed_back(&self, listener: usize) -> bool {
        !self.outlets[self.outlet_of[listener]].pending.is_empty()
    }

    /// Whether no queue pushes back.
    pub(super) fn has_nothing_pending(&self) -> bool {
        self.outlets.iter().all(|outlet| outlet.pending.is_empty())
    }

    /// Gives the ring chunks to receive into, but not those groups whose queue
    /// pushes back: for them nothing is received until it has room.
    pub(super) fn provide(&mut self) {
        if self.is_ending {
            return;
        }
        self.find_stalled();
        if self.groups.iter().all(|group| group.is_stalled) {
            return;
        }
        self.provide_short();
        self.pools.whole.owner().awake();
        while self.provide_whole() {
            let pool = &self.pools.whole;
            // All chunks are on their way; one may have come back meanwhile.
            pool.owner().prepare();
            if pool.free_count() == 0 {
                return;
            }
            pool.owner().awake();
        }
    }

    fn find_stalled(&mut self) {
        for group in &mut self.groups {
            group.is_stalled = false;
        }
        for outlet in &mut self.outlets {
            if outlet.pending.is_empty() {
                outlet.drained = 0;
            } else if let Some(group) = outlet.group {
                self.groups[usize::from(group)].is_stalled = true;
            }
        }
    }

    /// Short chunks come back within the turn: each group has its share.
    fn provide_short(&mut self) {
        let pool = &self.pools.short;
        let share = (pool.count() / self.groups.len()).max(1);
        for (group, _) in receiving(&self.groups) {
            while self.ring.provided(group, Size::Short) < share {
                let Some(chunk) = pool.take() else { break };
                self.ring.provide(group, Size::Short, chunk);
            }
        }
    }

    /// Fills up the groups, those first that have none. Returns whether one that
    /// may receive is left without.
    fn provide_whole(&mut self) -> bool {
        let pool = &self.pools.whole;
        let share = (self.options.provided_max / self.groups.len()).max(1);
        let mut is_without = false;
        for share in [1, share] {
            is_without = false;
            for (group, _) in receiving(&self.groups) {
                while self.ring.provided(group, Size::Whole) < share {
                    let Some(chunk) = pool.take() else { break };
                    self.ring.provide(group, Size::Whole, chunk);
                }
                is_without |= self.ring.provided(group, Size::Whole) == 0;
            }
        }
        is_without
    }
}

/// The groups that may receive, with their numbers.
fn receiving(groups: &[ChunkGroup]) -> impl Iterator<Item = (Group, &ChunkGroup)> {
    let numbered = groups.iter().enumerate();
    let receiving = numbered.filter(|(_, group)| !group.is_stalled);
    receiving.map(|(number, group)| (number as Group, group))
}
