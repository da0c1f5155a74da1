//! `splashdam ctl stats`: the statistics for people.

use std::collections::BTreeMap;

use crate::daemon::Statistics;
use crate::daemon::statistics::{
    ActionStatistics, InputStatistics, NameStatistics, QueueStatistics,
};

/// The statistics for people. Counts that are 0 and need not be are left out.
pub fn table(statistics: &Statistics) -> String {
    let mut lines = vec![format!(
        "splashdam {}, up {} s",
        statistics.version, statistics.uptime_seconds
    )];
    lines.extend(statistics.inputs.iter().map(input_line));
    lines.extend(statistics.names.iter().map(name_line));
    lines.extend(statistics.queues.iter().map(queue_line));
    lines.extend(statistics.actions.iter().map(action_line));
    if statistics.rules.discarded_no_action > 0 {
        lines.push(format!(
            "rules   discarded: {} without an action",
            statistics.rules.discarded_no_action
        ));
    }
    let latency = &statistics.latency;
    lines.push(format!(
        "latency received to written: p50 {}, p90 {}, p99 {}, p99.9 {}, max {}",
        millis(latency.p50_us),
        millis(latency.p90_us),
        millis(latency.p99_us),
        millis(latency.p999_us),
        millis(latency.max_us)
    ));
    lines.join("\n") + "\n"
}

fn input_line(input: &InputStatistics) -> String {
    let address = input.address.as_deref().unwrap_or("(own messages)");
    format!(
        "input   {} {address}: {} received, {} enqueued, {} held, {} connections, {} bytes{}",
        input.name,
        input.received,
        input.enqueued,
        input.held,
        input.connections,
        input.bytes,
        remarks(&[
            ("discarded: empty", input.discarded_empty),
            ("discarded: queue full", input.discarded_full),
            ("discarded: rate limit", input.discarded_rate_limit),
            ("discarded: shutdown", input.discarded_shutdown),
            ("dropped by the kernel", input.dropped_by_kernel),
            ("receives failed", input.receive_failed),
            ("truncated", input.truncated),
            ("split", input.split),
            ("accepted oversize", input.accepted),
            ("oversize unwritten", input.oversize_unwritten),
            ("escaped", input.escaped),
            ("no octet count", input.framing_no_count),
            ("octet count too large", input.framing_count_too_large),
            ("cut by the end of the connection", input.framing_cut),
            ("accepts failed", input.accept_failed),
            ("refused above maxSessions", input.refused),
            ("refused above maxSessionsTotal", input.refused_total),
            ("not allowed", input.denied),
            ("without a PROXY header", input.proxy_refused),
            ("damaged compressed streams", input.corrupt),
            ("bytes inflated", input.inflated_bytes),
            ("keepalive not as configured", input.liveness_differs),
        ])
    ) + &closed(&input.closed)
}

/// Why connections ended.
fn closed(closed: &BTreeMap<String, u64>) -> String {
    if closed.is_empty() {
        return String::new();
    }
    let counts: Vec<String> = closed
        .iter()
        .map(|(reason, count)| format!("{count} by {reason}"))
        .collect();
    format!("; closed: {}", counts.join(", "))
}

fn name_line(names: &NameStatistics) -> String {
    format!(
        "names   {} cached, {} looked up, {} found, {} entries{}{}",
        names.cached,
        names.lookups,
        names.found,
        names.entries,
        remarks(&[
            ("without a name", names.no_name),
            ("joined", names.joined),
            ("malicious", names.malicious),
            ("failed", names.failures),
            ("not answered in time", names.timeouts),
            ("dropped", names.dropped),
        ]),
        if names.answers {
            ""
        } else {
            "; the resolver does not answer"
        }
    )
}

fn queue_line(queue: &QueueStatistics) -> String {
    format!(
        "queue   {} ({}): {} enqueued, {} acknowledged, {} of {} held, {} bytes, {} in hand{}",
        queue.name,
        queue.kind,
        queue.enqueued,
        queue.acknowledged,
        queue.held,
        queue.size,
        queue.held_bytes,
        queue.in_hand,
        remarks(&[
            ("discarded: full", queue.discarded_full),
            ("discarded: severity", queue.discarded_mark),
            ("discarded: sampling", queue.discarded_sampling),
            ("discarded: purged", queue.discarded_purged),
            ("discarded: shutdown", queue.discarded_shutdown),
            ("times full", queue.full),
            ("bytes compacted", queue.compacted_bytes),
        ])
    )
}

fn action_line(action: &ActionStatistics) -> String {
    format!(
        "action  {}{}: {} taken, {} delivered, {} held, {} bytes{}",
        action.name,
        if action.suspended { " (suspended)" } else { "" },
        action.taken,
        action.delivered,
        action.held,
        action.bytes,
        remarks(&[
            ("discarded: retries", action.discarded_retries),
            ("discarded: shutdown", action.discarded_shutdown),
            ("times suspended", action.suspensions),
        ])
    )
}

fn remarks(counts: &[(&str, u64)]) -> String {
    let remarks = counts.iter().filter(|(_, count)| *count > 0);
    remarks
        .map(|(name, count)| format!("; {name} {count}"))
        .collect()
}

fn millis(micros: u64) -> String {
    format!("{:.3} ms", micros as f64 / 1000.0)
}
