//! `splashdam ctl connections`: the table of open connections.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::time::Instant;

use anyhow::Result;
use clap::{Args, ValueEnum};
use hyper::Method;

use super::connection_table::{peer, table};
use super::{ask_in_time, understood, watch};
use crate::daemon::connections::ConnectionStatistics;
use crate::daemon::terminal;

/// Arguments of `splashdam ctl connections`.
#[derive(Debug, Args)]
pub struct ConnectionsArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Order
    #[arg(long, value_enum, default_value = "peer")]
    sort: Sort,
    /// Only those whose peer, its name, or listener contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show it again every second, with the rates since then, until interrupted
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// What connections are sorted by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Sort {
    Peer,
    Listener,
    /// Oldest first
    Age,
    /// Idlest first
    Idle,
    /// Most first
    Messages,
    /// Most first
    Bytes,
    /// Most first
    Rate,
    /// Most first
    Faults,
    /// Longest first
    Rtt,
    /// Most first
    Retransmits,
}

/// What was seen at the look before: messages of each peer.
struct Before {
    at: Instant,
    messages: HashMap<String, u64>,
}

/// A connection and what is made of it.
pub(super) struct Row {
    pub(super) connection: ConnectionStatistics,
    /// Messages per second.
    pub(super) rate: f64,
    /// The peer, to sort by number and not by letter.
    address: Option<SocketAddr>,
}

/// Shows the open connections.
///
/// # Errors
/// No daemon answers; the terminal is closed.
pub async fn show(socket: &Path, arguments: &ConnectionsArgs) -> Result<()> {
    if arguments.json {
        let answer = ask_in_time(socket, Method::GET, "/connections").await?;
        if arguments.sort == Sort::Peer && arguments.filter.is_none() {
            // As the daemon gives them: reading and writing ten thousand takes
            // longer than all else.
            terminal::print(&answer)?;
            terminal::print("\n")?;
            return Ok(());
        }
        let rows = rows(understood(&answer)?, arguments, None);
        let connections: Vec<_> = rows.iter().map(|row| &row.connection).collect();
        terminal::print(format!("{}\n", serde_json::to_string(&connections)?))?;
        return Ok(());
    }
    let mut before = None;
    watch::show(arguments.watch, async || {
        let answer = ask_in_time(socket, Method::GET, "/connections").await?;
        let rows = rows(understood(&answer)?, arguments, before.as_ref());
        let text = table(&rows, terminal::width());
        before = Some(Before {
            at: Instant::now(),
            messages: rows
                .into_iter()
                .map(|row| (row.connection.peer, row.connection.messages))
                .collect(),
        });
        Ok(text)
    })
    .await
}

/// The rows to show, in order.
fn rows(
    connections: Vec<ConnectionStatistics>,
    arguments: &ConnectionsArgs,
    before: Option<&Before>,
) -> Vec<Row> {
    let is_meant = |connection: &ConnectionStatistics| {
        let filter = arguments.filter.as_deref().unwrap_or_default();
        let name = connection.peer_name.as_deref().unwrap_or_default();
        peer(connection).contains(filter)
            || name.contains(filter)
            || connection.listener.contains(filter)
    };
    let mut rows: Vec<Row> = connections
        .into_iter()
        .filter(is_meant)
        .map(|connection| Row {
            rate: rate(&connection, before),
            address: connection.peer.parse().ok(),
            connection,
        })
        .collect();
    rows.sort_by(|a, b| order(arguments.sort, a, b));
    rows
}

/// Messages per second since the look before, or since it was opened.
fn rate(connection: &ConnectionStatistics, before: Option<&Before>) -> f64 {
    let seen = before.and_then(|before| Some((before, before.messages.get(&connection.peer)?)));
    let (messages, seconds) = match seen {
        Some((before, messages)) => (
            connection.messages.saturating_sub(*messages),
            before.at.elapsed().as_secs_f64(),
        ),
        None => (connection.messages, connection.age_seconds),
    };
    // A connection of this very moment has no rate yet.
    messages as f64 / seconds.max(0.001)
}

fn order(sort: Sort, a: &Row, b: &Row) -> Ordering {
    let (first, second) = (&a.connection, &b.connection);
    let by_peer = || {
        let by_address = a.address.cmp(&b.address);
        by_address.then_with(|| unix(&first.peer).cmp(&unix(&second.peer)))
    };
    // What the kernel does not tell comes last.
    let rtt = |one: &ConnectionStatistics| one.rtt_ms.unwrap_or(-1.0);
    let ordering = match sort {
        Sort::Peer => Ordering::Equal,
        Sort::Listener => first.listener.cmp(&second.listener),
        Sort::Age => second.age_seconds.total_cmp(&first.age_seconds),
        Sort::Idle => second.idle_seconds.total_cmp(&first.idle_seconds),
        Sort::Messages => second.messages.cmp(&first.messages),
        Sort::Bytes => second.bytes.cmp(&first.bytes),
        Sort::Rate => b.rate.total_cmp(&a.rate),
        Sort::Faults => second.framing_faults.cmp(&first.framing_faults),
        Sort::Rtt => rtt(second).total_cmp(&rtt(first)),
        Sort::Retransmits => second.retransmits.cmp(&first.retransmits),
    };
    ordering.then_with(by_peer)
}

/// A peer at a unix socket to sort by: its path, and its number as one.
fn unix(peer: &str) -> (&str, Option<u64>) {
    match peer.rsplit_once('#') {
        Some((path, number)) => (path, number.parse().ok()),
        None => (peer, None),
    }
}

#[cfg(test)]
pub(super) mod tests {
    use std::time::Duration;

    use super::*;
    use crate::daemon::connections::KeepAliveStatistics;

    pub(in super::super) fn row(connection: ConnectionStatistics, rate: f64) -> Row {
        Row {
            address: connection.peer.parse().ok(),
            connection,
            rate,
        }
    }

    pub(in super::super) fn connection(
        peer: &str,
        messages: u64,
        idle_seconds: f64,
    ) -> ConnectionStatistics {
        ConnectionStatistics {
            peer: peer.to_owned(),
            peer_name: None,
            listener: "imptcp".to_owned(),
            reactor: 0,
            age_seconds: 100.0,
            idle_seconds,
            messages,
            bytes: messages * 100,
            framings: vec!["lf".into()],
            framing_faults: 0,
            paused_seconds: None,
            rtt_ms: Some(idle_seconds / 10.0),
            retransmits: Some(2),
            timer: Some("keepalive".into()),
            timer_expires_seconds: Some(239.5),
            probes: Some(0),
            proxy: None,
            pid: None,
            uid: None,
            keep_alive: Some(KeepAliveStatistics {
                on: true,
                time_seconds: 300,
                interval_seconds: 30,
                probes: 3,
                user_timeout_ms: 0,
            }),
        }
    }

    fn shown(sort: Sort, filter: Option<&str>) -> Vec<String> {
        let mut connections = vec![
            connection("10.0.0.10:1", 5, 50.0),
            connection("10.0.0.9:1", 70, 1.0),
            connection("[2001:db8::1]:1", 6, 99.0),
        ];
        connections[0].retransmits = Some(7);
        connections[1].retransmits = None;
        connections[1].rtt_ms = None;
        let arguments = ConnectionsArgs {
            json: false,
            sort,
            filter: filter.map(str::to_owned),
            watch: false,
        };
        rows(connections, &arguments, None)
            .into_iter()
            .map(|row| row.connection.peer)
            .collect()
    }

    #[test]
    fn connections_are_sorted_and_filtered() {
        let (nine, ten, six) = ("10.0.0.9:1", "10.0.0.10:1", "[2001:db8::1]:1");
        assert_eq!(shown(Sort::Peer, None), [nine, ten, six]);
        assert_eq!(shown(Sort::Messages, None), [nine, six, ten]);
        assert_eq!(shown(Sort::Idle, None), [six, ten, nine]);
        assert_eq!(shown(Sort::Rtt, None), [six, ten, nine]);
        assert_eq!(shown(Sort::Retransmits, None), [ten, six, nine]);
        assert_eq!(shown(Sort::Peer, Some("10.0.0.1")), [ten]);
        assert!(shown(Sort::Peer, Some("nobody")).is_empty());
    }

    #[test]
    fn the_rate_is_that_since_the_last_look() {
        let now = connection("10.0.0.9:1", 70, 1.0);
        assert_eq!(rate(&now, None), 0.7);
        let before = Before {
            at: Instant::now() - Duration::from_secs(10),
            messages: HashMap::from([("10.0.0.9:1".to_owned(), 20)]),
        };
        let rate = rate(&now, Some(&before));
        assert!((4.9..=5.0).contains(&rate), "{rate}");
    }
}
