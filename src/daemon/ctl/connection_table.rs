//! The table of connections for people, as wide as the terminal.

use std::fmt::Write;

use super::columns::{Column, amount, duration, lines};
use super::connections::Row;
use crate::daemon::connections::{ConnectionStatistics, KeepAliveStatistics};

/// The column of the peers' names: where none has one, it is not there.
const NAME: usize = 1;

const COLUMNS: [Column; 16] = [
    Column("PEER", false, 0),
    Column("NAME", false, 12),
    Column("LISTENER", false, 5),
    Column("REACTOR", true, 1),
    Column("AGE", true, 0),
    Column("IDLE", true, 0),
    Column("MESSAGES", true, 0),
    Column("BYTES", true, 3),
    Column("RATE", true, 9),
    Column("FRAMING", false, 2),
    Column("FAULTS", true, 4),
    Column("PAUSED", true, 10),
    Column("RTT", true, 8),
    Column("RETRANS", true, 7),
    Column("TIMER", false, 11),
    Column("KEEPALIVE", false, 6),
];

type Cells = [String; COLUMNS.len()];

/// A line for each connection and their number. Where `width` is too little,
/// columns are left out, and named at the end.
pub(super) fn table(rows: &[Row], width: Option<usize>) -> String {
    let cells: Vec<Cells> = rows.iter().map(cells_of).collect();
    let has_names = rows.iter().any(|row| row.connection.peer_name.is_some());
    let is_there = |column: usize| column != NAME || has_names;
    let (mut text, left_out) = lines(&COLUMNS, &cells, is_there, width);
    // Writing to a string cannot fail.
    let _ = write!(text, "{} connections", rows.len());
    if !left_out.is_empty() {
        let _ = write!(text, " (too narrow for {})", left_out.join(", "));
    }
    text.push('\n');
    text
}

fn cells_of(row: &Row) -> Cells {
    let connection = &row.connection;
    let or_none = |cell: Option<String>| cell.unwrap_or_else(|| "-".to_owned());
    [
        peer(connection),
        or_none(connection.peer_name.clone()),
        connection.listener.clone(),
        connection.reactor.to_string(),
        duration(connection.age_seconds),
        duration(connection.idle_seconds),
        connection.messages.to_string(),
        amount(connection.bytes),
        format!("{:.1}/s", row.rate),
        connection.framings.join("+"),
        connection.framing_faults.to_string(),
        or_none(connection.paused_seconds.map(duration)),
        or_none(connection.rtt_ms.map(|rtt| format!("{rtt:.2}ms"))),
        or_none(connection.retransmits.map(|count| count.to_string())),
        or_none(timer(connection)),
        or_none(connection.keep_alive.as_ref().map(keep_alive)),
    ]
}

/// Who sends, through which proxy, as which process.
pub(super) fn peer(connection: &ConnectionStatistics) -> String {
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

/// The timer that runs, the time until it fires, and the probes before it that
/// had no answer.
fn timer(connection: &ConnectionStatistics) -> Option<String> {
    let mut text = connection.timer.clone()?.into_owned();
    if let Some(left) = connection.timer_expires_seconds {
        let _ = write!(text, " {}", duration(left));
    }
    if let Some(probes) = connection.probes.filter(|probes| *probes > 0) {
        let _ = write!(text, ", {probes} unanswered");
    }
    Some(text)
}

/// Silence until the first probe, probes, and the time between them.
fn keep_alive(options: &KeepAliveStatistics) -> String {
    let mut text = match options.on {
        true => format!(
            "{}s+{}x{}s",
            options.time_seconds, options.probes, options.interval_seconds
        ),
        false => "off".to_owned(),
    };
    if options.user_timeout_ms > 0 {
        let _ = write!(text, ", user {}ms", options.user_timeout_ms);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::daemon::ctl::connections::tests::{connection, row};

    #[test]
    fn the_table_has_a_line_for_each_and_their_number() {
        let mut silent = connection("10.0.0.10:1", 123_456, 61.0);
        silent.probes = Some(2);
        silent.timer_expires_seconds = Some(0.25);
        silent.keep_alive.as_mut().unwrap().user_timeout_ms = 60_000;
        let mut unknown = connection("10.0.0.11:1", 0, 0.0);
        unknown.rtt_ms = None;
        unknown.retransmits = None;
        unknown.timer = None;
        unknown.keep_alive.as_mut().unwrap().on = false;
        let rows = [
            row(connection("10.0.0.9:1", 70, 1.0), 0.7),
            row(silent, 12.0),
            row(unknown, 0.0),
        ];
        let expected = [
            "PEER         LISTENER  REACTOR    AGE   IDLE  MESSAGES  BYTES    RATE  FRAMING  FAULTS  PAUSED     RTT  RETRANS  TIMER                         KEEPALIVE",
            "10.0.0.9:1   imptcp          0  1m40s   1.0s        70   7000   0.7/s  lf            0       -  0.10ms        2  keepalive 3m59s               300s+3x30s",
            "10.0.0.10:1  imptcp          0  1m40s  1m01s    123456  12.3M  12.0/s  lf            0       -  6.10ms        2  keepalive 0.2s, 2 unanswered  300s+3x30s, user 60000ms",
            "10.0.0.11:1  imptcp          0  1m40s   0.0s         0      0   0.0/s  lf            0       -       -        -  -                             off",
            "3 connections",
            "",
        ];
        assert_eq!(table(&rows, None), expected.join("\n"));
    }

    #[test]
    fn a_narrow_terminal_gets_what_fits() {
        let rows = [row(connection("10.0.0.9:1", 70, 1.0), 0.7)];
        let lines = |width| -> Vec<String> {
            let table = table(&rows, Some(width));
            table.lines().map(str::to_owned).collect()
        };
        let whole = lines(1000)[1].len();
        assert_eq!(lines(whole)[2], "1 connections");
        let one_less = lines(whole - 1);
        assert_eq!(one_less[2], "1 connections (too narrow for REACTOR)");
        for width in [80, 100, 120] {
            let lines = lines(width);
            assert!(lines[..2].iter().all(|line| line.len() <= width));
            assert!(lines[0].contains("TIMER"), "{lines:?}");
            assert!(lines[2].contains("REACTOR, "), "{lines:?}");
        }
        assert_eq!(lines(1)[0], "PEER          AGE  IDLE  MESSAGES");
        // The most needed that do not fit leave their room to others.
        assert_eq!(
            lines(80)[0],
            "PEER          AGE  IDLE  MESSAGES  BYTES   RATE  PAUSED     RTT  TIMER"
        );
    }
}
