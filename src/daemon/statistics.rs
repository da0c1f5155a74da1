//! The ledger and the statistics, as they are shown.

use std::collections::BTreeMap;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::assemble::Daemon;
use super::queues::distinct;
use crate::queue::Queue;
use crate::receive::{CloseReason, InputCounters};
use crate::work::Latency;

/// All accounts at one moment. Each balances at quiet moments: `received =
/// enqueued + discarded + held`, `enqueued = acknowledged + discarded + held +
/// in_hand`, `taken = delivered + discarded + held`.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Statistics {
    pub version: String,
    pub uptime_seconds: u64,
    pub inputs: Vec<InputStatistics>,
    /// None: no names are looked up.
    pub names: Option<NameStatistics>,
    pub queues: Vec<QueueStatistics>,
    pub rules: RuleStatistics,
    pub actions: Vec<ActionStatistics>,
    /// Time from reception until every action has committed.
    pub latency: LatencyStatistics,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct InputStatistics {
    pub name: String,
    /// Address or path that is listened on; none for the daemon's own messages.
    pub address: Option<String>,
    pub connections: u64,
    pub connections_opened: u64,
    /// Connections that ended, by their reason; reasons that did not occur are
    /// left out.
    pub closed: BTreeMap<String, u64>,
    /// Connections above `maxSessions`.
    pub refused: u64,
    /// Connections above `maxSessionsTotal`.
    pub refused_total: u64,
    /// Connections, or datagrams, of senders that are not allowed.
    pub denied: u64,
    /// Connections that were closed because of their PROXY header.
    pub proxy_refused: u64,
    /// Connections that were closed because their compressed stream was damaged.
    pub corrupt: u64,
    /// Accepted sockets whose keepalive is not as configured.
    pub liveness_differs: u64,
    pub bytes: u64,
    /// Bytes that compressed streams were inflated to.
    pub inflated_bytes: u64,
    /// Received bytes of compressed streams that the stop did not leave the time
    /// to inflate.
    pub uninflated_bytes: u64,
    pub received: u64,
    pub enqueued: u64,
    pub held: u64,
    pub discarded_empty: u64,
    pub discarded_full: u64,
    /// Messages above `ratelimit.burst`.
    pub discarded_rate_limit: u64,
    pub discarded_shutdown: u64,
    /// Messages longer than `maxMessageSize`, by what was done with them.
    pub truncated: u64,
    pub split: u64,
    pub accepted: u64,
    /// Messages that are missing in `oversizemsg.errorfile`.
    pub oversize_unwritten: u64,
    pub framing_no_count: u64,
    pub framing_count_too_large: u64,
    pub framing_cut: u64,
    pub escaped: u64,
    /// Datagrams that the kernel has dropped because the receive buffer was full;
    /// they were never received.
    pub dropped_by_kernel: u64,
    /// Receives of datagrams that failed.
    pub receive_failed: u64,
    pub starved: u64,
    pub accept_failed: u64,
}

/// The lookups of peers' names. `lookups = found + no_name + malicious +
/// failures` at quiet moments.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct NameStatistics {
    /// Connections whose peer's name, or the want of one, was known.
    pub cached: u64,
    pub lookups: u64,
    /// Requests that another lookup served.
    pub joined: u64,
    pub found: u64,
    pub no_name: u64,
    pub malicious: u64,
    pub failures: u64,
    /// Lookups that had no answer within `net.dnsTimeout`.
    pub timeouts: u64,
    /// Requests that were dropped because too many waited.
    pub dropped: u64,
    /// Addresses in the cache.
    pub entries: u64,
    /// Whether the resolver answers.
    pub answers: bool,
}

#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct QueueStatistics {
    pub name: String,
    #[serde(rename = "type")]
    pub kind: String,
    pub size: u64,
    pub memory_bytes_max: u64,
    pub held: u64,
    pub held_bytes: u64,
    pub in_hand: u64,
    pub enqueued: u64,
    pub acknowledged: u64,
    /// No room within `queue.timeoutEnqueue`.
    pub discarded_full: u64,
    /// `queue.discardMark` and `queue.discardSeverity`.
    pub discarded_mark: u64,
    /// `queue.samplingInterval`.
    pub discarded_sampling: u64,
    /// `splashdam ctl queue NAME purge`.
    pub discarded_purged: u64,
    pub discarded_shutdown: u64,
    /// Times it became full.
    pub full: u64,
    pub compacted_bytes: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct RuleStatistics {
    /// Messages for which the rules chose no action.
    pub discarded_no_action: u64,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct ActionStatistics {
    pub name: String,
    pub suspended: bool,
    pub taken: u64,
    pub delivered: u64,
    pub held: u64,
    pub discarded_retries: u64,
    pub discarded_shutdown: u64,
    pub suspensions: u64,
    pub bytes: u64,
}

/// Microseconds.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct LatencyStatistics {
    pub messages: u64,
    pub p50_us: u64,
    pub p90_us: u64,
    pub p99_us: u64,
    pub p999_us: u64,
    pub max_us: u64,
    /// Of all messages together.
    pub sum_us: u64,
}

impl Statistics {
    /// The accounts of a running daemon.
    pub fn of(daemon: &Daemon, started: Instant) -> Statistics {
        let listeners = daemon.reactors.listeners.iter().map(|listener| {
            listener.read_dropped();
            let address = Some(listener.endpoint().to_string());
            input(&listener.options.name, address, &listener.counters)
        });
        let own = input(super::own::NAME, None, &daemon.own.counters);
        let mut latency = Latency::default().snapshot();
        for served in daemon.queues.iter() {
            // Both have the same bounds, or grow.
            let _ = latency.add(served.shared.latency.snapshot());
        }
        let queues = daemon.queues.iter();
        let mut queues: Vec<_> = queues
            .map(|served| QueueStatistics::of(served.queue()))
            .collect();
        let queue_names = distinct(daemon.queues.iter().map(|served| served.queue().name()));
        for (queue, name) in queues.iter_mut().zip(queue_names) {
            queue.name = name;
        }
        let mut actions: Vec<_> = daemon.actions.iter().map(action).collect();
        let action_names = distinct(actions.iter().map(|action| action.name.as_str()));
        for (action, name) in actions.iter_mut().zip(action_names) {
            action.name = name;
        }
        Statistics {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            uptime_seconds: started.elapsed().as_secs(),
            inputs: listeners.chain([own]).collect(),
            names: daemon.reactors.names.as_deref().map(names),
            queues,
            rules: RuleStatistics {
                discarded_no_action: daemon
                    .queues
                    .iter()
                    .map(|served| served.shared.discarded_no_action.get())
                    .sum(),
            },
            actions,
            latency: LatencyStatistics {
                messages: latency.len(),
                p50_us: latency.value_at_quantile(0.5),
                p90_us: latency.value_at_quantile(0.9),
                p99_us: latency.value_at_quantile(0.99),
                p999_us: latency.value_at_quantile(0.999),
                max_us: latency.max(),
                sum_us: (latency.mean() * latency.len() as f64) as u64,
            },
        }
    }
}

fn input(name: &str, address: Option<String>, counters: &InputCounters) -> InputStatistics {
    let closed = CloseReason::ALL
        .into_iter()
        .map(|reason| {
            (
                reason.name().to_owned(),
                counters.closed[reason as usize].get(),
            )
        })
        .filter(|(_, count)| *count > 0)
        .collect();
    InputStatistics {
        name: name.to_owned(),
        address,
        connections: counters.sessions.get(),
        connections_opened: counters.connections_opened.get(),
        closed,
        refused: counters.refused.get(),
        refused_total: counters.refused_total.get(),
        denied: counters.denied.get(),
        proxy_refused: counters.proxy_refused.get(),
        corrupt: counters.corrupt.get(),
        liveness_differs: counters.liveness_differs.get(),
        bytes: counters.bytes.get(),
        inflated_bytes: counters.inflated_bytes.get(),
        uninflated_bytes: counters.uninflated_bytes.get(),
        received: counters.received.get(),
        enqueued: counters.enqueued.get(),
        held: counters.held.get(),
        discarded_empty: counters.discarded_empty.get(),
        discarded_full: counters.discarded_full.get(),
        discarded_rate_limit: counters.discarded_rate_limit.get(),
        discarded_shutdown: counters.discarded_shutdown.get(),
        truncated: counters.truncated.get(),
        split: counters.split.get(),
        accepted: counters.accepted.get(),
        oversize_unwritten: counters.oversize_unwritten.get(),
        framing_no_count: counters.no_count.get(),
        framing_count_too_large: counters.count_too_large.get(),
        framing_cut: counters.cut.get(),
        escaped: counters.escaped.get(),
        dropped_by_kernel: counters.dropped_by_kernel.get(),
        starved: counters.starved.get(),
        receive_failed: counters.receive_failed.get(),
        accept_failed: counters.accept_failed.get(),
    }
}

fn names(names: &crate::names::Names) -> NameStatistics {
    let counters = &names.counters;
    NameStatistics {
        cached: counters.cached.get(),
        lookups: counters.lookups.get(),
        joined: counters.joined.get(),
        found: counters.found.get(),
        no_name: counters.no_name.get(),
        malicious: counters.malicious.get(),
        failures: counters.failures.get(),
        timeouts: counters.timeouts.get(),
        dropped: counters.dropped.get(),
        entries: counters.entries.get(),
        answers: names.answers(),
    }
}

impl QueueStatistics {
    /// The account of a queue.
    pub fn of(queue: &Queue) -> QueueStatistics {
        let (held, held_bytes) = queue.held();
        let counters = &queue.counters;
        QueueStatistics {
            name: queue.name().to_owned(),
            kind: queue.options().kind.name().to_owned(),
            size: queue.options().size as u64,
            memory_bytes_max: queue.options().memory_bytes_max as u64,
            held: held as u64,
            held_bytes: held_bytes as u64,
            in_hand: counters.in_hand.get(),
            enqueued: counters.enqueued.get(),
            acknowledged: counters.acknowledged.get(),
            discarded_full: counters.discarded_full.get(),
            discarded_mark: counters.discarded_mark.get(),
            discarded_sampling: counters.discarded_sampling.get(),
            discarded_purged: counters.discarded_purged.get(),
            discarded_shutdown: counters.discarded_shutdown.get(),
            full: counters.full.get(),
            compacted_bytes: counters.compacted_bytes.get(),
        }
    }
}

fn action(
    (name, counters): &(String, std::sync::Arc<crate::action::ActionCounters>),
) -> ActionStatistics {
    ActionStatistics {
        name: name.clone(),
        suspended: counters.is_suspended.get() > 0,
        taken: counters.taken.get(),
        delivered: counters.delivered.get(),
        held: counters.held.get(),
        discarded_retries: counters.discarded_retries.get(),
        discarded_shutdown: counters.discarded_shutdown.get(),
        suspensions: counters.suspended.get(),
        bytes: counters.bytes.get(),
    }
}
