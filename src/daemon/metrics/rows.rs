//! Which numbers are exported, under which names.

use super::exposition::{Kind, Number};
use crate::daemon::queues::{QueueState, QueueStatus};
use crate::daemon::statistics::{ActionStatistics, InputStatistics, NameStatistics};

/// A metric of a `T`. Rows of one family have one name, and different reasons.
pub struct Row<T: 'static> {
    pub name: &'static str,
    pub kind: Kind,
    /// The label `reason`.
    pub reason: Option<&'static str>,
    /// Of the family, in its first row.
    pub help: &'static str,
    pub get: fn(&T) -> Number,
}

/// A counter.
const fn counter<T>(name: &'static str, help: &'static str, get: fn(&T) -> Number) -> Row<T> {
    Row {
        name,
        kind: Kind::Counter,
        reason: None,
        help,
        get,
    }
}

/// A counter of a family with reasons.
const fn reason<T>(
    name: &'static str,
    reason: &'static str,
    help: &'static str,
    get: fn(&T) -> Number,
) -> Row<T> {
    Row {
        reason: Some(reason),
        ..counter(name, help, get)
    }
}

/// A gauge.
const fn gauge<T>(name: &'static str, help: &'static str, get: fn(&T) -> Number) -> Row<T> {
    Row {
        kind: Kind::Gauge,
        ..counter(name, help, get)
    }
}

/// Of each input, the daemon's own messages included.
pub static INPUTS: [Row<InputStatistics>; 30] = [
    gauge(
        "splashdam_input_connections",
        "Open connections.",
        |input| input.connections.into(),
    ),
    counter(
        "splashdam_input_connections_opened_total",
        "Connections that were accepted.",
        |input| input.connections_opened.into(),
    ),
    reason(
        "splashdam_input_connections_refused_total",
        "max-sessions",
        "Connections that were refused or closed before they could send messages.",
        |input| input.refused.into(),
    ),
    reason(
        "splashdam_input_connections_refused_total",
        "max-sessions-total",
        "",
        |input| input.refused_total.into(),
    ),
    reason(
        "splashdam_input_connections_refused_total",
        "denied",
        "",
        |input| input.denied.into(),
    ),
    reason(
        "splashdam_input_connections_refused_total",
        "proxy-header",
        "",
        |input| input.proxy_refused.into(),
    ),
    counter(
        "splashdam_input_compressed_streams_corrupt_total",
        "Connections that were closed because their compressed stream was damaged.",
        |input| input.corrupt.into(),
    ),
    counter(
        "splashdam_input_keepalive_differs_total",
        "Accepted sockets whose keepalive is not as configured.",
        |input| input.liveness_differs.into(),
    ),
    counter(
        "splashdam_input_accepts_failed_total",
        "Accepts that failed.",
        |input| input.accept_failed.into(),
    ),
    counter(
        "splashdam_input_received_bytes_total",
        "Bytes received.",
        |input| input.bytes.into(),
    ),
    counter(
        "splashdam_input_dropped_by_kernel_total",
        "Datagrams that the kernel dropped because the receive buffer was full.",
        |input| input.dropped_by_kernel.into(),
    ),
    counter(
        "splashdam_input_receives_failed_total",
        "Receives of datagrams that failed.",
        |input| input.receive_failed.into(),
    ),
    counter(
        "splashdam_input_inflated_bytes_total",
        "Bytes that compressed streams were inflated to.",
        |input| input.inflated_bytes.into(),
    ),
    counter(
        "splashdam_input_uninflated_bytes_total",
        "Received bytes of compressed streams that the stop left no time to inflate.",
        |input| input.uninflated_bytes.into(),
    ),
    counter(
        "splashdam_input_received_total",
        "Messages received.",
        |input| input.received.into(),
    ),
    counter(
        "splashdam_input_enqueued_total",
        "Messages that a queue has taken.",
        |input| input.enqueued.into(),
    ),
    gauge(
        "splashdam_input_held",
        "Messages that wait for room in a queue.",
        |input| input.held.into(),
    ),
    reason(
        "splashdam_input_discarded_total",
        "empty",
        "Messages that the input discarded.",
        |input| input.discarded_empty.into(),
    ),
    reason("splashdam_input_discarded_total", "full", "", |input| {
        input.discarded_full.into()
    }),
    reason(
        "splashdam_input_discarded_total",
        "rate-limit",
        "",
        |input| input.discarded_rate_limit.into(),
    ),
    reason("splashdam_input_discarded_total", "shutdown", "", |input| {
        input.discarded_shutdown.into()
    }),
    counter(
        "splashdam_input_truncated_total",
        "Messages longer than maxMessageSize that were truncated.",
        |input| input.truncated.into(),
    ),
    counter(
        "splashdam_input_split_total",
        "Messages longer than maxMessageSize that were split.",
        |input| input.split.into(),
    ),
    counter(
        "splashdam_input_accepted_oversize_total",
        "Messages longer than maxMessageSize that were taken whole.",
        |input| input.accepted.into(),
    ),
    counter(
        "splashdam_input_oversize_unwritten_total",
        "Messages that are missing in oversizemsg.errorfile.",
        |input| input.oversize_unwritten.into(),
    ),
    reason(
        "splashdam_input_framing_faults_total",
        "no-count",
        "Frames with a fault.",
        |input| input.framing_no_count.into(),
    ),
    reason(
        "splashdam_input_framing_faults_total",
        "count-too-large",
        "",
        |input| input.framing_count_too_large.into(),
    ),
    reason("splashdam_input_framing_faults_total", "cut", "", |input| {
        input.framing_cut.into()
    }),
    counter(
        "splashdam_input_escaped_total",
        "Messages in which control characters were escaped.",
        |input| input.escaped.into(),
    ),
    counter(
        "splashdam_input_starved_total",
        "Times that receives waited for a free chunk.",
        |input| input.starved.into(),
    ),
];

/// Of the lookups of names.
pub static NAMES: [Row<NameStatistics>; 11] = [
    counter(
        "splashdam_names_cached_total",
        "Connections whose peer's name, or the want of one, was known.",
        |names| names.cached.into(),
    ),
    counter(
        "splashdam_names_lookups_total",
        "Lookups of peers' names.",
        |names| names.lookups.into(),
    ),
    counter(
        "splashdam_names_joined_total",
        "Requests that another lookup served.",
        |names| names.joined.into(),
    ),
    reason(
        "splashdam_names_answers_total",
        "found",
        "Lookups that ended, by what they found.",
        |names| names.found.into(),
    ),
    reason("splashdam_names_answers_total", "no-name", "", |names| {
        names.no_name.into()
    }),
    reason("splashdam_names_answers_total", "malicious", "", |names| {
        names.malicious.into()
    }),
    reason("splashdam_names_answers_total", "failure", "", |names| {
        names.failures.into()
    }),
    counter(
        "splashdam_names_timeouts_total",
        "Lookups without an answer within net.dnsTimeout.",
        |names| names.timeouts.into(),
    ),
    counter(
        "splashdam_names_dropped_total",
        "Requests that were dropped because too many waited.",
        |names| names.dropped.into(),
    ),
    gauge(
        "splashdam_names_entries",
        "Addresses in the cache.",
        |names| names.entries.into(),
    ),
    gauge(
        "splashdam_names_resolver_answers",
        "1 if the resolver answers, 0 if it does not.",
        |names| names.answers.into(),
    ),
];

/// Of each queue.
pub static QUEUES: [Row<QueueStatus>; 20] = [
    gauge(
        "splashdam_queue_held",
        "Messages that have room in the queue.",
        |queue| queue.account.held.into(),
    ),
    gauge(
        "splashdam_queue_size",
        "queue.size, in messages.",
        |queue| queue.account.size.into(),
    ),
    gauge(
        "splashdam_queue_held_bytes",
        "Bytes that have room in the queue.",
        |queue| queue.account.held_bytes.into(),
    ),
    gauge(
        "splashdam_queue_memory_max_bytes",
        "queue.maxMemory.",
        |queue| queue.account.memory_bytes_max.into(),
    ),
    gauge(
        "splashdam_queue_in_hand",
        "Messages handed over to the actions and not acknowledged.",
        |queue| queue.account.in_hand.into(),
    ),
    gauge(
        "splashdam_queue_oldest_seconds",
        "Time since the oldest waiting message was received; nothing if none waits.",
        |queue| queue.oldest_seconds.into(),
    ),
    counter(
        "splashdam_queue_enqueued_total",
        "Messages taken from producers, discarded ones included.",
        |queue| queue.account.enqueued.into(),
    ),
    counter(
        "splashdam_queue_acknowledged_total",
        "Messages that every action has committed.",
        |queue| queue.account.acknowledged.into(),
    ),
    reason(
        "splashdam_queue_discarded_total",
        "full",
        "Messages that the queue discarded.",
        |queue| queue.account.discarded_full.into(),
    ),
    reason("splashdam_queue_discarded_total", "severity", "", |queue| {
        queue.account.discarded_mark.into()
    }),
    reason("splashdam_queue_discarded_total", "sampling", "", |queue| {
        queue.account.discarded_sampling.into()
    }),
    reason("splashdam_queue_discarded_total", "purged", "", |queue| {
        queue.account.discarded_purged.into()
    }),
    reason("splashdam_queue_discarded_total", "shutdown", "", |queue| {
        queue.account.discarded_shutdown.into()
    }),
    counter(
        "splashdam_queue_full_total",
        "Times that the queue became full.",
        |queue| queue.account.full.into(),
    ),
    counter(
        "splashdam_queue_compacted_bytes_total",
        "Bytes copied because a batch waited in its receive chunk for too long.",
        |queue| queue.account.compacted_bytes.into(),
    ),
    gauge("splashdam_queue_workers", "Workers that run.", |queue| {
        queue.workers.into()
    }),
    gauge(
        "splashdam_queue_workers_max",
        "queue.workerThreads.",
        |queue| queue.workers_max.into(),
    ),
    gauge(
        "splashdam_queue_paused",
        "1 while an operator holds the workers off.",
        |queue| queue.state.contains(&QueueState::Paused).into(),
    ),
    gauge(
        "splashdam_queue_suspended",
        "1 while an action of the queue is suspended.",
        |queue| (!queue.suspended_actions.is_empty()).into(),
    ),
    gauge(
        "splashdam_queue_pushing_back",
        "1 while producers are refused.",
        |queue| queue.state.contains(&QueueState::PushingBack).into(),
    ),
];

/// Of each action.
pub static ACTIONS: [Row<ActionStatistics>; 8] = [
    counter(
        "splashdam_action_taken_total",
        "Messages given to the action.",
        |action| action.taken.into(),
    ),
    counter(
        "splashdam_action_delivered_total",
        "Messages committed.",
        |action| action.delivered.into(),
    ),
    gauge(
        "splashdam_action_held",
        "Messages taken, and neither delivered nor given up.",
        |action| action.held.into(),
    ),
    reason(
        "splashdam_action_discarded_total",
        "retries",
        "Messages that the action discarded.",
        |action| action.discarded_retries.into(),
    ),
    reason(
        "splashdam_action_discarded_total",
        "shutdown",
        "",
        |action| action.discarded_shutdown.into(),
    ),
    counter(
        "splashdam_action_suspensions_total",
        "Times that the action was suspended.",
        |action| action.suspensions.into(),
    ),
    gauge(
        "splashdam_action_suspended",
        "1 while the action is suspended.",
        |action| action.suspended.into(),
    ),
    counter(
        "splashdam_action_rendered_bytes_total",
        "Bytes rendered.",
        |action| action.bytes.into(),
    ),
];
