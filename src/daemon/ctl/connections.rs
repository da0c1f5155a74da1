//! `splashdam ctl connections`: the table of open connections.

use std::cmp::Ordering;
use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::Result;
use clap::{Args, ValueEnum};
use hyper::Method;
use tokio::time::sleep;

use super::{ask_in_time, understood};
use crate::daemon::connections::{ConnectionStatistics, KeepAliveStatistics};
use crate::daemon::terminal;

/// Clears a terminal and goes to its first place (ECMA-48 ED and CUP).
const CLEAR: &str = "\x1b[2J\x1b[H";

/// Arguments of `splashdam ctl connections`.
#[derive(Debug, Args)]
pub struct ConnectionsArgs {
    /// As JSON
    #[arg(long)]
    json: bool,
    /// Order
    #[arg(long, value_enum, default_value = "peer")]
    sort: Sort,
    /// Only those whose peer or listener contains this text
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Show it again every second, with the rates since then, until interrupted
    #[arg(long, conflicts_with = "json")]
    watch: bool,
}

/// What connections are sorted by.
#[derive(Clone, Copy, Debug, ValueEnum)]
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
}

/// What was seen at the look before: messages of each peer.
struct Before {
    at: Instant,
    messages: HashMap<String, u64>,
}

/// A connection and its rate, in messages per second.
struct Row {
    connection: ConnectionStatistics,
    rate: f64,
}

/// Shows the open connections.
///
/// # Errors
/// No daemon answers; the terminal is closed.
pub async fn show(socket: &Path, arguments: &ConnectionsArgs) -> Result<()> {
    let mut before = None;
    loop {
        let answer = ask_in_time(socket, Method::GET, "/connections").await?;
        let connections: Vec<ConnectionStatistics> = understood(&answer)?;
        let rows = rows(connections, arguments, before.as_ref());
        if arguments.json {
            let connections: Vec<_> = rows.iter().map(|row| &row.connection).collect();
            terminal::print(&format!("{}\n", serde_json::to_string(&connections)?))?;
            return Ok(());
        }
        if !arguments.watch {
            terminal::print(&table(&rows))?;
            return Ok(());
        }
        terminal::print(&format!("{CLEAR}{}", table(&rows)))?;
        before = Some(Before {
            at: Instant::now(),
            messages: rows
                .into_iter()
                .map(|row| (row.connection.peer, row.connection.messages))
                .collect(),
        });
        sleep(Duration::from_secs(1)).await;
    }
}

/// The rows to show, in order.
fn rows(
    connections: Vec<ConnectionStatistics>,
    arguments: &ConnectionsArgs,
    before: Option<&Before>,
) -> Vec<Row> {
    let is_meant = |connection: &ConnectionStatistics| {
        let filter = arguments.filter.as_deref().unwrap_or_default();
        peer(connection).contains(filter) || connection.listener.contains(filter)
    };
    let mut rows: Vec<Row> = connections
        .into_iter()
        .filter(is_meant)
        .map(|connection| Row {
            rate: rate(&connection, before),
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
    let by_peer = || natural(&first.peer).cmp(&natural(&second.peer));
    let ordering = match sort {
        Sort::Peer => Ordering::Equal,
        Sort::Listener => first.listener.cmp(&second.listener),
        Sort::Age => second.age_seconds.total_cmp(&first.age_seconds),
        Sort::Idle => second.idle_seconds.total_cmp(&first.idle_seconds),
        Sort::Messages => second.messages.cmp(&first.messages),
        Sort::Bytes => second.bytes.cmp(&first.bytes),
        Sort::Rate => b.rate.total_cmp(&a.rate),
        Sort::Faults => second.framing_faults.cmp(&first.framing_faults),
    };
    ordering.then_with(by_peer)
}

/// A name to sort by: by number, not by letter; unix sockets first.
fn natural(peer: &str) -> (Option<std::net::SocketAddr>, &str, Option<u64>) {
    if let Ok(address) = peer.parse() {
        return (Some(address), "", None);
    }
    match peer.rsplit_once('#') {
        Some((path, number)) => (None, path, number.parse().ok()),
        None => (None, peer, None),
    }
}

/// The table for people.
fn table(rows: &[Row]) -> String {
    let mut cells = vec![
        [
            "PEER",
            "LISTENER",
            "REACTOR",
            "AGE",
            "IDLE",
            "MESSAGES",
            "BYTES",
            "RATE",
            "FRAMING",
            "FAULTS",
            "PAUSED",
            "KEEPALIVE",
        ]
        .map(str::to_owned),
    ];
    cells.extend(rows.iter().map(cells_of));
    let widths: Vec<usize> = (0..cells[0].len())
        .map(|column| cells.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in &cells {
        let mut line = String::new();
        for (index, (cell, width)) in row.iter().zip(&widths).enumerate() {
            // Writing to a string cannot fail. Numbers stand to the right.
            let _ = match index {
                2..=7 | 9 | 10 => write!(line, "{cell:>width$}  "),
                _ => write!(line, "{cell:<width$}  "),
            };
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    let _ = writeln!(text, "{} connections", rows.len());
    text
}

fn cells_of(row: &Row) -> [String; 12] {
    let connection = &row.connection;
    let liveness = match &connection.keep_alive {
        Some(keep_alive) => liveness(keep_alive),
        None => "-".to_owned(),
    };
    [
        peer(connection),
        connection.listener.clone(),
        connection.reactor.to_string(),
        duration(connection.age_seconds),
        duration(connection.idle_seconds),
        connection.messages.to_string(),
        connection.bytes.to_string(),
        format!("{:.1}/s", row.rate),
        connection.framings.join("+"),
        connection.framing_faults.to_string(),
        connection.paused_seconds.map_or("-".to_owned(), duration),
        liveness,
    ]
}

/// Who sends, through which proxy, as which process.
fn peer(connection: &ConnectionStatistics) -> String {
    let mut text = connection.peer.clone();
    // Writing to a string cannot fail.
    if let Some(proxy) = &connection.proxy {
        let _ = write!(text, " via {proxy}");
    }
    if let (Some(pid), Some(uid)) = (connection.pid, connection.uid) {
        let _ = write!(text, " (pid {pid}, uid {uid})");
    }
    text
}

fn liveness(keep_alive: &KeepAliveStatistics) -> String {
    let mut text = match keep_alive.on {
        true => format!(
            "{} s + {} x {} s",
            keep_alive.time_seconds, keep_alive.probes, keep_alive.interval_seconds
        ),
        false => "off".to_owned(),
    };
    if keep_alive.user_timeout_ms > 0 {
        let _ = write!(text, ", user timeout {} ms", keep_alive.user_timeout_ms);
    }
    text
}

/// Seconds as an operator reads them.
fn duration(seconds: f64) -> String {
    match seconds {
        ..60.0 => format!("{seconds:.1}s"),
        ..3600.0 => format!(
            "{}m{:02}s",
            (seconds / 60.0) as u64,
            (seconds % 60.0) as u64
        ),
        ..86_400.0 => format!(
            "{}h{:02}m",
            (seconds / 3600.0) as u64,
            (seconds % 3600.0 / 60.0) as u64
        ),
        _ => format!(
            "{}d{:02}h",
            (seconds / 86_400.0) as u64,
            (seconds % 86_400.0 / 3600.0) as u64
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn connection(peer: &str, messages: u64, idle_seconds: f64) -> ConnectionStatistics {
        ConnectionStatistics {
            peer: peer.to_owned(),
            listener: "imptcp".to_owned(),
            reactor: 0,
            age_seconds: 100.0,
            idle_seconds,
            messages,
            bytes: messages * 100,
            framings: vec!["lf".to_owned()],
            framing_faults: 0,
            paused_seconds: None,
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
        let connections = vec![
            connection("10.0.0.10:1", 5, 50.0),
            connection("10.0.0.9:1", 70, 1.0),
            connection("[2001:db8::1]:1", 6, 99.0),
        ];
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

    #[test]
    fn the_table_has_a_line_for_each_and_their_number() {
        let rows = [Row {
            connection: connection("10.0.0.9:1", 70, 61.0),
            rate: 0.7,
        }];
        assert_eq!(
            table(&rows),
            "PEER        LISTENER  REACTOR    AGE   IDLE  MESSAGES  BYTES   RATE  FRAMING  \
             FAULTS  PAUSED  KEEPALIVE\n\
             10.0.0.9:1  imptcp          0  1m40s  1m01s        70   7000  0.7/s  lf            \
             0       -  300 s + 3 x 30 s\n\
             1 connections\n"
        );
    }
}
