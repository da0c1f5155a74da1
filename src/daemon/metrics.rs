//! All accounts as Prometheus metrics. docs/operation.md has a table of them.

pub mod endpoint;
mod exposition;
mod rows;
#[cfg(test)]
mod tests;

use std::time::Instant;

use self::exposition::{Exposition, Kind};
use self::rows::{ACTIONS, INPUTS, NAMES, QUEUES, Row};
use super::assemble::Daemon;
use super::queues::{QueueStatus, distinct};
use super::statistics::{InputStatistics, LatencyStatistics, Statistics};

/// `Content-Type` of the text.
pub const CONTENT_TYPE: &str = "text/plain; version=0.0.4; charset=utf-8";

/// A metric's labels: names and values.
type Labels<'a> = Vec<(&'static str, &'a str)>;

/// The metrics of a running daemon.
pub fn of(daemon: &Daemon, started: Instant) -> String {
    text(&Statistics::of(daemon, started), &QueueStatus::of(daemon))
}

fn text(statistics: &Statistics, queues: &[QueueStatus]) -> String {
    let mut out = Exposition::default();
    let version = [("version", statistics.version.as_str())];
    out.family("splashdam_info", Kind::Gauge, "1, with the version.");
    out.sample("splashdam_info", &version, 1);
    let name = "splashdam_uptime_seconds";
    out.family(name, Kind::Gauge, "Time since the start.");
    out.sample(name, &[], statistics.uptime_seconds);

    let names = input_names(&statistics.inputs);
    let inputs = statistics.inputs.iter().zip(&names);
    let inputs: Vec<_> = inputs
        .map(|(input, name)| {
            let address = input.address.as_deref();
            let address = address.map(|address| ("address", address));
            let labels: Labels = [("input", name.as_str())]
                .into_iter()
                .chain(address)
                .collect();
            (labels, input)
        })
        .collect();
    write(&mut out, &INPUTS, &inputs);
    closed(&mut out, &inputs);

    let of_names = statistics.names.iter();
    let of_names: Vec<_> = of_names.map(|names| (Vec::new(), names)).collect();
    write(&mut out, &NAMES, &of_names);

    let queues: Vec<_> = queues
        .iter()
        .map(|queue| (vec![("queue", queue.account.name.as_str())], queue))
        .collect();
    write(&mut out, &QUEUES, &queues);

    let name = "splashdam_rules_discarded_total";
    out.family(name, Kind::Counter, "Messages that the rules discarded.");
    let discarded = statistics.rules.discarded_no_action;
    out.sample(name, &[("reason", "no-action")], discarded);

    let names = distinct(statistics.actions.iter().map(|action| action.name.as_str()));
    let actions = statistics.actions.iter().zip(&names);
    let actions: Vec<_> = actions
        .map(|(action, name)| (vec![("action", name.as_str())], action))
        .collect();
    write(&mut out, &ACTIONS, &actions);
    latency(&mut out, &statistics.latency);
    out.into_text()
}

/// Names that are distinct with their addresses: listeners of one module are
/// called alike unless they are given names.
fn input_names(inputs: &[InputStatistics]) -> Vec<String> {
    let address = |input: &InputStatistics| input.address.clone().unwrap_or_default();
    let keys = inputs.iter();
    let keys: Vec<String> = keys
        .map(|input| format!("{} {}", address(input), input.name))
        .collect();
    let distinct = distinct(keys.iter().map(String::as_str));
    let names = distinct.iter().zip(inputs);
    names
        .map(|(key, input)| key[address(input).len() + 1..].to_owned())
        .collect()
}

/// The metrics of all members of a group. Rows of one family stand together.
fn write<T>(out: &mut Exposition, rows: &[Row<T>], members: &[(Labels, &T)]) {
    for family in rows.chunk_by(|a, b| a.name == b.name) {
        let Row {
            name, kind, help, ..
        } = &family[0];
        out.family(name, *kind, help);
        for (labels, member) in members {
            for row in family {
                let reason = row.reason.map(|reason| ("reason", reason));
                let labels: Labels = labels.iter().copied().chain(reason).collect();
                out.sample(name, &labels, (row.get)(member));
            }
        }
    }
}

/// Ends of connections; reasons that did not occur are left out.
fn closed(out: &mut Exposition, inputs: &[(Labels, &InputStatistics)]) {
    let name = "splashdam_input_connections_closed_total";
    out.family(name, Kind::Counter, "Connections that ended.");
    for (labels, input) in inputs {
        for (reason, count) in &input.closed {
            let reason = [("reason", reason.as_str())];
            let labels: Labels = labels.iter().copied().chain(reason).collect();
            out.sample(name, &labels, *count);
        }
    }
}

fn latency(out: &mut Exposition, latency: &LatencyStatistics) {
    let name = "splashdam_latency_seconds";
    let help = "Time from reception until every action has committed, since the start.";
    out.family(name, Kind::Summary, help);
    let seconds = |micros: u64| micros as f64 / 1e6;
    for (quantile, micros) in [
        ("0.5", latency.p50_us),
        ("0.9", latency.p90_us),
        ("0.99", latency.p99_us),
        ("0.999", latency.p999_us),
        ("1", latency.max_us),
    ] {
        out.sample(name, &[("quantile", quantile)], seconds(micros));
    }
    out.sample(&format!("{name}_sum"), &[], seconds(latency.sum_us));
    out.sample(&format!("{name}_count"), &[], latency.messages);
}
